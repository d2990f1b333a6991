"""An alarm of cdk/alarms as CloudWatch has it."""

from __future__ import annotations

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from cdk.alarms.alarm import Alarm, described
from cdk.stages import Stage


def metric_alarm(scope: Construct, spec: Alarm, *, stage: Stage) -> cloudwatch.Alarm:
    """The alarm `marketflow-<stage>-<name>`; whom it tells is the caller's."""
    return cloudwatch.Alarm(
        scope,
        f"Alarm-{spec.name}",
        alarm_name=stage.resource(spec.name),
        alarm_description=described(spec.help, kind=spec.kind, runbook_url=stage.runbook_url),
        metric=spec.metric,
        threshold=spec.threshold,
        comparison_operator=spec.comparison,
        evaluation_periods=spec.periods,
        treat_missing_data=spec.silence,
        evaluate_low_sample_count_percentile="ignore" if spec.rare_data_waits else None,
    )
