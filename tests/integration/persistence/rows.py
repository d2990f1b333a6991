"""Rows, and what is in the tables."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from marketflow.domain.interval import Interval
from marketflow.domain.loading import Provenance
from marketflow.domain.records import Candle
from marketflow.persistence.connection import Database

START = datetime(2026, 3, 2, tzinfo=UTC)
TABLES = ("raw_objects", "candles", "prices", "actions", "quarantine")


def candle(minute: int = 0, *, close: str = "101", final: bool = True, **changes: Any) -> Candle:  # noqa: ANN401
    """A valid one-minute candle of BTCUSDT."""
    good = Candle(
        source_symbol="BTCUSDT",
        interval=Interval.M1,
        open_time=START + timedelta(minutes=minute),
        open=Decimal("100.10"),
        high=max(Decimal(110), Decimal(close)),
        low=min(Decimal(95), Decimal(close)),
        close=Decimal(close),
        volume=Decimal("3.1400"),
        final=final,
        currency="USDT",
        quote_volume=Decimal("314.0"),
        trades=12,
        position=minute,
    )
    return replace(good, **changes)


def answer(minute: int = 0, *, source: str = "binance") -> Provenance:
    """An answer that was received `minute` minutes after the start."""
    return Provenance(
        raw_key=f"raw/source={source}/{minute}",
        source=source,
        dataset="klines_1m",
        observed_at=START + timedelta(minutes=minute),
    )


def contents(database: Database) -> dict[str, list[Any]]:
    """Every row of every table that loads write, in one order."""
    return {
        table: [row[0] for row in database.query(f"SELECT CAST(t AS text) FROM {table} AS t ORDER BY 1")]  # noqa: S608
        for table in TABLES
    }


def closes(database: Database) -> list[tuple[str, bool]]:
    """The close and finality of each candle, in the order of their times."""
    rows = database.query("SELECT close, final FROM candles ORDER BY symbol_id, interval, open_time")
    return [(str(close), final) for close, final in rows]


def quarantined(database: Database) -> list[tuple[int, str, str | None]]:
    """Position, reason and symbol of each refused row."""
    return [tuple(row) for row in database.query("SELECT position, reason, symbol FROM quarantine ORDER BY 1, 2")]
