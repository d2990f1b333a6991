"""The names of what is deployed, without the stage's prefix: what alarms and dashboards are about."""

from __future__ import annotations

from cdk.stages import Stage
from marketflow.sources.catalog import CATALOG


def functions(stage: Stage) -> list[str]:
    """The deployed functions, without the stage's prefix."""
    return [
        *(f"fetch-{name}" for name in CATALOG),
        "etl",
        "migrate",
        "api",
        "admin",
        "keys",
        "token",
        "dispatch",
        "audit",
        *_retires(stage),
    ]


def _retires(stage: Stage) -> list[str]:
    """The function that retires months, where the stage does not keep all of them."""
    return [] if stage.history_months is None else ["retire"]


def work_queues() -> list[str]:
    """The queues that a function reads, without the stage's prefix."""
    return ["payloads", "commands", *task_queues()]


def task_queues() -> list[str]:
    """The queues in which backfills wait by intention."""
    return [f"tasks-{name}" for name in CATALOG]


def dead_letter_queues(stage: Stage) -> list[str]:
    """The queues that ought to be empty, without the stage's prefix."""
    ticked = (*(f"fetch-{name}" for name in CATALOG), "migrate", "audit", *_retires(stage))
    return [f"{name}-dlq" for name in (*work_queues(), *ticked)]
