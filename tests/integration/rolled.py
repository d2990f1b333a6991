"""What a load does behind its rows, for tests that put rows into the tables themselves."""

from __future__ import annotations

from marketflow.persistence.connection import Database


def roll(database: Database) -> None:
    """Roll up all that is stored, from nothing."""
    database.query("SELECT roll_anew(id) FROM symbols")
