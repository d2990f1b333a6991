"""Reads what is known about the candles of a symbol: the stored ones, and the facts that explain the missing ones."""

from __future__ import annotations

import json
from datetime import date, time, timedelta

from marketflow.domain.coverage import CoverageFacts, CoverageQuery, Seconds, Taken
from marketflow.persistence.connection import Database
from marketflow.persistence.coverage_sql import COVERAGE

_SHORTEST = timedelta(days=1)
"""A question without a beginning is about a day at least."""

_PIECE = 1440
"""How many intervals are counted at once: a day of minutes."""


class CoverageRepository:
    """Satisfies `CoverageReader` of marketflow.services.coverage with one statement."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def coverage(self, query: CoverageQuery) -> CoverageFacts | None:
        """What is known about a symbol; None when there is none. Raises DatabaseUnavailableError."""
        rows = self._database.query(
            COVERAGE,
            name=query.name,
            interval=query.interval.value,
            start=query.start,
            until=query.until,
            earliest=query.earliest,
            step=query.step,
            piece=query.step * _PIECE if query.step > 1 else _PIECE * 30 * 86_400,
            rate_sources=",".join(query.rate_sources),
            floor=min(query.start or query.earliest, query.until - _SHORTEST),
        )
        if not rows:
            return None
        symbol, source, timezone, active, start, first, stored, *texts = rows[0]
        fetched, refused, outages, fetched_until, sessions, hours, traded, days, minutes, held, *rates = texts
        currencies, closed, watched, taken = rates
        return CoverageFacts(
            symbol=symbol,
            source=source,
            timezone=timezone,
            active=active,
            start=start,
            first=first,
            stored=_pairs(stored),
            fetched=_pairs(fetched),
            refused=_pairs(refused),
            outages=_pairs(outages),
            fetched_until=fetched_until,
            sessions=_pairs(sessions),
            hours=None if hours is None else _hours(hours),
            traded=frozenset(date.fromisoformat(day) for day in json.loads(traded or "[]")),
            days=_pairs(days),
            minutes=_pairs(minutes),
            held=_pairs(held),
            currencies=frozenset(currencies.split()),
            closed=_pairs(closed),
            watched=watched,
            taken=[Taken(*one) for one in json.loads(taken or "[]")],
        )


def _pairs(text: str | None) -> Seconds:
    return [(start, end) for start, end in json.loads(text or "[]")]


def _hours(text: str) -> tuple[time, time]:
    opening, closing = text.split()
    return time.fromisoformat(opening), time.fromisoformat(closing)
