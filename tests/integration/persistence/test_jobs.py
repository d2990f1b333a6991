"""Jobs are counted exactly, whatever comes twice, late, or in another order."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from marketflow.domain.interval import Interval
from marketflow.domain.jobs import JobKind, JobStatus, Listed, NewJob, Part, PartFailure
from marketflow.domain.loading import LoadResult
from marketflow.domain.records import ParsedPayload, Reject
from marketflow.persistence.connection import Database
from marketflow.persistence.jobs import JobBook
from marketflow.persistence.loader import Loader
from tests.integration.persistence.rows import answer, candle

pytestmark = pytest.mark.integration

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def book(database: Database) -> JobBook:
    """The tables of jobs of this test's own database."""
    return JobBook(database)


def job(name: str = "a", *, parts: int | None = 3, kind: JobKind = JobKind.BACKFILL) -> NewJob:
    """A job about an hour of a symbol."""
    return NewJob(
        id=name,
        kind=kind,
        source="binance",
        symbol="BTCUSDT",
        interval=Interval.M1 if kind is JobKind.BACKFILL else None,
        start=START,
        end=START + timedelta(hours=1),
        parts=parts,
    )


def part(number: int, name: str = "a") -> Part:
    """A part of it."""
    return Part(job=name, number=number, subject=f"window {number}")


def failure(number: int, reason: str = "no_answer") -> PartFailure:
    """A part that is lost."""
    return PartFailure(part=part(number), reason=reason, detail="Binance did not\0 answer.")


def shown(book: JobBook, name: str = "a", kind: JobKind = JobKind.BACKFILL) -> dict[str, Any]:
    """The job as the API shows it."""
    found: dict[str, Any] = json.loads(book.one(kind, name) or "{}")
    return found


def counts(book: JobBook, *names: str) -> tuple[int, ...]:
    """Some of the counts."""
    return tuple(shown(book)["counts"][name] for name in names)


def test_a_new_job_is_queued_and_knows_nothing(book: JobBook) -> None:
    """What was asked is known from the start; the rest is zero, and there is no rate to tell a time from."""
    book.create(job())
    book.create(job(parts=7))
    told = shown(book)
    assert told["status"] == "queued"
    assert told["counts"] == {
        "asked": 3,
        "received": 0,
        "stored": 0,
        "empty": 0,
        "failed": 0,
        "pending": 3,
        "rows": 0,
        "quarantined": 0,
    }
    assert (told["start"], told["end"], told["interval"]) == ("2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z", "1m")
    assert (told["started_at"], told["finished_at"], told["seconds_left"], told["failures"]) == (None, None, None, [])


def test_it_is_completed_when_every_part_is_known_and_not_before(book: JobBook) -> None:
    """Rows, none, and the same message over and over: each part counts once."""
    book.create(job())
    for _ in range(3):
        book.part_loaded(part(0), raw_key="raw/0", result=LoadResult(candles_written=60, prices_written=1))
        book.part_loaded(part(0), raw_key="raw/0", result=LoadResult(candles_unchanged=60, prices_unchanged=1))
        book.part_loaded(part(1), raw_key="raw/1", result=LoadResult(prices_written=1))
    assert counts(book, "received", "stored", "empty", "pending", "rows") == (2, 1, 1, 1, 60)
    assert shown(book)["status"] == "running"
    book.part_loaded(part(2), raw_key="raw/2", result=LoadResult(candles_written=1))
    told = shown(book)
    assert (told["status"], told["counts"]["rows"], told["seconds_left"]) == ("completed", 61, 0)
    assert told["finished_at"] == told["updated_at"] >= told["started_at"]
    assert told["parts_per_second"] > 0


def test_failures_are_told_by_reason(book: JobBook) -> None:
    """A job with a failed part is over, and says which parts and why."""
    book.create(job())
    book.part_failed(failure(2), received=False)
    book.part_failed(failure(0), received=False)
    book.part_failed(failure(1, "window_too_old"), received=False)
    book.part_failed(failure(1, "window_too_old"), received=False)
    told = shown(book)
    assert told["status"] == "completed_with_failures"
    assert counts(book, "received", "failed", "pending") == (0, 3, 0)
    assert [(one["reason"], one["count"], one["parts"]) for one in told["failures"]] == [
        ("no_answer", 2, ["window 0", "window 2"]),
        ("window_too_old", 1, ["window 1"]),
    ]


