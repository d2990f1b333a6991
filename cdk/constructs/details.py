"""The page to look for a cause on: the way of the data from the sources to the API, generated from the catalogue."""

from __future__ import annotations

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from cdk.alarms.sources import BUDGET_PERCENT
from cdk.constructs.widgets import FULL, THIRD, graph, table
from cdk.metrics import (
    audit_metric,
    database_metric,
    fetch_metric,
    function_metric,
    proxy_metric,
    queue_metric,
    retire_metric,
    rows_metric,
)
from cdk.parts import dead_letter_queues, functions, work_queues
from cdk.queries import COLD_STARTS, REFUSED_ROWS
from cdk.stages import Stage
from marketflow.sources.catalog import CATALOG, SourceSpec

MISSING = ("NotFetched", "SourceOutage", "Quarantined", "NoTrades")
GAPS = ("GapsUnexplained", "GapOldestIntervals", "RepairsQueued", "RepairsRunning", "RepairsGivenUp")
WAITING, AGE = "ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"
PROXY = ("ClientConnections", "DatabaseConnections", "DatabaseConnectionsCurrentlySessionPinned")
PROXY_MICROSECONDS = ("DatabaseConnectionsBorrowLatency", "QueryDatabaseResponseLatency")


class Details(Construct):
    """Sources, queues, rows, functions, months where some are retired, and the database where there is one."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage) -> None:
        super().__init__(scope, construct_id)
        self.stage = stage
        self.page = cloudwatch.Dashboard(self, "Dashboard", dashboard_name=stage.resource("details"))
        for source in CATALOG.values():
            self._source(source)
        self._work()
        if stage.history_months is not None:
            months = (retire_metric(stage, name) for name in ("MonthsRetired", "MonthsOverdue", "MonthsKept"))
            self.page.add_widgets(
                graph("Months", *months), graph("Rows exported", retire_metric(stage, "RowsExported"))
            )
        if stage.database is not None:
            self._database()

    def _source(self, source: SourceSpec) -> None:
        stage, name = self.stage, f"fetch-{source.name}"
        counts = ("FetchRequests", "FetchSucceeded", "FetchFailed")
        widgets = [
            graph(f"{source.title}: requests", *(fetch_metric(stage, source, one) for one in counts), width=THIRD),
            graph(
                f"{source.title}: milliseconds of a run",
                *(function_metric(stage, name, "Duration", statistic) for statistic in ("p50", "p99")),
                width=THIRD,
            ),
        ]
        if source.tells_budget:
            used = fetch_metric(stage, source, "BudgetUsed", "Maximum")
            widgets.append(graph(f"{source.title}: % of its budget used", used, width=THIRD, limit=BUDGET_PERCENT))
        self.page.add_widgets(*widgets)
        if source.series:
            missing = (audit_metric(stage, source, f"Missing{why}") for why in MISSING)
            self.page.add_widgets(
                graph(f"{source.title}: candles missing", *missing),
                graph(f"{source.title}: gaps and their repair", *(audit_metric(stage, source, one) for one in GAPS)),
            )

    def _work(self) -> None:
        stage = self.stage
        self.page.add_widgets(
            graph("Messages waiting", *(queue_metric(stage, name, WAITING) for name in work_queues()), width=THIRD),
            graph(
                "Seconds that the oldest waits", *(queue_metric(stage, one, AGE) for one in work_queues()), width=THIRD
            ),
            graph(
                "Dead letters", *(queue_metric(stage, one, WAITING) for one in dead_letter_queues(stage)), width=THIRD
            ),
        )
        self.page.add_widgets(
            graph("Rows", *(rows_metric(stage, one) for one in ("RowsRead", "RowsWritten")), width=THIRD),
            graph(
                "Rows refused, held back",
                *(rows_metric(stage, one) for one in ("RowsQuarantined", "MovesHeld")),
                width=THIRD,
            ),
            graph(
                "ETL: milliseconds",
                *(function_metric(stage, "etl", "Duration", one) for one in ("p50", "p99")),
                width=THIRD,
            ),
        )
        self.page.add_widgets(table(stage, REFUSED_ROWS), table(stage, COLD_STARTS))
        for title in ("Errors", "Throttles", "Invocations"):
            self.page.add_widgets(
                graph(
                    f"Functions: {title.lower()}",
                    *(function_metric(stage, one, title) for one in functions(stage)),
                    width=FULL,
                )
            )

    def _database(self) -> None:
        stage = self.stage
        self.page.add_widgets(
            graph("Database: CPU %", database_metric(stage, "CPUUtilization"), width=THIRD, limit=90),
            graph(
                "Database: CPU credits",
                *(database_metric(stage, name) for name in ("CPUCreditBalance", "CPUSurplusCreditBalance")),
                width=THIRD,
            ),
            graph("Database: free bytes", database_metric(stage, "FreeStorageSpace", "Minimum"), width=THIRD),
        )
        self.page.add_widgets(
            graph("Proxy: connections, pinned sessions", *(proxy_metric(stage, name) for name in PROXY), width=THIRD),
            graph(
                "Proxy: microseconds",
                *(proxy_metric(stage, name, "Average") for name in PROXY_MICROSECONDS),
                width=THIRD,
            ),
            graph(
                "Database: operations a second, % of I/O left",
                *(database_metric(stage, name) for name in ("ReadIOPS", "WriteIOPS", "EBSIOBalance%")),
                width=THIRD,
            ),
        )
