"""Everything that one row of the source catalogue needs: its function, its schedules if any, and its task queue."""

from __future__ import annotations

from aws_cdk import aws_lambda_event_sources as event_sources
from constructs import Construct

from cdk.constructs.code import Code
from cdk.constructs.function import Function
from cdk.constructs.queue import MAX_RECEIVES, WorkQueue, secure_queue
from cdk.constructs.ticks import TICK_MAX_AGE, Ticks
from cdk.stages import Stage
from marketflow.sources.catalog import SourceSpec


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
        if not source.schedules:
            return
        ticks = Ticks(self, function=self.fetch, missed=self.missed)
        for schedule in source.schedules:
            ticks.add(
                f"Schedule-{schedule.name}",
                name=stage.resource(source.name, schedule.name),
                description=f"{source.title}: {', '.join(schedule.datasets)}",
                expression=schedule.expression,
                order={"datasets": schedule.datasets},
            )
