"""What EventBridge Scheduler needs to invoke a function: a role, and for each schedule an order."""

from __future__ import annotations

import json

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk.constructs.function import Function

TICK_MAX_AGE = Duration.minutes(5)
"""A tick that could not be delivered for so long is dropped: a later one does what it would have."""

EXECUTION_ID = "<aws.scheduler.execution-id>"
"""EventBridge Scheduler puts its own id of the tick here: the correlation id from the schedule to the row."""


class Ticks:
    """Makes schedules in `scope` that invoke `function`; a tick that cannot be delivered ends in `missed`."""

    def __init__(self, scope: Construct, *, function: Function, missed: sqs.Queue) -> None:
        self._scope = scope
        self._function = function.function
        self._missed = missed
        self._invoker = iam.Role(
            scope,
            "Invoker",
            assumed_by=iam.ServicePrincipal(
                "scheduler.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": Stack.of(scope).account}}
            ),
            description=f"Lets EventBridge Scheduler invoke {function.name}",
        )
        missed.grant_send_messages(self._invoker)
        self._invoker.add_to_policy(
            iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[self._function.function_arn])
        )

    def add(self, construct_id: str, *, name: str, description: str, expression: str, order: dict[str, object]) -> None:
        """A schedule, in UTC; `order` is what the function gets, with the id of the tick."""
        # The L2 construct lets its role invoke every version of the function, and cannot keep the input's text.
        scheduler.CfnSchedule(
            self._scope,
            construct_id,
            name=name,
            description=description,
            schedule_expression=expression,
            schedule_expression_timezone="UTC",
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=self._function.function_arn,
                role_arn=self._invoker.role_arn,
                input=json.dumps({"version": 1, **order, "execution_id": EXECUTION_ID}),
                dead_letter_config=scheduler.CfnSchedule.DeadLetterConfigProperty(arn=self._missed.queue_arn),
                retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                    maximum_event_age_in_seconds=TICK_MAX_AGE.to_seconds(), maximum_retry_attempts=3
                ),
            ),
        ).node.add_dependency(self._invoker.node.find_child("DefaultPolicy"))
