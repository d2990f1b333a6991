"""The page that says whether everything is all right, generated from the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aws_cdk import Aws
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from cdk.constructs.widgets import FULL, HALF, THIRD, graph, stacked, table
from cdk.costs import daily
from cdk.metrics import HOUR, MINUTE, api_metric, audit_metric, queue_metric
from cdk.queries import REQUESTS_BY_PLAN, REQUESTS_BY_ROUTE
from cdk.slos import FAST, SLOS, Slo
from cdk.stages import Stage
from marketflow.sources.catalog import CATALOG

AGE = "ApproximateAgeOfOldestMessage"
CONSOLE = f"https://{Aws.REGION}.console.aws.amazon.com/cloudwatch/home?region={Aws.REGION}"


class Overview(Construct):
    """Alarms, what is left of the error budgets, how fresh each source is, and how the API does."""

    def __init__(
        self, scope: Construct, construct_id: str, *, stage: Stage, alarms: Sequence[cloudwatch.AlarmBase]
    ) -> None:
        super().__init__(scope, construct_id)
        page = cloudwatch.Dashboard(self, "Dashboard", dashboard_name=stage.resource("overview"))
        page.add_widgets(_links(stage))
        page.add_widgets(cloudwatch.AlarmStatusWidget(title="Alarms", alarms=list(alarms), width=FULL, height=7))
        page.add_widgets(*(_budget(stage, slo) for slo in SLOS))
        page.add_widgets(*_freshness(stage))
        page.add_widgets(
            graph(
                "API: milliseconds",
                *(api_metric(stage, "Latency", statistic, period=MINUTE) for statistic in ("p50", "p95", "p99")),
                limit=stage.alarms.latency_p99,
            ),
            graph(
                "API: requests a minute",
                *(api_metric(stage, name, period=MINUTE) for name in ("Count", "4XXError", "5XXError")),
            ),
        )
        page.add_widgets(table(stage, REQUESTS_BY_ROUTE), table(stage, REQUESTS_BY_PLAN))
        page.add_widgets(
            graph(
                "Payloads: seconds that the oldest waits",
                queue_metric(stage, "payloads", AGE),
                width=HALF,
                limit=stage.alarms.queue_age,
            ),
            stacked("USD a day by usage at list prices of us-east-1: an estimate, not the bill", *daily(stage)),
        )


def _links(stage: Stage) -> cloudwatch.TextWidget:
    details = f"{CONSOLE}#dashboards/dashboard/{stage.resource('details')}"
    queries = f"{CONSOLE}#logsV2:logs-insights"
    return cloudwatch.TextWidget(
        markdown=f"**MarketFlow {stage.name}**  [Details]({details}) · [Queries]({queries}): saved in the folder "
        f"`marketflow-{stage.name}` · Runbook: {stage.runbook_url} · A red line is a target.",
        width=FULL,
        height=1,
    )


def _budget(stage: Stage, slo: Slo) -> cloudwatch.IWidget:
    """The share that was bad, each hour. At the lower line the budget lasts; above the upper one it is gone in days."""
    return cloudwatch.GraphWidget(
        title=f"{slo.title}: share that was not, objective {slo.objective:.1%}",
        left=[slo.bad_share(stage, HOUR)],
        left_annotations=[
            cloudwatch.HorizontalAnnotation(value=slo.budget, label="budget"),
            cloudwatch.HorizontalAnnotation(
                value=round(FAST.factor * slo.budget, 6), label=f"burns {FAST.factor} times as fast", color="#d13212"
            ),
        ],
        width=THIRD,
    )


def _freshness(stage: Stage) -> list[Any]:
    return [
        graph(
            f"{source.title}: seconds behind",
            audit_metric(stage, source, "FreshnessSeconds", period=MINUTE),
            width=THIRD,
            limit=source.freshness_target_seconds,
        )
        for source in CATALOG.values()
        if source.schedules
    ]
