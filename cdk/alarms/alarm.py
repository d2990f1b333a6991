"""What an alarm is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from aws_cdk.aws_cloudwatch import ComparisonOperator, IMetric, TreatMissingData

Severity = Literal["page", "ticket"]
"""Who is told: somebody now, because users feel it or soon will; or somebody within days, before they do."""


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """Rings when `metric` is above (`below`: under) `threshold` in each of `periods` periods.

    `help` says in one sentence what happened, and `kind` is the section of docs/runbook/alarms.md that says what to do.
    `severity` None: it tells nobody by itself, a composite alarm reads it. `silence` is what a period without data
    counts as, and `rare_data_waits` keeps a percentile of too few requests from meaning anything.
    """

    name: str
    kind: str
    severity: Severity | None
    help: str
    metric: IMetric
    threshold: float = 0
    below: bool = False
    periods: int = 1
    silence: TreatMissingData = TreatMissingData.NOT_BREACHING
    rare_data_waits: bool = False

    @property
    def comparison(self) -> ComparisonOperator:
        """The comparison as CloudWatch names it."""
        return ComparisonOperator.LESS_THAN_THRESHOLD if self.below else ComparisonOperator.GREATER_THAN_THRESHOLD


@dataclass(frozen=True, kw_only=True)
class CompositeAlarm:
    """Rings while all alarms of one of the groups `any_of` ring."""

    name: str
    kind: str
    severity: Severity
    help: str
    any_of: tuple[tuple[Alarm, ...], ...]


def described(help_: str, *, kind: str, runbook_url: str) -> str:
    """The text that the alarm's message carries."""
    return f"{help_} Runbook: {runbook_url}alarms.md#{kind}"
