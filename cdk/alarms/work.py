"""Alarms of what does the work: queues and functions."""

from __future__ import annotations

from collections.abc import Iterator

from cdk.alarms.alarm import Alarm
from cdk.metrics import function_metric, queue_metric
from cdk.parts import dead_letter_queues, functions, task_queues, work_queues
from cdk.stages import Stage

BACKFILL_AGE = 24 * 3600
"""How many seconds a task may wait: a backfill takes what the schedule leaves of its source, and that may be hours."""


def of_work(stage: Stage) -> Iterator[Alarm]:
    """The alarms of every queue and function."""
    for name in dead_letter_queues(stage):
        yield Alarm(
            name=f"{name}-not-empty",
            help="Work failed for good. Read the message and the function's log, mend the cause, then redrive.",
            metric=queue_metric(stage, name, "ApproximateNumberOfMessagesVisible"),
        )
    for name in work_queues():
        yield Alarm(
            name=f"{name}-old",
            help="Work waits too long: its function fails, is throttled, or has too little concurrency.",
            metric=queue_metric(stage, name, "ApproximateAgeOfOldestMessage"),
            threshold=BACKFILL_AGE if name in task_queues() else stage.alarms.queue_age,
        )
    for name in functions(stage):
        yield Alarm(
            name=f"{name}-errors",
            help=f"The function failed. Its log is /aws/lambda/{stage.resource(name)}.",
            metric=function_metric(stage, name, "Errors"),
            periods=2,
        )
        yield Alarm(
            name=f"{name}-throttles",
            help="Lambda refused invocations: raise the account's concurrency limit.",
            metric=function_metric(stage, name, "Throttles"),
        )
