"""Sends messages to an SQS queue in as few calls as the service allows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from marketflow.errors import RetryLaterError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

MAX_BATCH_MESSAGES = 10
MAX_DELAY_SECONDS = 900
MAX_BATCH_BYTES = 250_000
"""Below the 256 KiB that one SendMessageBatch call has always been allowed to carry."""


def batches(texts: Sequence[str]) -> Iterator[list[str]]:
    """`texts` in order, in lists that fit one call each."""
    batch: list[str] = []
    size = 0
    for text in texts:
        length = len(text.encode())
        if batch and (len(batch) == MAX_BATCH_MESSAGES or size + length > MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += length
    if batch:
        yield batch


class Publisher:
    """One queue to send to."""

    def __init__(self, *, queue_url: str, client: SQSClient) -> None:
        self._queue_url = queue_url
        self._client = client

    def send(self, texts: Sequence[str], *, delay_seconds: int = 0) -> None:
        """Send every message or raise RetryLaterError; some may then have been sent: receivers are idempotent.

        They are delivered after `delay_seconds`, at most MAX_DELAY_SECONDS.
        """
        delay = min(max(delay_seconds, 0), MAX_DELAY_SECONDS)
        for batch in batches(texts):
            entries: list[SendMessageBatchRequestEntryTypeDef] = [
                {"Id": str(index), "MessageBody": text, "DelaySeconds": delay} for index, text in enumerate(batch)
            ]
            refused = self._client.send_message_batch(QueueUrl=self._queue_url, Entries=entries).get("Failed", [])
            # Only what SQS itself could not do is tried again; a fault of ours would fail for ever.
            again = [
                entry for entry in entries if entry["Id"] in {one["Id"] for one in refused if not one["SenderFault"]}
            ]
            if again:
                refused = self._client.send_message_batch(QueueUrl=self._queue_url, Entries=again).get("Failed", [])
            if refused:
                codes = ", ".join(sorted({one["Code"] for one in refused}))
                raise RetryLaterError(f"SQS refused {len(refused)} of {len(batch)} messages: {codes}.")
