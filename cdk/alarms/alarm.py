"""What an alarm is."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk.aws_cloudwatch import ComparisonOperator, Metric, TreatMissingData


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """Rings when `metric` is above (`below`: under) `threshold` in each of `periods` periods; `help` says what to do.

    `silence_rings`: no data at all is what the alarm is for.
    """

    name: str
    help: str
    metric: Metric
    threshold: float = 0
    below: bool = False
    periods: int = 1
    silence_rings: bool = False

    @property
    def comparison(self) -> ComparisonOperator:
        """The comparison as CloudWatch names it."""
        return ComparisonOperator.LESS_THAN_THRESHOLD if self.below else ComparisonOperator.GREATER_THAN_THRESHOLD

    @property
    def missing_data(self) -> TreatMissingData:
        """What a period without data counts as."""
        return TreatMissingData.BREACHING if self.silence_rings else TreatMissingData.NOT_BREACHING
