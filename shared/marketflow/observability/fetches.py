"""What the log and the metrics say of a run of a fetcher."""

from __future__ import annotations

from aws_lambda_powertools.metrics import MetricUnit

from marketflow.domain.fetching import FetchReport
from marketflow.observability import logger, metrics


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
