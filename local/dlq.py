"""`make dlq`: what is in each dead-letter queue and why, in plain words, here or in a deployment (STAGE=dev)."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from local.emulator import aws_client
from local.processes import LocalError
from local.settings import load_settings
from local.stack import PREFIX, read_facts
from local.status import clock
from marketflow.domain.fetching import FetchReport, FetchTask
from marketflow.domain.jobs import Claim, Listed, window_text
from marketflow.errors import MalformedPayloadError
from marketflow.messaging.commands import notified_keys
from marketflow.messaging.envelope import decode

SHOWN = 10
"""Messages of one queue that are looked at; the count is of all."""

SUFFIX = "-dlq"
HIDDEN_SECONDS = 2
"""A message that was looked at can be redriven after so long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One dead letter: what it is, when it was sent (UTC), and why it is there."""

    what: str
    sent_at: datetime
    why: str


def reader(queue: str) -> str | None:
    """The function that reads the queue behind a dead-letter queue, both without prefix; None when none does."""
    name = queue.removesuffix(SUFFIX)
    known = {"payloads": "etl", "commands": "dispatch", "migrate": "migrate", "audit": "audit", "retire": "retire"}
    return known.get(name) or (name.replace("tasks-", "fetch-", 1) if name.startswith(("tasks-", "fetch-")) else None)


def what_is(queue: str, body: str) -> str:
    """What a message of that queue asks for. Raises MalformedPayloadError when it is none."""
    kind = queue.partition("-")[0]
    return {"payloads": _payload, "commands": _command, "tasks": _task}.get(kind, _tick)(body)


def _payload(body: str) -> str:
    match decode(body).content():
        case FetchReport(source=source):
            return f"report of a run of {source}"
        case Claim(raw_key=key):
            return f"replay of {key}"
        case Listed(job=job):
            return f"count of job {job}"
        case delivery:
            request = delivery.request
            return f"answer of {request.source}: {request.dataset} of {_names(request.symbols)}"


def _command(body: str) -> str:
    return f"command {', '.join(notified_keys(body)) or 'test of S3'}"


def _task(body: str) -> str:
    try:
        task = FetchTask.model_validate_json(body)
    except ValueError as error:
        raise MalformedPayloadError("Not a fetch task.", reason="bad_task") from error
    window = f", {window_text(task.start, task.end)}" if task.start and task.end else ""
    return f"task: {task.dataset} of {_names(task.symbols or ('all',))}{window}"


def _tick(body: str) -> str:
    with suppress(ValueError, AttributeError):
        if datasets := json.loads(body).get("datasets"):
            return f"tick of a schedule: {', '.join(datasets)}"
    return body[:80]


def _names(symbols: Sequence[str]) -> str:
    return symbols[0] if len(symbols) == 1 else f"{len(symbols)} symbols"


class DeadLetterOffice:
    """Looks at the dead-letter queues whose names begin with `prefix`, and for reasons into the functions' logs."""

    def __init__(self, *, prefix: str, sqs: Any, logs: Any) -> None:  # noqa: ANN401 - boto3 clients of any session
        self._prefix = prefix
        self._sqs = sqs
        self._logs = logs

    def queues(self) -> Iterator[tuple[str, int, list[Letter]]]:
        """Each queue that is not empty: its name without the prefix, how many letters it has, and the first of them."""
        for page in self._sqs.get_paginator("list_queues").paginate(QueueNamePrefix=self._prefix):
            for url in sorted(page.get("QueueUrls", [])):
                name = url.rsplit("/", 1)[-1].removeprefix(self._prefix)
                if name.endswith(SUFFIX) and (count := self._count(url)):
                    yield name, count, [self._letter(name, message) for message in self._look(url)]

    def _count(self, url: str) -> int:
        # Those that somebody has just looked at are hidden, and there all the same.
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(attributes[name]) for name in names)

    def _look(self, url: str) -> list[dict[str, Any]]:
        answer = self._sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=SHOWN,
            VisibilityTimeout=HIDDEN_SECONDS,
            AttributeNames=["SentTimestamp"],
            MessageAttributeNames=["ErrorMessage"],
        )
        return list(answer.get("Messages", []))

    def _letter(self, queue: str, message: dict[str, Any]) -> Letter:
        sent_at = datetime.fromtimestamp(int(message["Attributes"]["SentTimestamp"]) / 1000, UTC)
        why = message.get("MessageAttributes", {}).get("ErrorMessage", {}).get("StringValue")
        try:
            what = what_is(queue, message["Body"])
        except MalformedPayloadError as error:
            what, why = f"unreadable: {message['Body'][:60]}", why or str(error)
        return Letter(what=what, sent_at=sent_at, why=why or self._logged(queue, message["MessageId"], sent_at))

    def _logged(self, queue: str, message_id: str, sent_at: datetime) -> str:
        """What the function that gave it up wrote last about it."""
        if (function := reader(queue)) is None:
            return "Nobody reads this queue."
        group = f"/aws/lambda/{self._prefix}{function}"
        try:
            events = self._logs.filter_log_events(
                logGroupName=group, startTime=int(sent_at.timestamp() * 1000), filterPattern=f'"{message_id}"'
            )["events"]
        except ClientError:
            events = []
        for event in reversed(events):
            # Lines before the JSON are Lambda's own.
            with suppress(ValueError):
                line = json.loads(event["message"][event["message"].index("{") :])
                if reason := line.get("reason") or line.get("exception"):
                    return str(reason).strip().splitlines()[-1]
        return f"The log {group} does not say (any more)."


def office(stage: str) -> DeadLetterOffice:
    """That of a deployed stage with the AWS credentials of the shell, without one that of the running local stack."""
    if stage:
        return DeadLetterOffice(prefix=f"marketflow-{stage}-", sqs=boto3.client("sqs"), logs=boto3.client("logs"))
    url = read_facts(load_settings(os.environ).home).aws_endpoint_url
    return DeadLetterOffice(prefix=PREFIX, sqs=aws_client("sqs", url), logs=aws_client("logs", url))


def report(letters: DeadLetterOffice, now: datetime) -> Iterator[str]:
    """The lines to print."""
    empty = True
    for name, count, shown in letters.queues():
        empty = False
        yield f"{name}: {count}"
        for letter in shown:
            yield f"  {letter.what}, sent {clock(letter.sent_at, now)}"
            yield f"    {letter.why}"
        if count > len(shown):
            yield f"  … and {count - len(shown)} more"
        yield f"  When the cause is mended: make redrive QUEUE={name}" if _redrivable(name) else "  Its work is over."
    if empty:
        yield "No dead letters."


def _redrivable(queue: str) -> bool:
    """Whether there is a queue to go back to; a tick that was missed is made up for by the next one."""
    return queue.startswith(("payloads", "commands", "tasks-"))


def main(arguments: Sequence[str]) -> int:
    """`arguments` name a deployed stage, or none. Returns the exit code."""
    try:
        for line in report(office("".join(arguments[:1])), datetime.now(UTC)):
            print(line)
    except LocalError as error:
        print(error, file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(f"The queues cannot be read: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
