"""The running stack in which alarms are provoked, and what a provocation is."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from local.stack import PREFIX, LocalStack
from marketflow.persistence.connection import Database


def nothing() -> None:
    """Nothing has to be done."""


@dataclass(frozen=True, kw_only=True)
class Provocation:
    """The `cause` of an alarm and its `cure`; what happens meanwhile is repeated every few seconds.

    `always` is what goes on in any case, `during` what goes on while the cause stands. `period` in seconds is what the
    alarm's is shortened to, and `threshold`, of an age, what it is lowered to.
    """

    cause: Callable[[], None] = nothing
    cure: Callable[[], None] = nothing
    during: Callable[[], None] = nothing
    always: Callable[[], None] = nothing
    period: int = 3
    threshold: float | None = None


@dataclass(frozen=True, kw_only=True)
class Scene:
    """The running stack."""

    stack: LocalStack

    def query(self, sql: str, /, **params: object) -> list[list[Any]]:
        """The rows of a statement, by a connection of its own: the database goes away at times."""
        with closing(Database(self.stack.facts.database_url, application_name="e2e")) as database:
            return database.query(sql, **params)

    def invoke(self, function: str, event: Mapping[str, Any]) -> None:
        """Run a function; that it fails or is refused is what the alarm is to see."""
        payload = json.dumps(event)
        with suppress(ClientError):
            self.stack.client("lambda").invoke(FunctionName=function, Payload=payload)

    def forget(self, source: str) -> None:
        """Take away what the fetcher remembers of its source: the next run asks for everything, whenever it is due."""
        self.stack.client("s3").delete_object(Bucket=self.stack.data_bucket(), Key=f"state/{source}.json")

    def audit(self) -> None:
        """The auditor looks at the newest candles, as it does each minute."""
        self.invoke(f"{PREFIX}audit", {"version": 1, "scope": "recent"})


def mappings(scene: Scene, queue: str) -> list[str]:
    """The event source mappings by which functions read the queue `marketflow-local-<queue>`."""
    sqs, url = scene.stack.client("sqs"), scene.stack.queue_url(queue)
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    found = scene.stack.client("lambda").list_event_source_mappings(EventSourceArn=arn)["EventSourceMappings"]
    return [mapping["UUID"] for mapping in found]


def dimension(alarm: Mapping[str, Any], name: str) -> str:
    """The value of a dimension of the alarm's metric, empty when it has none of that name."""
    return next((str(one["Value"]) for one in alarm.get("Dimensions") or () if one["Name"] == name), "")
