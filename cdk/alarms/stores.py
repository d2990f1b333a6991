"""Alarms of what keeps the data: the database with its proxy, and the months that leave it."""

from __future__ import annotations

from collections.abc import Iterator

from aws_cdk.aws_cloudwatch import MathExpression, TreatMissingData

from cdk.alarms.alarm import Alarm
from cdk.metrics import FIVE_MINUTES, database_metric, proxy_metric, retire_metric
from cdk.stages import Database, Stage

OVERDUE_DAYS = 5
"""A month of many symbols takes some days, one run after the other."""

CONNECTIONS_PERCENT = 80


def of_retirement(stage: Stage) -> Iterator[Alarm]:
    """The alarms of a stage that does not keep every month."""
    yield Alarm(
        name="month-kept",
        kind="month-kept",
        severity="ticket",
        help="A month is too old and cannot be exported: it stays in the database, with those behind it.",
        metric=retire_metric(stage, "MonthsKept"),
    )
    yield Alarm(
        name="retirement-overdue",
        kind="retirement-overdue",
        severity="ticket",
        help="The oldest month ought to have been retired days ago, or nothing tried.",
        metric=retire_metric(stage, "OverdueDays"),
        threshold=OVERDUE_DAYS,
        periods=2,
        silence=TreatMissingData.BREACHING,
    )


def of_database(stage: Stage, database: Database) -> Iterator[Alarm]:
    """The alarms of the instance and its proxy."""
    yield Alarm(
        name="database-storage-low",
        kind="database-storage-low",
        severity="page",
        help="Less than a tenth of the database's storage is free.",
        metric=database_metric(stage, "FreeStorageSpace", "Minimum"),
        threshold=database.storage * 10**9 / 10,
        below=True,
    )
    yield Alarm(
        name="database-busy",
        kind="database-busy",
        severity="ticket",
        help="The database computes all the time.",
        metric=database_metric(stage, "CPUUtilization"),
        threshold=90,
        periods=3,
    )
    if database.burstable:
        yield Alarm(
            name="database-credits-spent",
            kind="database-credits-spent",
            severity="ticket",
            help="The database computes more than its class earns, which is billed by the hour.",
            metric=database_metric(stage, "CPUSurplusCreditBalance", "Minimum"),
            periods=12,
        )
    yield Alarm(
        name="database-connections",
        kind="database-connections",
        severity="page",
        help=f"The proxy uses more than {CONNECTIONS_PERCENT} % of the connections that the database allows.",
        metric=MathExpression(
            expression="100 * connections / allowed",
            using_metrics={
                "connections": proxy_metric(stage, "DatabaseConnections"),
                "allowed": proxy_metric(stage, "MaxDatabaseConnectionsAllowed"),
            },
            label="% of connections",
            period=FIVE_MINUTES,
        ),
        threshold=CONNECTIONS_PERCENT,
        periods=3,
    )
    yield Alarm(
        name="proxy-pinned",
        kind="proxy-pinned",
        severity="ticket",
        help="Sessions are pinned to one connection each, so that the proxy cannot share them.",
        metric=proxy_metric(stage, "DatabaseConnectionsCurrentlySessionPinned"),
        periods=3,
    )
