"""PostgreSQL: the schema and its migrations, one connection per process, the load path and the repositories."""
