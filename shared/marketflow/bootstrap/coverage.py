"""Wires the explanation of what is missing, for the read API and for the auditor."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from marketflow.bootstrap.process import utc_now
from marketflow.domain.coverage import Calendar, Reach, Supplement, Supply
from marketflow.domain.interval import Interval
from marketflow.persistence.connection import Database
from marketflow.persistence.coverage import CoverageRepository
from marketflow.services.coverage import Coverages
from marketflow.sources.catalog import CATALOG, SourceSpec, suppliers
from marketflow.sources.factory import SOURCES


def coverages_in(database: Database, clock: Callable[[], datetime] = utc_now) -> Coverages:
    """What knows which candles of `database` must exist, at the time that `clock` shows."""
    return Coverages(
        reader=CoverageRepository(database),
        clock=clock,
        supplies={spec.name: supply(spec) for spec in CATALOG.values()},
    )


def supply(spec: SourceSpec) -> Supply:
    """What the catalogue and the source itself declare of its candles, in the words of the domain."""
    histories = SOURCES[spec.name].histories
    return Supply(
        calendar=Calendar(spec.calendar),
        flat_candles=spec.flat_candles,
        reach={
            Interval(series.interval): Reach(
                catches_up_seconds=series.catches_up_seconds, history=histories.get(Interval(series.interval))
            )
            for series in spec.series
        },
        supplements=[
            Supplement(
                currencies=frozenset(supplier.currencies),
                since=datetime.fromisoformat(supplier.since or "1900-01-01").replace(tzinfo=UTC),
            )
            for supplier in suppliers(spec.name)
        ],
    )
