"""The page where a person reads the API and tries it, and the files that it is made of."""
