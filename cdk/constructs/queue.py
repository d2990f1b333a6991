"""A queue and the dead-letter queue that goes with it."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk.stages import Stage

VISIBILITY_FACTOR = 6
"""Visibility timeout over the consumer's timeout: what Lambda asks for, so that its retries find the message hidden."""

MAX_RECEIVES = 5
KEPT = Duration.days(14)
"""As long as SQS can: a message waits for the operator."""


def secure_queue(
    scope: Construct,
    construct_id: str,
    *,
    stage: Stage,
    name: str,
    visibility: Duration | None = None,
    dead_letters: sqs.DeadLetterQueue | None = None,
) -> sqs.Queue:
    """An encrypted queue named `marketflow-<stage>-<name>` that keeps its messages for 14 days."""
    return sqs.Queue(
        scope,
        construct_id,
        queue_name=stage.resource(name),
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=stage.tls_only,
        retention_period=KEPT,
        visibility_timeout=visibility,
        dead_letter_queue=dead_letters,
    )


class WorkQueue(Construct):
    """`queue`, from which a message moves to `dead_letters` after MAX_RECEIVES tries.

    `consumer_timeout` is the timeout of the function that reads the queue.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        name: str,
        consumer_timeout: Duration,
    ) -> None:
        super().__init__(scope, construct_id)
        self.name = stage.resource(name)
        self.dead_letters = secure_queue(self, "DeadLetters", stage=stage, name=f"{name}-dlq")
        self.queue = secure_queue(
            self,
            "Queue",
            stage=stage,
            name=name,
            visibility=Duration.seconds(VISIBILITY_FACTOR * consumer_timeout.to_seconds()),
            dead_letters=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=MAX_RECEIVES),
        )
