"""Alarms of what does the work: queues and functions."""

from __future__ import annotations

from collections.abc import Iterator

from cdk.alarms.alarm import Alarm
from cdk.metrics import account_metric, function_metric, queue_metric
from cdk.parts import dead_letter_queues, functions, task_queues, work_queues
from cdk.stages import Stage

BACKFILL_AGE = 24 * 3600
"""How many seconds a task may wait: a backfill takes what the schedule leaves of its source, and that may be hours."""


def of_work(stage: Stage) -> Iterator[Alarm]:
    """The alarms of every queue and function."""
    for name in dead_letter_queues(stage):
        yield Alarm(
            name=f"{name}-not-empty",
            kind="dead-letters",
            severity="ticket",
            help=f"Work failed for good and waits in {stage.resource(name)}.",
            metric=queue_metric(stage, name, "ApproximateNumberOfMessagesVisible"),
        )
    for name in work_queues():
        patient = name in task_queues()
        yield Alarm(
            name=f"{name}-old",
            kind="queue-old",
            severity="ticket" if patient else "page",
            help=f"The oldest message of {stage.resource(name)} waits too long.",
            metric=queue_metric(stage, name, "ApproximateAgeOfOldestMessage"),
            threshold=BACKFILL_AGE if patient else stage.alarms.queue_age,
        )
    for name in functions(stage):
        yield Alarm(
            name=f"{name}-errors",
            kind="function-errors",
            severity="ticket",
            help=f"Invocations of {stage.resource(name)} end in errors.",
            metric=function_metric(stage, name, "Errors"),
            periods=2,
        )
    yield Alarm(
        name="functions-throttled",
        kind="functions-throttled",
        severity="ticket",
        help="Lambda refused invocations: the account's concurrency in this region is used up.",
        # The limit is that of the account, whoever uses it up.
        metric=account_metric("Throttles"),
        periods=2,
    )
