"""Everything that one row of the source catalogue needs: its function, its schedules if any, and its task queue."""

from __future__ import annotations

import json

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda_event_sources as event_sources
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from cdk.constructs.code import Code
from cdk.constructs.function import Function
from cdk.constructs.queue import MAX_RECEIVES, WorkQueue, secure_queue
from cdk.stages import Stage
from marketflow.sources.catalog import SourceSpec

TICK_MAX_AGE = Duration.minutes(5)
"""A tick that could not be delivered for so long is dropped: a later one fetches what it would have."""

EXECUTION_ID = "<aws.scheduler.execution-id>"
"""EventBridge Scheduler puts its own id of the tick here: the correlation id from the schedule to the row."""


class SourceIngestion(Construct):
    """`fetch` runs on each schedule of the catalogue and for each task of `tasks`.

    A tick that Scheduler cannot deliver, and one that the function fails twice, ends in `missed`. A source without a
    schedule is asked by tasks alone.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        code: Code,
        source: SourceSpec,
        environment: dict[str, str],
    ) -> None:
        super().__init__(scope, construct_id)
        self.missed = secure_queue(self, "Missed", stage=stage, name=f"fetch-{source.name}-dlq")
        self.fetch = Function(
            self,
            "Fetch",
            stage=stage,
            code=code,
            folder="fetch",
            name=f"fetch-{source.name}",
            size=stage.functions.fetch,
            environment={"SOURCE": source.name, **environment},
            background={"dead_letter_queue": self.missed, "retry_attempts": 1, "max_event_age": TICK_MAX_AGE},
        )
        self.tasks = WorkQueue(
            self, "Tasks", stage=stage, name=f"tasks-{source.name}", consumer_timeout=self.fetch.timeout
        )
        # A task that has to wait goes back to its queue.
        self.fetch.function.add_environment("TASK_QUEUE_URL", self.tasks.queue.queue_url)
        self.fetch.function.add_environment("TASK_TRIES", str(MAX_RECEIVES))
        self.tasks.queue.grant(self.fetch.role, stage.send_action)
        self.fetch.function.add_event_source(
            event_sources.SqsEventSource(
                self.tasks.queue, batch_size=1, max_concurrency=2, report_batch_item_failures=True
            )
        )
        if source.schedules:
            self._schedule(stage, source)

    def _schedule(self, stage: Stage, source: SourceSpec) -> None:
        account = Stack.of(self).account
        invoker = iam.Role(
            self,
            "Invoker",
            assumed_by=iam.ServicePrincipal(
                "scheduler.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": account}}
            ),
            description=f"Lets EventBridge Scheduler invoke {self.fetch.name}",
        )
        self.missed.grant_send_messages(invoker)
        invoke = iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[self.fetch.function.function_arn])
        invoker.add_to_policy(invoke)
        for schedule in source.schedules:
            # The L2 construct lets its role invoke every version of the function, and cannot keep the input's text.
            scheduler.CfnSchedule(
                self,
                f"Schedule-{schedule.name}",
                name=stage.resource(source.name, schedule.name),
                description=f"{source.title}: {', '.join(schedule.datasets)}",
                schedule_expression=schedule.expression,
                schedule_expression_timezone="UTC",
                flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
                target=scheduler.CfnSchedule.TargetProperty(
                    arn=self.fetch.function.function_arn,
                    role_arn=invoker.role_arn,
                    input=json.dumps({"version": 1, "datasets": schedule.datasets, "execution_id": EXECUTION_ID}),
                    dead_letter_config=scheduler.CfnSchedule.DeadLetterConfigProperty(arn=self.missed.queue_arn),
                    retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                        maximum_event_age_in_seconds=TICK_MAX_AGE.to_seconds(), maximum_retry_attempts=3
                    ),
                ),
            ).node.add_dependency(invoker.node.find_child("DefaultPolicy"))
