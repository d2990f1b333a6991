"""AWS/SQS, by QueueName: how many messages each queue holds, and how old the oldest one is.

A message that was received three times without being deleted is a poison pill, and no longer the oldest one. In a
dead-letter queue its age counts from when it came there.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
"""

from __future__ import annotations

import time
from typing import Any

from ministack.services import sqs

from local.emulated import store

POISON = 3


def sample_all() -> None:
    """Store what every queue holds now; AWS does so each minute."""
    with sqs._queues_lock:
        found = {queue["attributes"]["QueueArn"].rsplit(":", 1)[-1]: _sample(queue) for queue in sqs._queues.values()}
    for queue, values in found.items():
        for name, value in values.items():
            store.put("AWS/SQS", name, {"QueueName": queue}, value, "Seconds" if "Age" in name else "Count")


def _sample(queue: dict[str, Any]) -> dict[str, float]:
    now, messages = time.time(), list(queue["messages"])
    visible = sum(message["visible_at"] <= now for message in messages)
    delayed = sum(message["visible_at"] > now and not message["receive_count"] for message in messages)
    ages = [now - _since(message) for message in messages if not _poison(message)]
    return {
        "ApproximateNumberOfMessagesVisible": visible,
        "ApproximateNumberOfMessagesNotVisible": len(messages) - visible - delayed,
        "ApproximateNumberOfMessagesDelayed": delayed,
        "ApproximateAgeOfOldestMessage": round(max(ages, default=0.0)),
    }


def _dead(message: dict[str, Any]) -> bool:
    return "DeadLetterQueueSourceArn" in message.get("sys", {})


def _poison(message: dict[str, Any]) -> bool:
    return not _dead(message) and message.get("receive_count", 0) > POISON


def _since(message: dict[str, Any]) -> float:
    # MiniStack keeps no other trace of when a message was set aside than that it became visible then.
    return float(message["visible_at"] if _dead(message) else message["sent_at"])
