"""Alarms of each source, from its row in the catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

from cdk.alarms.alarm import Alarm
from cdk.metrics import HOUR, MINUTE, gaps_metric, source_metric
from marketflow.sources.catalog import CATALOG, SourceSpec

SECONDS_A_HOUR = 3600


def of_sources() -> Iterator[Alarm]:
    """The alarms of every source."""
    for source in CATALOG.values():
        if source.schedules:
            yield _freshness(source)
        if source.series:
            yield from _gaps(source)


def _freshness(source: SourceSpec) -> Alarm:
    """Nothing was fetched for as long as the catalogue lets the data age. CloudWatch counts hours beyond an hour."""
    hourly = source.freshness_target_seconds > SECONDS_A_HOUR
    period = HOUR if hourly else MINUTE
    return Alarm(
        name=f"{source.name}-stale",
        help=f"{source.title} delivered nothing. The fetcher's log says why, and /v1/ready when it is asked next.",
        metric=source_metric(source, "FetchSucceeded", period),
        threshold=1,
        below=True,
        periods=ceil(source.freshness_target_seconds / period.to_seconds()),
        silence_rings=True,
    )


def _gaps(source: SourceSpec) -> Iterator[Alarm]:
    yield Alarm(
        name=f"{source.name}-gaps-unexplained",
        help=f"Candles of {source.title} are missing for more than three intervals, and fetching them again takes long "
        "or did not begin, or nobody looked. /v1/coverage says which; the auditor's log says what was begun.",
        metric=gaps_metric(source, "GapsUnexplained"),
        periods=3,
        silence_rings=True,
    )
    yield Alarm(
        name=f"{source.name}-repairs-given-up",
        help=f"Candles of {source.title} are missing after three repairs. GET /v1/backfills shows what came of those; "
        "mend the cause, then begin a backfill of the time, which closes the gap.",
        metric=gaps_metric(source, "RepairsGivenUp"),
    )
