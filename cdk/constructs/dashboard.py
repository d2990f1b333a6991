"""The dashboard, generated from the source catalogue."""

from __future__ import annotations

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from cdk.metrics import (
    api_metric,
    database_metric,
    function_metric,
    gaps_metric,
    queue_metric,
    retire_metric,
    rows_metric,
    source_metric,
)
from cdk.parts import dead_letter_queues, functions, work_queues
from cdk.stages import Stage
from marketflow.sources.catalog import CATALOG

HALF, FULL = 12, 24
MISSING = ("NotFetched", "SourceOutage", "Quarantined", "NoTrades")
GAPS = ("GapsUnexplained", "GapOldestIntervals", "RepairsQueued", "RepairsRunning", "RepairsGivenUp")


class Dashboard(Construct):
    """One page: the alarms, then the way of the data from the sources to the API."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        alarms: list[cloudwatch.Alarm],
    ) -> None:
        super().__init__(scope, construct_id)
        dashboard = cloudwatch.Dashboard(self, "Dashboard", dashboard_name=stage.resource("overview"))
        dashboard.add_widgets(cloudwatch.AlarmStatusWidget(title="Alarms", alarms=list(alarms), width=FULL, height=6))
        for source in CATALOG.values():
            dashboard.add_widgets(
                _graph(
                    f"{source.title}: requests",
                    *(source_metric(source, name) for name in ("FetchRequests", "FetchSucceeded", "FetchFailed")),
                ),
                _graph(
                    f"{source.title}: milliseconds",
                    *(function_metric(stage, f"fetch-{source.name}", "Duration", stat) for stat in ("p50", "p99")),
                ),
            )
            if not source.series:
                continue
            dashboard.add_widgets(
                _graph(
                    f"{source.title}: candles missing",
                    *(gaps_metric(source, f"Missing{why}") for why in MISSING),
                ),
                _graph(
                    f"{source.title}: gaps and their repair",
                    *(gaps_metric(source, name) for name in GAPS),
                ),
            )
        waiting = "ApproximateNumberOfMessagesVisible"
        dashboard.add_widgets(
            _graph("Messages waiting", *(queue_metric(stage, name, waiting) for name in work_queues())),
            _graph("Dead letters", *(queue_metric(stage, name, waiting) for name in dead_letter_queues(stage))),
        )
        dashboard.add_widgets(
            _graph("Rows", *(rows_metric(name) for name in ("RowsWritten", "RowsQuarantined", "MovesHeld"))),
            _graph("ETL: milliseconds", *(function_metric(stage, "etl", "Duration", stat) for stat in ("p50", "p99"))),
        )
        dashboard.add_widgets(
            _graph("Errors", *(function_metric(stage, name, "Errors") for name in functions(stage))),
            _graph("Invocations", *(function_metric(stage, name, "Invocations") for name in functions(stage))),
        )
        dashboard.add_widgets(
            _graph("API: requests", *(api_metric(stage, name) for name in ("Count", "4XXError", "5XXError"))),
            _graph("API: milliseconds", *(api_metric(stage, "Latency", stat) for stat in ("p50", "p99"))),
        )
        if stage.history_months is not None:
            dashboard.add_widgets(
                _graph("Months", *(retire_metric(name) for name in ("MonthsRetired", "MonthsOverdue", "MonthsKept"))),
                _graph("Rows exported", retire_metric("RowsExported")),
            )
        if stage.database is not None:
            dashboard.add_widgets(
                _graph("Database: CPU %", database_metric(stage, "CPUUtilization")),
                _graph("Database: connections", database_metric(stage, "DatabaseConnections", "Maximum")),
            )


def _graph(title: str, *metrics: cloudwatch.Metric) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(metrics), width=HALF)
