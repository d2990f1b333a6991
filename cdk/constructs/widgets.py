"""The pieces of the dashboards."""

from __future__ import annotations

from aws_cdk import aws_cloudwatch as cloudwatch

from cdk.queries import Query
from cdk.stages import Stage

THIRD, HALF, FULL = 8, 12, 24
RED = "#d13212"


def graph(
    title: str, *metrics: cloudwatch.IMetric, width: int = HALF, limit: float | None = None
) -> cloudwatch.IWidget:
    """Lines over time; `limit` is drawn across them."""
    lines = (
        [] if limit is None else [cloudwatch.HorizontalAnnotation(value=limit, label=f"target {limit:g}", color=RED)]
    )
    return cloudwatch.GraphWidget(title=title, left=list(metrics), left_annotations=lines, width=width)


def stacked(title: str, *metrics: cloudwatch.IMetric) -> cloudwatch.IWidget:
    """Areas that add up."""
    return cloudwatch.GraphWidget(title=title, left=list(metrics), stacked=True, width=FULL)


def table(stage: Stage, query: Query, *, width: int = HALF) -> cloudwatch.IWidget:
    """What a query finds in the time that the page shows; it is asked, and paid for, when somebody looks."""
    return cloudwatch.LogQueryWidget(
        title=query.name.capitalize(),
        log_group_names=query.log_groups(stage),
        query_string=query.text,
        view=cloudwatch.LogQueryVisualizationType.TABLE,
        width=width,
    )
