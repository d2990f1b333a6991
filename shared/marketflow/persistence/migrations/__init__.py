"""Alembic's folder. Forward only: a mistake is mended by the next revision, and a snapshot takes a database back."""
