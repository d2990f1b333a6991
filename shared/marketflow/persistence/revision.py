"""Which state of the schema this code wants and which one a database has, without SQLAlchemy: `/ready` asks often."""

from __future__ import annotations

from marketflow.persistence.connection import Database

HEAD = "0015"
"""The newest revision in migrations/versions; a test compares them."""


def current(database: Database) -> str | None:
    """The revision of the database's schema; None when no migration ever ran."""
    if database.query("SELECT to_regclass('public.alembic_version')::text") == [[None]]:
        return None
    rows = database.query("SELECT version_num FROM public.alembic_version")
    return str(rows[0][0]) if rows else None
