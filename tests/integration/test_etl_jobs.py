"""What the ETL function counts for a job, from the message to what the API shows."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from marketflow.domain.fetching import FetchReport
from marketflow.domain.interval import Interval
from marketflow.domain.jobs import JobKind, Listed, NewJob, Part, PartFailure, archived_part
from marketflow.messaging.archive import pack
from marketflow.messaging.envelope import Claim, ClaimMessage, Codec, PayloadMessage, ReportMessage, decode
from marketflow.persistence.connection import Database
from marketflow.persistence.jobs import JobBook
from tests.cloud import Cloud
from tests.handlers import Context, Handler, event, load

pytestmark = pytest.mark.integration

START = datetime(2026, 3, 1, tzinfo=UTC)
DONE: dict[str, Any] = {"batchItemFailures": []}


@pytest.fixture
def etl(cloud: Cloud, writer_url: str, monkeypatch: pytest.MonkeyPatch) -> Handler:
    """The ETL on this test's database and bucket."""
    return load("etl", monkeypatch, {"DATABASE_URL": writer_url, "DATA_BUCKET": cloud.bucket})


def new(database: Database, kind: JobKind, parts: int | None) -> JobBook:
    """A job called `job`."""
    book = JobBook(database)
    book.create(
        NewJob(
            id="job",
            kind=kind,
            source="binance",
            symbol="BTCUSDT",
            interval=Interval.M1,
            start=START,
            end=START + timedelta(days=1),
            parts=parts,
        )
    )
    return book


def shown(book: JobBook, kind: JobKind) -> dict[str, Any]:
    """The job as the API shows it."""
    found: dict[str, Any] = json.loads(book.one(kind, "job") or "{}")
    return found


def batch(*bodies: str) -> dict[str, Any]:
    """An event with these messages."""
    one = event("sqs_binance_klines")
    record = one["Records"][0]
    one["Records"] = [{**record, "messageId": str(n), "body": body} for n, body in enumerate(bodies)]
    return one


def klines() -> PayloadMessage:
    """A message with four candles."""
    message = decode(event("sqs_binance_klines")["Records"][0]["body"])
    assert isinstance(message, PayloadMessage)
    return message


def test_a_backfill_is_counted_as_its_answers_are_loaded(etl: Handler, database: Database) -> None:
    """An answer, the same answer again, and a part that the fetcher gave up: exact, and over only with the last."""
    book = new(database, JobKind.BACKFILL, parts=2)
    message = klines().model_copy(update={"part": Part(job="job", number=0, subject="a/b")})
    for _ in range(2):
        assert etl(batch(message.to_json(), message.to_json()), Context()) == DONE
    assert (shown(book, JobKind.BACKFILL)["status"], shown(book, JobKind.BACKFILL)["counts"]["rows"]) == ("running", 4)
    lost = PartFailure(part=Part(job="job", number=1, subject="b/c"), reason="no_answer", detail="Silence.")
    report = FetchReport(
        source="binance", started_at=START, finished_at=START, requests=1, succeeded=0, last_error="Silence.", lost=lost
    )
    told = ReportMessage(correlation_id="x", report=report).to_json()
    assert etl(batch(told, told), Context()) == DONE
    job = shown(book, JobKind.BACKFILL)
    assert job["status"] == "completed_with_failures"
    assert [job["counts"][name] for name in ("asked", "received", "stored", "failed", "pending")] == [2, 1, 1, 1, 0]
    assert job["failures"] == [{"reason": "no_answer", "count": 1, "detail": "Silence.", "parts": ["b/c"]}]


def test_an_answer_that_is_no_data_is_a_failed_part(etl: Handler, database: Database) -> None:
    """It is in the quarantine, and the job says why it has nothing."""
    book = new(database, JobKind.BACKFILL, parts=1)
    message = klines()
    request = message.request.model_copy(update={"symbols": ("NOSUCH",)})
    part = Part(job="job", number=0, subject="a/b")
    etl(batch(message.model_copy(update={"request": request, "part": part}).to_json()), Context())
    job = shown(book, JobKind.BACKFILL)
    assert (job["status"], job["counts"]["quarantined"]) == ("completed_with_failures", 4)
    assert job["failures"][0]["reason"] == "unknown_symbol"


def test_a_replay_loads_from_the_archive_and_changes_nothing(etl: Handler, database: Database, cloud: Cloud) -> None:
    """The table is as it was; each answer is counted once, and one that cannot be read is told and set aside."""
    book = new(database, JobKind.REPLAY, parts=None)
    message = klines()
    response = message.response()
    assert response is not None
    cloud.s3.put_object(Bucket=cloud.bucket, Key=message.raw_key, Body=pack(message.request, response))
    cloud.s3.put_object(Bucket=cloud.bucket, Key="raw/broken.gz", Body=b"not gzip")
    etl(batch(message.to_json()), Context())
    everything = "SELECT md5(string_agg(c::text, '' ORDER BY c::text)) FROM candles c"
    before = database.query(everything)
    claims = [
        ClaimMessage(correlation_id="job", claim=Claim(raw_key=key, part=archived_part("job", key))).to_json()
        for key in (message.raw_key, "raw/broken.gz")
    ]
    for _ in range(2):
        answer = etl(batch(*claims), Context())
        assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert shown(book, JobKind.REPLAY)["status"] == "running"
    etl(batch(Codec().listed(Listed(job="job", parts=2), correlation_id="job")), Context())
    job = shown(book, JobKind.REPLAY)
    assert job["status"] == "completed_with_failures"
    assert [job["counts"][name] for name in ("received", "stored", "failed", "rows")] == [2, 1, 1, 4]
    assert (job["failures"][0]["reason"], job["failures"][0]["parts"]) == ("bad_archive", ["raw/broken.gz"])
    assert database.query(everything) == before
