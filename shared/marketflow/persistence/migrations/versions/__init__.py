"""One file per revision, never changed once released; names and imports are Alembic's convention."""
