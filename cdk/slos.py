"""The service level objectives as data: what is promised, how it is measured, and how fast its budget may burn.

docs/slo.md states them for people; a test holds the two together. The burn rates are those of the Google SRE workbook,
https://sre.google/workbook/alerting-on-slos/ (multiwindow, multi-burn-rate).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk.aws_cloudwatch import IMetric, MathExpression

from cdk.metrics import FIVE_MINUTES, HOUR, api_metric, rows_metric, stale_metric
from cdk.stages import Stage

PERIOD_DAYS = 30
"""Each objective is about so many days, always the last ones."""


@dataclass(frozen=True, kw_only=True)
class Burn:
    """The budget burns `factor` times as fast as it may, both in the long window and still in the short one."""

    name: str
    factor: float
    long: Duration
    short: Duration


SIX_HOURS = Duration.hours(6)
FAST = Burn(name="fast", factor=14.4, long=HOUR, short=FIVE_MINUTES)
"""2 % of the budget in an hour."""

SLOW = Burn(name="slow", factor=6, long=SIX_HOURS, short=Duration.minutes(30))
"""5 % of the budget in six hours."""

STEADY = Burn(name="steady", factor=1, long=Duration.days(3), short=SIX_HOURS)
"""10 % of the budget in three days: it will be spent when the period ends."""


@dataclass(frozen=True, kw_only=True)
class Slo:
    """`objective` is the share that is to be good; `bad_share` gives the share that was bad in each period."""

    name: str
    title: str
    objective: float
    bad_share: Callable[[Stage, Duration], IMetric]

    @property
    def budget(self) -> float:
        """The share that may be bad."""
        return round(1 - self.objective, 6)

    @property
    def budget_minutes(self) -> float:
        """How many minutes of nothing but bad the budget is."""
        return round(self.budget * PERIOD_DAYS * 24 * 60, 1)


def _failed_requests(stage: Stage, period: Duration) -> IMetric:
    # A handful of errors says nothing when there are hardly any requests.
    return MathExpression(
        expression=f"IF(errors > {stage.alarms.server_errors}, errors / requests, 0)",
        using_metrics={
            "errors": api_metric(stage, "5XXError", period=period),
            "requests": api_metric(stage, "Count", period=period),
        },
        label="share of requests that failed",
        period=period,
    )


def _stale_minutes(stage: Stage, period: Duration) -> IMetric:
    return stale_metric(stage, period=period)


def _refused_rows(stage: Stage, period: Duration) -> IMetric:
    return MathExpression(
        expression="IF(rows > 0, refused / rows, 0)",
        using_metrics={
            "refused": rows_metric(stage, "RowsQuarantined", period=period),
            "rows": rows_metric(stage, "RowsRead", period=period),
        },
        label="share of rows that were refused",
        period=period,
    )


SLOS = (
    Slo(name="availability", title="Requests answered", objective=0.999, bad_share=_failed_requests),
    Slo(name="freshness", title="Minutes within the freshness target", objective=0.99, bad_share=_stale_minutes),
    Slo(name="correctness", title="Rows that are data", objective=0.999, bad_share=_refused_rows),
)
