"""A small HTTP server that speaks the vendors' wire formats from a seed and a clock, for runs without the internet."""
