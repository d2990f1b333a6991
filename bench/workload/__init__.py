"""What the deployment has to do for so many symbols: derived from the catalogue, the sources' code and measurements."""
