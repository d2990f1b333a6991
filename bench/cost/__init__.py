"""The monthly bill, computed from the synthesised templates of a stage and a table of list prices."""
