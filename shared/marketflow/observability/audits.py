"""What the log and the metrics say of an audit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from marketflow.domain.gaps import Reason
from marketflow.observability import logger, metrics
from marketflow.services.audit import Audited

MISSING = {
    Reason.NO_TRADES: "MissingNoTrades",
    Reason.SOURCE_OUTAGE: "MissingSourceOutage",
    Reason.QUARANTINED: "MissingQuarantined",
    Reason.NOT_FETCHED: "MissingNotFetched",
}
"""The metric of each reason: how many candles are missing for it."""


def note_audit(audited: Audited) -> None:
    """Log what an audit looked at and began, and count the open gaps of each source."""
    facts = {
        "scope": audited.scope,
        "series": audited.series,
        "looked_at": audited.looked_at,
        "changed": audited.changed,
        "begun": [asdict(one) for one in audited.begun],
    }
    logger.info("audited", extra={"audit": facts})
    for one in audited.freshness:
        with _counted(one.source) as counted:
            counted.add_metric(name="FreshnessSeconds", unit=MetricUnit.Seconds, value=one.seconds)
    if audited.freshness:
        # One for all, because the worst one is what is promised (docs/slo.md).
        stale = any(one.stale for one in audited.freshness)
        metrics.add_metric(name="Stale", unit=MetricUnit.Count, value=int(stale))
    for standing in audited.standings:
        with _counted(standing.source) as counted:
            for name, value in (
                ("GapsUnexplained", standing.unexplained),
                ("GapOldestIntervals", standing.oldest),
                ("RepairsQueued", standing.queued),
                ("RepairsRunning", standing.pending),
                ("RepairsGivenUp", standing.given_up),
                *((MISSING[reason], count) for reason, count in standing.missing.items()),
            ):
                counted.add_metric(name=name, unit=MetricUnit.Count, value=value)


@contextmanager
def _counted(source: str) -> Iterator[EphemeralMetrics]:
    """A line of metrics of one source: what one has open is no number of another's."""
    counted = EphemeralMetrics()
    counted.add_dimension(name="source", value=source)
    yield counted
    counted.flush_metrics()
