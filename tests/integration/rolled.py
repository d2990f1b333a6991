"""What a load does behind its rows, for tests that put rows into the tables themselves."""

from __future__ import annotations

from marketflow.persistence.connection import Database


def roll(database: Database) -> None:
    """Roll up all that is stored, from nothing."""
    database.query("DELETE FROM rollups")
    database.query(
        """SELECT roll(symbol_id, interval, min(open_time), max(open_time)) FROM candles GROUP BY symbol_id, interval"""
    )
