"""The dispatcher from what S3 tells it to the queues."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from marketflow.domain.fetching import FetchRequest, FetchTask, RawResponse
from marketflow.domain.interval import Interval
from marketflow.domain.jobs import BackfillCommand, Command, RedriveCommand, ReplayCommand
from marketflow.errors import CatalogUnavailableError
from marketflow.messaging.archive import RawArchive
from marketflow.messaging.commands import Commands, command_key
from marketflow.messaging.envelope import ClaimMessage, ListedMessage, decode
from tests.cloud import Cloud
from tests.handlers import Context, Handler, event, load

pytestmark = pytest.mark.functional

JOB = "0b6e6f6e-2f9b-4a55-8d8f-0f6a4a7c2d11"
START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
LATER = datetime.now(UTC) + timedelta(days=1)


@pytest.fixture
def dispatch(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Handler:
    """The dispatcher over two work queues."""
    dead = cloud.sqs.create_queue(QueueName="payloads-dlq")["QueueUrl"]
    urls = {"payloads": cloud.queue_url, "payloads-dlq": dead, "tasks-binance": cloud.task_url}
    environment = {"DATA_BUCKET": cloud.bucket, "QUEUE_URLS": json.dumps(urls)}
    return load("dispatch", monkeypatch, environment)


def give(cloud: Cloud, command: Command) -> dict[str, Any]:
    """Put a command where it belongs; the event that S3 makes of it."""
    Commands(bucket=cloud.bucket, client=cloud.s3).give(command)
    told = event("sqs_backfill_command")
    body = json.loads(told["Records"][0]["body"])
    body["Records"][0]["s3"]["object"]["key"] = command_key(command).replace("=", "%3D")
    told["Records"][0]["body"] = json.dumps(body)
    return told


def backfill(**changes: object) -> BackfillCommand:
    """Two days of minutes: three requests."""
    command = BackfillCommand(
        id=JOB,
        source="binance",
        source_symbol="BTCUSDT",
        interval=Interval.M1,
        start=START,
        end=START + 2 * DAY,
    )
    return command.model_copy(update=changes)


def archived(cloud: Cloud, when: datetime, *symbols: str, source: str = "binance") -> str:
    """Put an answer into the archive."""
    request = FetchRequest(source=source, dataset="d", symbols=symbols, path="/x")
    response = RawResponse(status=200, headers={}, received_at=when, body=b"[]")
    return RawArchive(bucket=cloud.bucket, client=cloud.s3).put(request, response)


def test_a_command_of_a_backfill_becomes_tasks(dispatch: Handler, cloud: Cloud) -> None:
    """What S3 tells of is read, split by the source's pages, and sent to that source's own queue, to it alone."""
    give(cloud, backfill())
    assert dispatch(event("sqs_backfill_command"), Context()) == {"batchItemFailures": []}
    tasks = sorted((FetchTask.model_validate_json(text) for text in cloud.messages(cloud.task_url)), key=str)
    assert {(task.dataset, task.symbols) for task in tasks} == {("klines_1m", ("BTCUSDT",))}
    windows = sorted((task.start, task.end) for task in tasks if task.start and task.end)
    assert [end - start for start, end in windows] == [timedelta(minutes=n) for n in (1000, 1000, 880)]
    assert sorted(task.part.number for task in tasks if task.part) == [0, 1, 2]
    assert cloud.messages() == []


def test_the_test_that_s3_sends_is_ignored(dispatch: Handler, cloud: Cloud) -> None:
    """It comes once, when the notification is set up."""
    assert dispatch(event("sqs_s3_test_event"), Context()) == {"batchItemFailures": []}
    assert cloud.messages(cloud.task_url) == []


@pytest.mark.parametrize("body", ["{}", "[]", "nonsense", '{"Records":[{"s3":{}}]}'])
def test_what_is_no_notification_comes_back(dispatch: Handler, body: str) -> None:
    """It ends in the dead letters, where somebody looks."""
    told = event("sqs_backfill_command")
    told["Records"][0]["body"] = body
    failed = dispatch(told, Context())["batchItemFailures"]
    assert [one["itemIdentifier"] for one in failed] == [told["Records"][0]["messageId"]]


def test_an_object_that_is_no_command_comes_back(dispatch: Handler, cloud: Cloud) -> None:
    """So does one that is not there (any more)."""
    told = event("sqs_backfill_command")
    assert dispatch(told, Context())["batchItemFailures"]
    cloud.s3.put_object(Bucket=cloud.bucket, Key=command_key(backfill()), Body=b'{"kind":"backfill","id":3}')
    assert dispatch(told, Context())["batchItemFailures"]
    assert cloud.messages(cloud.task_url) == []


def test_without_time_the_rest_is_handed_on(dispatch: Handler, cloud: Cloud) -> None:
    """As a command of its own in the bucket, of which S3 tells again."""
    told = give(cloud, backfill())
    assert dispatch(told, replace(Context(), seconds_left=5.0)) == {"batchItemFailures": []}
    assert cloud.messages(cloud.task_url) == []
    rest = cloud.s3.get_object(Bucket=cloud.bucket, Key=f"tasks/backfill/{JOB}/0.json")["Body"].read()
    assert BackfillCommand.model_validate_json(rest) == backfill()


def test_a_replay_claims_what_was_received_in_its_time(dispatch: Handler, cloud: Cloud) -> None:
    """Of the source, in [start, end), each once; nothing of what failed, and nothing of another source."""
    inside = [
        archived(cloud, START, "BTCUSDT"),
        archived(cloud, START + DAY - timedelta(milliseconds=1), "ETHUSDT"),
        archived(cloud, START + DAY, "BTCUSDT"),
        archived(cloud, START + DAY, "BTCUSDT", "ETHUSDT"),
    ]
    archived(cloud, START - timedelta(milliseconds=1), "BTCUSDT")
    end = START + 1.5 * DAY
    archived(cloud, end, "BTCUSDT")
    archived(cloud, START, "BTCUSDT", source="yahoo")
    command = ReplayCommand(id=JOB, source="binance", start=START, end=end)
    assert dispatch(give(cloud, command), Context()) == {"batchItemFailures": []}
    messages = [decode(text) for text in cloud.messages()]
    claims = [message.claim for message in messages if isinstance(message, ClaimMessage)]
    assert sorted(claim.raw_key for claim in claims) == sorted(inside)
    assert len({claim.part.number for claim in claims}) == 4
    assert [message.listed.parts for message in messages if isinstance(message, ListedMessage)] == [4]


def test_a_replay_of_a_symbol_takes_what_may_name_it(dispatch: Handler, cloud: Cloud) -> None:
    """Its own answers, and those about many symbols at once."""
    own = archived(cloud, START, "BTCUSDT")
    many = archived(cloud, START, "BTCUSDT", "ETHUSDT")
    archived(cloud, START, "ETHUSDT")
    command = ReplayCommand(id=JOB, source="binance", source_symbol="BTCUSDT", start=START, end=START + DAY)
    dispatch(give(cloud, command), Context())
    messages = [decode(text) for text in cloud.messages()]
    assert {one.claim.raw_key for one in messages if isinstance(one, ClaimMessage)} == {own, many}


@pytest.mark.parametrize("symbol", [None, "BTCUSDT"])
def test_a_replay_goes_on_behind_a_key(cloud: Cloud, symbol: str | None) -> None:
    """From any key on, the rest is exactly what comes behind it."""
    for day in range(3):
        for hour in range(2):
            for names in (("BTCUSDT",), ("BTCUSDT", "ETHUSDT"), ("AAAUSDT",)):
                archived(cloud, START + DAY * day + timedelta(hours=hour), *names)
    archive = RawArchive(bucket=cloud.bucket, client=cloud.s3)

    def keys(after: str | None) -> list[str]:
        pages = archive.keys("binance", START, START + 3 * DAY, source_symbol=symbol, after=after)
        return [key for page in pages for key in page]

    everything = keys(None)
    assert len(everything) == (12 if symbol else 18)
    assert everything == sorted(everything)
    for position, key in enumerate(everything):
        assert keys(key) == everything[position + 1 :]


def test_a_redrive_sends_back_what_was_there(dispatch: Handler, cloud: Cloud) -> None:
    """Untouched, once; what comes to the dead letters later stays, and a second redrive finds nothing."""
    dead = cloud.sqs.get_queue_url(QueueName="payloads-dlq")["QueueUrl"]
    bodies = [f"message {number}" for number in range(23)]
    for body in bodies:
        cloud.sqs.send_message(QueueUrl=dead, MessageBody=body)
    command = RedriveCommand(id=JOB, queue="payloads", asked_at=LATER)
    for _ in range(2):
        assert dispatch(give(cloud, command), Context()) == {"batchItemFailures": []}
    assert sorted(cloud.messages()) == sorted(bodies)
    cloud.sqs.send_message(QueueUrl=dead, MessageBody="later")
    past = RedriveCommand(id=JOB, queue="payloads", asked_at=START)
    assert dispatch(give(cloud, past), Context()) == {"batchItemFailures": []}
    assert cloud.messages() == []


def test_a_bucket_that_takes_no_command_is_told(cloud: Cloud) -> None:
    """The caller undoes what it has done, and the client may ask again."""
    with pytest.raises(CatalogUnavailableError, match="was not written"):
        Commands(bucket="no-such-bucket", client=cloud.s3).give(backfill())
