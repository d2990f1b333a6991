"""What became of every archived answer: in the tables, in the quarantine, among the dead letters, or nowhere."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime

from local.stack import LocalStack
from marketflow.domain.fetching import FetchReport
from marketflow.domain.jobs import Listed
from marketflow.errors import MalformedPayloadError
from marketflow.messaging.envelope import decode
from marketflow.persistence.connection import Database

PAGE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Keys of the archive by where their answers are."""

    archived: frozenset[str]
    loaded: frozenset[str]
    quarantined: frozenset[str] = field(default_factory=frozenset)
    dead: frozenset[str] = field(default_factory=frozenset)

    @property
    def missing(self) -> frozenset[str]:
        """What was archived and is nowhere: still on its way, or lost."""
        return self.archived - self.loaded - self.quarantined - self.dead

    @property
    def invented(self) -> frozenset[str]:
        """What is in the tables and was never archived."""
        return self.loaded - self.archived


def archived(stack: LocalStack) -> dict[str, datetime]:
    """The keys of the raw archive, with when each was written."""
    pages = (
        stack.client("s3").get_paginator("list_objects_v2").paginate(Bucket=stack.data_bucket(), Prefix="raw/source=")
    )
    return {item["Key"]: item["LastModified"] for page in pages for item in page.get("Contents", [])}


def loaded(url: str) -> tuple[frozenset[str], frozenset[str]]:
    """The keys that the tables name, and those that the quarantine does."""
    with closing(Database(url, application_name="marketflow-load")) as database:
        rows = database.query("SELECT key FROM raw_objects")
        refused = database.query("SELECT DISTINCT raw_key FROM quarantine")
    return frozenset(key for (key,) in rows), frozenset(key for (key,) in refused)


def dead_keys(bodies: Iterable[str]) -> frozenset[str]:
    """The keys of the answers in dead letters; one that is no message names none."""
    found = set()
    for body in bodies:
        try:
            content = decode(body).content()
        except (MalformedPayloadError, json.JSONDecodeError):
            continue
        if not isinstance(content, FetchReport | Listed):
            found.add(content.raw_key)
    return frozenset(found)


def dead_letters(stack: LocalStack) -> list[str]:
    """The bodies in the dead-letter queue of the payloads. They stay there, hidden for the seconds of the look."""
    client, url = stack.client("sqs"), stack.queue_url("payloads-dlq")
    bodies: list[str] = []
    while batch := client.receive_message(QueueUrl=url, MaxNumberOfMessages=PAGE, VisibilityTimeout=5).get("Messages"):
        bodies += [message["Body"] for message in batch]
    return bodies


def account(stack: LocalStack) -> Account:
    """Where every answer is now. Raises as `Database.query` and boto3 do while one of both is down."""
    kept = frozenset(archived(stack))
    found, refused = loaded(stack.facts.database_url)
    if found - kept:
        # What was archived since the first look may be in the tables already.
        kept |= found & frozenset(archived(stack))
    return Account(archived=kept, loaded=found, quarantined=refused, dead=dead_keys(dead_letters(stack)))


def oldest_missing_seconds(kept: dict[str, datetime], found: frozenset[str]) -> float:
    """The age of the oldest archived answer that is not in the tables; 0 when there is none."""
    waiting = [moment for key, moment in kept.items() if key not in found]
    return max((datetime.now(UTC) - min(waiting)).total_seconds(), 0.0) if waiting else 0.0
