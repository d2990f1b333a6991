"""JSON logs, EMF metrics and X-Ray traces, the same in every function, through Powertools.

Service name, metrics namespace and log level come from Powertools' own environment variables, which the CDK app sets.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from marketflow.domain.fetching import FetchReport
from marketflow.domain.gaps import Reason
from marketflow.errors import MarketFlowError
from marketflow.services.audit import Audited
from marketflow.services.dispatch import Dispatched
from marketflow.services.loading import Loaded

if TYPE_CHECKING:
    from marketflow.services.retire import Retired

logger = Logger()
"""The functions' logger: one JSON object a line, with the correlation id of the request or tick that it serves."""

# An invocation that fails has no metrics and says so itself; Powertools' warning would be one more line for each.
warnings.filterwarnings("ignore", message="No application metrics to publish")

MOVES_LOGGED = 20
"""Of one answer: a chart in another unit has hundreds, and the first ones say it all."""

metrics = Metrics()
"""The functions' metrics: EMF lines in the log, which CloudWatch turns into metrics at no request of ours."""


def note_fetch(report: FetchReport) -> None:
    """Log what a fetcher run did and count it. A failed run is a warning, with the reason the source gave."""
    facts = report.model_dump(mode="json", exclude_none=True)
    failed = sum(report.failures.values())
    (logger.warning if failed or report.last_error or report.notice else logger.info)("fetched", extra={"fetch": facts})
    if "source" not in metrics.dimension_set:  # a batch of tasks gives one report for each
        metrics.add_dimension(name="source", value=report.source)
    metrics.add_metric(name="FetchRequests", unit=MetricUnit.Count, value=report.requests)
    metrics.add_metric(name="FetchSucceeded", unit=MetricUnit.Count, value=report.succeeded)
    metrics.add_metric(name="FetchFailed", unit=MetricUnit.Count, value=failed)
    if report.budget_used is not None and report.budget_limit:
        used = 100 * report.budget_used / report.budget_limit
        metrics.add_metric(name="BudgetUsed", unit=MetricUnit.Percent, value=used)


@contextmanager
def explained(what: str, *, correlation_id: str) -> Iterator[None]:
    """Log why a piece of work was not done, under its correlation id, and let the error go on to the caller."""
    logger.set_correlation_id(correlation_id)
    try:
        yield
    except MarketFlowError as error:
        logger.warning(what, extra={"error": type(error).__name__, "reason": str(error)})
        raise
    except Exception:
        # A fault of ours: the whole traceback, since nobody has named this yet.
        logger.exception(what)
        raise


def note_dispatch(dispatched: Dispatched) -> None:
    """Log how far a command got and count what it sent, under the id of its job."""
    logger.set_correlation_id(dispatched.id)
    logger.info("dispatched", extra={"dispatch": asdict(dispatched)})
    metrics.add_metric(name="MessagesDispatched", unit=MetricUnit.Count, value=dispatched.sent)


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


def note_retire(retired: Retired) -> None:
    """Log what left the database and count it; a month that cannot be exported is an error with its reason."""
    facts = {
        "retired": [str(month) for month in retired.retired],
        "tidied": [str(month) for month in retired.tidied],
        "brought_back": [str(month) for month in retired.brought_back],
        "files": retired.files,
        "rows": retired.rows,
        "overdue": retired.overdue,
        "overdue_days": retired.overdue_days,
    }
    logger.info("retired", extra={"retire": facts})
    for month, reason in retired.failures.items():
        logger.error("month kept", extra={"month": str(month), "reason": reason})
    metrics.add_metric(name="MonthsRetired", unit=MetricUnit.Count, value=len(retired.retired))
    metrics.add_metric(name="MonthsKept", unit=MetricUnit.Count, value=len(retired.failures))
    metrics.add_metric(name="MonthsOverdue", unit=MetricUnit.Count, value=retired.overdue)
    metrics.add_metric(name="OverdueDays", unit=MetricUnit.Count, value=retired.overdue_days)
    metrics.add_metric(name="RowsExported", unit=MetricUnit.Count, value=retired.rows)


MISSING = {
    Reason.NO_TRADES: "MissingNoTrades",
    Reason.SOURCE_OUTAGE: "MissingSourceOutage",
    Reason.QUARANTINED: "MissingQuarantined",
    Reason.NOT_FETCHED: "MissingNotFetched",
}
"""The metric of each reason: how many candles are missing for it."""


def note_load(loaded: Loaded) -> None:
    """Log what a message became and count it; refused rows are a warning, and so is each price that is held back."""
    logger.set_correlation_id(loaded.correlation_id)
    if (result := loaded.result) is None:
        return
    facts = {"source": loaded.source, "raw_key": loaded.raw_key, **asdict(result), "moves": len(result.moves)}
    (logger.warning if result.quarantined else logger.info)("loaded", extra={"load": facts})
    written = result.candles_written + result.prices_written + result.actions_written
    metrics.add_metric(name="RowsWritten", unit=MetricUnit.Count, value=written)
    metrics.add_metric(name="RowsQuarantined", unit=MetricUnit.Count, value=result.quarantined)
    metrics.add_metric(name="MovesHeld", unit=MetricUnit.Count, value=len(result.moves))
    for move in result.moves[:MOVES_LOGGED]:
        # The raw object is that of the row, which another answer may have brought.
        logger.warning("absurd move held back", extra={"move": asdict(move)})
