"""What goes wrong on the way loses nothing: bad messages are set aside, good ones are tried again."""

from __future__ import annotations

import json
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from local.client import ApiClient
from local.stack import LocalStack
from marketflow.messaging.archive import RawArchive
from marketflow.messaging.envelope import PayloadMessage, decode
from marketflow.persistence.connection import Database
from tests.e2e.conftest import raw_keys, retried_after, wait_for

pytestmark = pytest.mark.e2e

EVENTS = Path(__file__).resolve().parents[2] / "events"
OUTAGE_SECONDS = 20


def body_of(event: str) -> str:
    """The body of the first SQS record of a canonical event."""
    return str(json.loads((EVENTS / event).read_text())["Records"][0]["body"])


def archived(stack: LocalStack, body: str) -> str:
    """The same message, with its answer in the archive, where the fetcher puts it before it sends the message."""
    message = decode(body)
    assert isinstance(message, PayloadMessage)
    response = message.response()
    assert response is not None
    archive = RawArchive(bucket=stack.data_bucket(), client=stack.client("s3"))
    assert archive.put(message.request, response) == message.raw_key
    return body


def test_a_bad_message_ends_in_the_dead_letter_queue_alone(stack: LocalStack, database: Database) -> None:
    """A message that cannot be read is set aside after five tries; the good one in its batch is loaded at once."""
    sqs, dead = stack.client("sqs"), stack.queue_url("payloads-dlq")
    good = archived(stack, body_of("sqs_binance_klines.json"))
    key = json.loads(good)["raw_key"]
    malformed = f"{{not a message, {datetime.now(UTC)}"
    with retried_after(stack, 2) as queue:
        entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate((malformed, good))]
        sqs.send_message_batch(QueueUrl=queue, Entries=entries)
        wait_for(lambda: database.query("select 1 from raw_objects where key = :key", key=key), seconds=60)

        def dead_letters() -> list[dict[str, object]]:
            answer = sqs.receive_message(QueueUrl=dead, MaxNumberOfMessages=10, VisibilityTimeout=0)
            return list(answer.get("Messages", []))

        found = wait_for(dead_letters, seconds=60)
    assert {message["Body"] for message in found} == {malformed}
    sqs.purge_queue(QueueUrl=dead)


def test_an_outage_of_the_database_loses_nothing(stack: LocalStack, api: ApiClient) -> None:
    """While the database is gone for 20 s the sources are still asked; afterwards every answer of theirs is loaded.

    With the timeouts as they are deployed: a message that failed is hidden for a minute before its next try.
    """
    api.wait_for_prices(seconds=60, alive=stack.check)
    before = raw_keys(stack)
    stack.postgres.kill()
    down_since = time.monotonic()
    stack.fetch_now()
    wait_for(lambda: len(raw_keys(stack) - before) >= 10, seconds=OUTAGE_SECONDS)
    answer = api.get("/prices/BTCUSDT")
    assert answer.status_code == 503
    assert answer.headers["content-type"].startswith("application/problem+json")
    time.sleep(max(0.0, OUTAGE_SECONDS - (time.monotonic() - down_since)))
    stack.postgres.restart()
    during = raw_keys(stack)

    def complete() -> bool:
        with closing(Database(stack.facts.database_url, application_name="e2e")) as database:
            return during <= {key for (key,) in database.query("select key from raw_objects")}

    wait_for(complete, seconds=180)
    counts = stack.client("sqs").get_queue_attributes(
        QueueUrl=stack.queue_url("payloads-dlq"), AttributeNames=["ApproximateNumberOfMessages"]
    )
    assert counts["Attributes"]["ApproximateNumberOfMessages"] == "0"
    assert api.get("/prices/BTCUSDT").status_code == 200