def test_the_order_of_messages_does_not_matter(book: JobBook, database: Database) -> None:
    """A part that was lost and then answered is answered, also when the loss is told last; more rows win over fewer."""
    events: list[Callable[[], None]] = [
        lambda: book.part_failed(failure(0), received=False),
        lambda: book.part_loaded(part(0), raw_key="raw/a", result=LoadResult()),
        lambda: book.part_loaded(part(0), raw_key="raw/b", result=LoadResult(candles_written=5)),
        lambda: book.part_loaded(part(0), raw_key="raw/c", result=LoadResult(candles_unchanged=4)),
    ]
    book.create(job(parts=1))
    for order in permutations(events):
        database.query("delete from job_parts")
        for event in order:
            event()
        told = shown(book)
        assert (told["status"], told["counts"]["stored"], told["counts"]["rows"]) == ("completed", 1, 5)
        assert told["failures"] == []


def test_refused_rows_are_counted_and_nothing_else_is_a_failure(book: JobBook, database: Database) -> None:
    """An answer of which everything was refused failed, with the first reason; one of which some was is stored."""
    book.create(job(parts=2))
    loader = Loader(database)
    bad = Reject(reason="truncated", detail="It ends too early.", position=-1, row="[", source_symbol="BTCUSDT")
    for _ in range(2):
        whole = loader.load(ParsedPayload(rejects=(bad,)), answer(0))
        book.part_loaded(part(0), raw_key=answer(0).raw_key, result=whole)
        some = loader.load(ParsedPayload(candles=(candle(0),), rejects=(bad,)), answer(1))
        book.part_loaded(part(1), raw_key=answer(1).raw_key, result=some)
    told = shown(book)
    assert told["status"] == "completed_with_failures"
    assert counts(book, "received", "stored", "failed", "rows", "quarantined") == (2, 1, 1, 1, 2)
    assert [(one["reason"], one["detail"]) for one in told["failures"]] == [("truncated", "It ends too early.")]


def test_a_replay_counts_prices_and_ends_when_the_archive_was_listed(book: JobBook) -> None:
    """Before, nobody knows how many answers there are; a part may be loaded before it is told."""
    book.create(job(kind=JobKind.REPLAY, parts=None))
    assert shown(book, kind=JobKind.REPLAY)["status"] == "queued"
    book.part_loaded(part(-(2**63)), raw_key="raw/0", result=LoadResult(prices_unchanged=36))
    told = shown(book, kind=JobKind.REPLAY)
    assert (told["status"], told["counts"]["asked"], told["counts"]["rows"]) == ("running", None, 36)
    book.listed(Listed(job="a", parts=1))
    book.listed(Listed(job="a", parts=1))
    assert shown(book, kind=JobKind.REPLAY)["status"] == "completed"


def test_a_replay_of_nothing_is_completed(book: JobBook) -> None:
    """Days without an answer are over at once."""
    book.create(job(kind=JobKind.REPLAY, parts=None))
    book.listed(Listed(job="a", parts=0))
    assert shown(book, kind=JobKind.REPLAY)["status"] == "completed"


def test_parts_of_an_unknown_job_are_left_alone(book: JobBook, database: Database) -> None:
    """The archive may be replayed into another database, and a job that could not be handed on is forgotten."""
    book.create(job())
    book.forget("a")
    book.part_loaded(part(0), raw_key="raw/0", result=LoadResult(candles_written=1))
    book.part_failed(failure(1), received=False)
    book.listed(Listed(job="a", parts=2))
    assert database.query("select count(*) from job_parts") == [[0]]
    assert book.one(JobKind.BACKFILL, "a") is None


def test_pages_go_from_the_newest_to_the_oldest(book: JobBook, database: Database) -> None:
    """Each job of the kind once, also those of one moment; a status filters."""
    for number in range(5):
        book.create(job(f"job{number}"))
    book.create(job("other", kind=JobKind.REPLAY))
    database.query("update jobs set created_at = timestamptz '2026-01-01T00:00:00.123456Z' where id < 'job3'")
    seen: list[str] = []
    after = None
    while True:
        page = book.page(JobKind.BACKFILL, status=None, after=after, limit=2)
        seen += [one["id"] for one in json.loads(page.body)]
        if page.last is None:
            break
        after = (datetime.fromisoformat(page.last[0]), page.last[1])
    assert seen == ["job4", "job3", "job2", "job1", "job0"]
    for number in range(3):
        book.part_loaded(part(number, "job1"), raw_key="raw/0", result=LoadResult(candles_written=1))
    done = book.page(JobKind.BACKFILL, status=JobStatus.COMPLETED, after=None, limit=10)
    assert [one["id"] for one in json.loads(done.body)] == ["job1"]
    assert json.loads(book.page(JobKind.BACKFILL, status=JobStatus.RUNNING, after=None, limit=10).body) == []


def test_a_symbol_names_its_source(book: JobBook) -> None:
    """By our spelling, in its own."""
    assert book.source_of("USDTRY") == ("exchangerate", "USD/TRY")
    assert book.source_of("NOPE") is None
    assert book.one(JobKind.BACKFILL, "\0") is None
