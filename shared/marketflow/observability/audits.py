"""What the log and the metrics say of an audit."""

from __future__ import annotations

from dataclasses import asdict

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from marketflow.domain.gaps import Reason
from marketflow.observability import logger
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
    for standing in audited.standings:
        # A line for each source: what one has open is no number of another's.
        counted = EphemeralMetrics()
        counted.add_dimension(name="source", value=standing.source)
        for name, value in (
            ("GapsUnexplained", standing.unexplained),
            ("GapOldestIntervals", standing.oldest),
            ("RepairsQueued", standing.queued),
            ("RepairsRunning", standing.pending),
            ("RepairsGivenUp", standing.given_up),
            *((MISSING[reason], count) for reason, count in standing.missing.items()),
        ):
            counted.add_metric(name=name, unit=MetricUnit.Count, value=value)
        counted.flush_metrics()
