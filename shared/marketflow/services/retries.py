"""What has to be done again after a run, and what is given up for good."""

from __future__ import annotations

from collections.abc import Sequence

from marketflow.domain.fetching import FetchReport, FetchTask
from marketflow.domain.jobs import Part, PartFailure
from marketflow.errors import MarketFlowError, RetryLaterError

UNAVAILABLE = "symbol_unavailable"
"""The kind of failure that asking again does not mend: the source does not know the symbol."""


def must_retry(report: FetchReport) -> MarketFlowError | None:
    """Why a task has to be done again, for a queue that redelivers it; None when it is done for good.

    Unknown symbols and quarantined answers are done: asking again gives the same.
    """
    open_failures = {
        kind: count
        for kind, count in report.failures.items()
        if kind != UNAVAILABLE and not kind.startswith("malformed_")
    }
    if not open_failures and (report.requests or report.last_error is None):
        return None
    return RetryLaterError(
        f"{report.source}: {open_failures or 'not asked'}: {report.last_error}", not_before=report.next_due_at
    )


def lost(part: Part | None, report: FetchReport, *, last_try: bool) -> PartFailure | None:
    """`part` when it gets no answer any more: its symbol is unknown, or the last try failed.

    A part whose answer was handed on is not lost here, whatever is in it: the ETL says what it became.
    """
    if part is None:
        return None
    if UNAVAILABLE not in report.failures and not (last_try and must_retry(report) is not None):
        return None
    reason = next(iter(report.failures), "not_asked")
    return PartFailure(part=part, reason=reason, detail=report.last_error or "The source was not asked.")


def part_of(tasks: Sequence[FetchTask]) -> Part | None:
    """The part of a backfill that the run is about: a task of the queue comes alone."""
    return next((task.part for task in tasks if task.part is not None), None)
