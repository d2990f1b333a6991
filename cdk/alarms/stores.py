"""Alarms of what keeps the data: the database, and the months that leave it."""

from __future__ import annotations

from collections.abc import Iterator

from cdk.alarms.alarm import Alarm
from cdk.metrics import database_metric, retire_metric
from cdk.stages import Stage

OVERDUE_DAYS = 5
"""A month of many symbols takes some days, one run after the other."""


def of_retirement() -> Iterator[Alarm]:
    """The alarms of a stage that does not keep every month."""
    yield Alarm(
        name="month-kept",
        help="A month is too old and cannot be exported: it stays in the database, with those behind it. The log of "
        "the function retire says why (month kept); docs/runbook/history.md says what to do.",
        metric=retire_metric("MonthsKept"),
    )
    yield Alarm(
        name="retirement-overdue",
        help="The oldest month ought to have been retired days ago, or nothing tried: the function retire fails, or "
        "one run a day is not enough. Its log says how far it came; docs/runbook/history.md says what to do.",
        metric=retire_metric("OverdueDays"),
        threshold=OVERDUE_DAYS,
        periods=2,
        silence_rings=True,
    )


def of_database(stage: Stage, *, gigabytes: int) -> Iterator[Alarm]:
    """The alarms of an instance with so much storage."""
    yield Alarm(
        name="database-storage-low",
        help="Less than a tenth of the storage is free: raise max_storage in cdk.json.",
        metric=database_metric(stage, "FreeStorageSpace", "Minimum"),
        threshold=gigabytes * 10**9 / 10,
        below=True,
    )
    yield Alarm(
        name="database-busy",
        help="The database computes all the time: look at Performance Insights, or take a larger instance.",
        metric=database_metric(stage, "CPUUtilization"),
        threshold=90,
        periods=3,
    )
