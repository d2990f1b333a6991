"""Alarms of each source, from its row in the catalogue, and of the data that comes from all of them."""

from __future__ import annotations

from collections.abc import Iterator

from aws_cdk.aws_cloudwatch import TreatMissingData

from cdk.alarms.alarm import Alarm
from cdk.metrics import MINUTE, audit_metric, fetch_metric, rows_metric
from cdk.stages import Stage
from marketflow.sources.catalog import CATALOG, SourceSpec

BUDGET_PERCENT = 80
"""Of a source's requests a minute. Background work stops at half, so that only the schedule gets this far."""


def of_sources(stage: Stage) -> Iterator[Alarm]:
    """The alarms of every source, of who looks after them, and of prices that are held back."""
    for source in CATALOG.values():
        if source.schedules:
            yield _freshness(stage, source)
        if source.series:
            yield from _gaps(stage, source)
        if source.tells_budget:
            yield _budget(stage, source)
    yield _auditor(stage)
    yield Alarm(
        name="absurd-move",
        kind="absurd-move",
        severity="ticket",
        help="A price too far from the one before it is held back and not served.",
        metric=rows_metric(stage, "MovesHeld"),
    )


def _freshness(stage: Stage, source: SourceSpec) -> Alarm:
    """Without a gauge nobody knows: the auditor's own alarm rings, and this one stays as it is."""
    return Alarm(
        name=f"{source.name}-stale",
        kind="source-stale",
        severity="page",
        help=f"The newest data of {source.title} is older than {source.freshness_target_seconds} seconds.",
        metric=audit_metric(stage, source, "FreshnessSeconds", period=MINUTE),
        threshold=source.freshness_target_seconds,
        periods=3,
        silence=TreatMissingData.IGNORE,
    )


def _gaps(stage: Stage, source: SourceSpec) -> Iterator[Alarm]:
    yield Alarm(
        name=f"{source.name}-gaps-unexplained",
        kind="gaps-unexplained",
        severity="ticket",
        help=f"Candles of {source.title} are missing, and fetching them again takes long or did not begin.",
        metric=audit_metric(stage, source, "GapsUnexplained"),
        periods=3,
    )
    yield Alarm(
        name=f"{source.name}-repairs-given-up",
        kind="repairs-given-up",
        severity="ticket",
        help=f"Candles of {source.title} are missing after three repairs.",
        metric=audit_metric(stage, source, "RepairsGivenUp"),
    )


def _budget(stage: Stage, source: SourceSpec) -> Alarm:
    return Alarm(
        name=f"{source.name}-budget-nearly-used",
        kind="budget-nearly-used",
        severity="ticket",
        help=f"More than {BUDGET_PERCENT} % of the requests that {source.title} allows are used.",
        metric=fetch_metric(stage, source, "BudgetUsed", "Maximum"),
        threshold=BUDGET_PERCENT,
        periods=3,
    )


def _auditor(stage: Stage) -> Alarm:
    watched = next(source for source in CATALOG.values() if source.schedules)
    return Alarm(
        name="audit-silent",
        kind="audit-silent",
        severity="page",
        help="The auditor says nothing: nobody knows how fresh the data is, and gaps are not found.",
        metric=audit_metric(stage, watched, "FreshnessSeconds", "SampleCount"),
        threshold=1,
        below=True,
        periods=2,
        silence=TreatMissingData.BREACHING,
    )
