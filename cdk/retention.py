"""How long things are kept, in the CDK's words."""

from __future__ import annotations

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs

from cdk.stages import Stage

DAYS = {
    1: logs.RetentionDays.ONE_DAY,
    3: logs.RetentionDays.THREE_DAYS,
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    90: logs.RetentionDays.THREE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
}


def log_retention(stage: Stage) -> logs.RetentionDays:
    """How long the stage keeps its logs."""
    return DAYS[stage.log_days]


def removal_policy(stage: Stage) -> RemovalPolicy:
    """What happens to data when its stack is deleted."""
    return {"retain": RemovalPolicy.RETAIN, "destroy": RemovalPolicy.DESTROY}[stage.removal]
