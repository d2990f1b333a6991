"""The vendors: each one is a row of `catalog`, a module with pure `build_requests` and `parse`, and a fixture."""
