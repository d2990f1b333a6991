"""A pricer for each resource type that costs something: a function from the resource to the lines of the bill."""
