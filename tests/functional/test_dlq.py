"""Dead letters in plain words."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import boto3
import pytest

from local.dlq import DeadLetterOffice, reader, report, what_is
from marketflow.errors import MalformedPayloadError
from tests.cloud import Cloud
from tests.handlers import event

pytestmark = pytest.mark.functional

PREFIX = "marketflow-test-"
NOW = datetime.now(UTC)


def body_of(name: str) -> str:
    """The body of the first record of a canonical event."""
    return str(event(name)["Records"][0]["body"])


@pytest.fixture
def letters(cloud: Cloud) -> DeadLetterOffice:
    """The office of a stage with three dead-letter queues and a work queue."""
    for name in ("payloads", "payloads-dlq", "tasks-binance-dlq", "fetch-yahoo-dlq"):
        cloud.sqs.create_queue(QueueName=f"{PREFIX}{name}")
    return DeadLetterOffice(prefix=PREFIX, sqs=cloud.sqs, logs=boto3.client("logs"))


def send(cloud: Cloud, queue: str, body: str, **attributes: str) -> str:
    """Put a message into a queue; its id."""
    url = cloud.sqs.get_queue_url(QueueName=f"{PREFIX}{queue}")["QueueUrl"]
    found = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
    return cloud.sqs.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=found)["MessageId"]  # type: ignore[arg-type]


def test_without_dead_letters_it_says_so(letters: DeadLetterOffice, cloud: Cloud) -> None:
    """What waits in a work queue is none."""
    send(cloud, "payloads", "still to be done")
    assert list(report(letters, NOW)) == ["No dead letters."]


def test_every_queue_says_what_is_in_it_and_why(letters: DeadLetterOffice, cloud: Cloud) -> None:
    """A message that nobody can read, a tick that Lambda gave up, and a task whose reason is in the log."""
    logs = boto3.client("logs")
    group = f"/aws/lambda/{PREFIX}fetch-binance"
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="one")
    send(cloud, "payloads-dlq", "{not a message")
    send(cloud, "fetch-yahoo-dlq", '{"datasets":["chart_1m"]}', ErrorMessage="Task timed out after 50.00 seconds")
    task = send(cloud, "tasks-binance-dlq", body_of("sqs_fetch_task"))
    line = json.dumps({"correlation_id": task, "reason": "Binance did not answer."})
    logs.put_log_events(
        logGroupName=group,
        logStreamName="one",
        logEvents=[{"timestamp": int(datetime.now(UTC).timestamp() * 1000) + 1000, "message": f"[WARNING] {line}"}],
    )
    lines = list(report(letters, NOW))
    assert [one for one in lines if not one.startswith(" ")] == [
        "fetch-yahoo-dlq: 1",
        "payloads-dlq: 1",
        "tasks-binance-dlq: 1",
    ]
    said = "\n".join(lines)
    assert "tick of a schedule: chart_1m, sent" in said
    assert "Task timed out after 50.00 seconds" in said
    assert "unreadable: {not a message" in said
    assert "Not a message of this queue" in said
    assert "task: klines_1m of BTCUSDT, 2026-03-01T00:00:00Z/2026-03-01T01:00:00Z, sent" in said
    assert "Binance did not answer." in said
    assert said.count("make redrive QUEUE=") == 2


def test_a_reason_that_is_in_no_log_is_not_made_up(letters: DeadLetterOffice, cloud: Cloud) -> None:
    """It says where it looked; looking takes nothing away."""
    send(cloud, "tasks-binance-dlq", body_of("sqs_fetch_task"))
    first, *rest = report(letters, NOW)
    assert first == "tasks-binance-dlq: 1"
    assert f"    The log /aws/lambda/{PREFIX}fetch-binance does not say (any more)." in rest
    again, *_ = report(letters, NOW)
    assert again == first


@pytest.mark.parametrize(
    ("queue", "name", "says"),
    [
        ("payloads-dlq", "sqs_binance_klines", "answer of binance: klines_1m of BTCUSDT"),
        ("payloads-dlq", "sqs_fetch_report", "report of a run of binance"),
        ("commands-dlq", "sqs_backfill_command", "command tasks/backfill/0b6e6f6e-2f9b-4a55-8d8f-0f6a4a7c2d11/0.json"),
        ("commands-dlq", "sqs_s3_test_event", "command test of S3"),
    ],
)
def test_each_kind_of_message_has_its_words(queue: str, name: str, says: str) -> None:
    """What it asks for, without its body."""
    assert what_is(queue, body_of(name)) == says


@pytest.mark.parametrize("queue", ["payloads-dlq", "commands-dlq", "tasks-binance-dlq"])
def test_what_is_no_message_of_its_queue_is_named(queue: str) -> None:
    """With the reason for which it was given up."""
    with pytest.raises(MalformedPayloadError):
        what_is(queue, '{"a": 1}')


def test_every_queue_has_its_reader() -> None:
    """In whose log the reason is."""
    names = ("payloads", "commands", "tasks-yahoo", "fetch-yahoo", "migrate", "audit", "other")
    assert [reader(f"{name}-dlq") for name in names] == [
        "etl",
        "dispatch",
        "fetch-yahoo",
        "fetch-yahoo",
        "migrate",
        "audit",
        None,
    ]
