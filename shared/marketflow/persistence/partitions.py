"""The months of minutes and prices: made when a row comes that has none, refused where they are retired."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime

from pg8000.exceptions import DatabaseError  # type: ignore[import-untyped]  # pg8000 ships no types

from marketflow.domain.interval import Interval
from marketflow.domain.records import ParsedPayload
from marketflow.persistence.connection import Database
from marketflow.persistence.connector import server_routine

_NO_PARTITION = "ExecFindPartition"
"""The place in the server that raises it; its code is that of every broken check."""

_MAKE = "SELECT CAST(make_months(CAST(:first AS timestamptz), CAST(:last AS timestamptz)) AS text)"


def is_missing(error: DatabaseError) -> bool:
    """Whether a row belongs into a month that has no partition."""
    return server_routine(error) == _NO_PARTITION


def within_months(database: Database, payload: ParsedPayload) -> tuple[ParsedPayload, int]:
    """`payload` without its rows of retired months, and how many those are; every other month is there afterwards.

    Raises as `Database.query` does.
    """
    retired = _make(database, (candle.open_time for candle in payload.candles if candle.interval is Interval.M1))
    retired |= _make(database, (price.as_of for price in payload.prices))
    candles = tuple(
        one for one in payload.candles if one.interval is not Interval.M1 or _month(one.open_time) not in retired
    )
    prices = tuple(one for one in payload.prices if _month(one.as_of) not in retired)
    left_out = len(payload.candles) - len(candles) + len(payload.prices) - len(prices)
    return replace(payload, candles=candles, prices=prices), left_out


def _make(database: Database, moments: Iterable[datetime]) -> set[date]:
    """The retired ones among the months from the first to the last of `moments`; the others are made."""
    times = sorted(moments)
    if not times:
        return set()
    rows = database.query(_MAKE, first=times[0], last=times[-1])
    return {date.fromisoformat(month) for (month,) in rows}


def _month(moment: datetime) -> date:
    return moment.astimezone(UTC).date().replace(day=1)
