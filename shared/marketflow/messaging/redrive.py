"""Sends what is in a dead-letter queue back to the queue that it came from.

By receiving, sending and deleting, in that order, and not by SQS's own StartMessageMoveTask: that one moves whatever is
there when it gets to it, so that a message which fails at once again may go round; and one way works everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from marketflow.messaging.publisher import MAX_BATCH_MESSAGES

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

SUFFIX = "-dlq"
HIDDEN_SECONDS = 60
"""How long a message that was looked at stays hidden: longer than sending it takes."""


class DeadLetters:
    """The dead-letter queues; `urls` holds those of all queues by their short names."""

    def __init__(self, *, urls: Mapping[str, str], client: SQSClient) -> None:
        self._urls = urls
        self._client = client

    def redrive(self, queue: str, *, before: datetime, may_go_on: Callable[[], bool]) -> tuple[int, bool]:
        """Send back what was sent to `queue` before that moment: how many, and whether that was all.

        A message is deleted after it was sent: a crash in between leaves it twice, and loads are idempotent. It stops
        where `may_go_on` is false.
        """
        moved = 0
        dead = self._urls[f"{queue}{SUFFIX}"]
        while may_go_on():
            received = self._client.receive_message(
                QueueUrl=dead,
                MaxNumberOfMessages=MAX_BATCH_MESSAGES,
                VisibilityTimeout=HIDDEN_SECONDS,
                # A short poll asks some of the servers only, and may find nothing where there is something.
                WaitTimeSeconds=1,
                MessageSystemAttributeNames=["SentTimestamp"],
            ).get("Messages", [])
            if not received:
                return moved, True
            for message in received:
                if _sent_at(message) < before:
                    self._client.send_message(QueueUrl=self._urls[queue], MessageBody=message["Body"])
                    self._client.delete_message(QueueUrl=dead, ReceiptHandle=message["ReceiptHandle"])
                    moved += 1
        return moved, False


def _sent_at(message: MessageTypeDef) -> datetime:
    return datetime.fromtimestamp(int(message["Attributes"]["SentTimestamp"]) / 1000, UTC)
