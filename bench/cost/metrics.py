"""How many custom metrics each function has: CloudWatch bills every name with every set of dimensions.

marketflow.observability writes them; a test counts them there.
"""

from __future__ import annotations

from marketflow.sources.catalog import CATALOG

FETCH = ("FetchRequests", "FetchSucceeded", "FetchFailed")
BUDGET = "BudgetUsed"
WITH_BUDGET = frozenset(name for name, source in CATALOG.items() if source.tells_budget)
"""Sources that say how much of their budget is used."""

ETL = ("RowsWritten", "RowsRead", "RowsQuarantined", "MovesHeld")
DISPATCH = ("MessagesDispatched",)
AUDIT = (
    "FreshnessSeconds",
    "GapsUnexplained",
    "GapOldestIntervals",
    "RepairsQueued",
    "RepairsRunning",
    "RepairsGivenUp",
    "MissingNoTrades",
    "MissingSourceOutage",
    "MissingQuarantined",
    "MissingNotFetched",
)
"""For each source with series."""

STALE = ("Stale",)
"""Of all sources together."""

RETIRE = ("MonthsRetired", "MonthsKept", "MonthsOverdue", "OverdueDays", "RowsExported")


def metrics_of(function: str) -> int:
    """The custom metrics of a function, by its name without the stage's prefix."""
    if function.startswith("fetch-"):
        return len(FETCH) + (function.removeprefix("fetch-") in WITH_BUDGET)
    audited = sum(1 for source in CATALOG.values() if source.series)
    known = {
        "etl": len(ETL),
        "dispatch": len(DISPATCH),
        "audit": len(AUDIT) * audited + len(STALE),
        "retire": len(RETIRE),
    }
    return known.get(function, 0)
