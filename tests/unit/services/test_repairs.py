"""Gaps are fetched again in as few jobs as sensible, a few at once, after growing pauses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflow.domain.auditing import Candidate, Series, Split
from marketflow.domain.interval import Interval
from marketflow.domain.jobs import BackfillCommand, Command, History, NewJob, Requester
from marketflow.errors import CatalogUnavailableError
from marketflow.services.repairs import AT_ONCE, MOST_PARTS, PAUSES, Begun, Repairs
from tests.unit.api.market import DAYS, MINUTES

pytestmark = pytest.mark.unit

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PAGE = 1000  # minutes
HISTORIES: dict[str, dict[Interval, History]] = {
    "binance": {Interval.M1: MINUTES},
    "yahoo": {Interval.D1: DAYS},
    "rates": {},
    "past": {Interval.D1: DAYS},
}


def series(symbol: str = "A", source: str = "binance", interval: Interval = Interval.M1) -> Series:
    """A series."""
    return Series(symbol=symbol, source=source, source_symbol=symbol.lower(), interval=interval, since=NOW)


def gap(start: int, end: int, *, symbol: str = "A", tries: int = 0, ago: timedelta | None = None) -> Candidate:
    """A gap from so many minutes ago; `ago` was its last try."""
    return Candidate(
        series=series(symbol),
        id=f"{symbol}{start}",
        start=NOW - start * MINUTE,
        end=NOW - end * MINUTE,
        tries=tries,
        last_tried_at=None if ago is None else NOW - ago,
    )


@dataclass
class Book:
    """The ledger, S3 in one: both keep what they are told."""

    queued: Sequence[Candidate] = ()
    undecided: Sequence[Split] = ()
    under_way: Mapping[str, int] = field(default_factory=dict)
    away: bool = False
    jobs: dict[str, NewJob] = field(default_factory=dict)
    decisions: list[tuple[Split, str | None]] = field(default_factory=list)
    commands: list[BackfillCommand] = field(default_factory=list)

    def candidates(self, now: datetime) -> Sequence[Candidate]:
        """The queued gaps."""
        return self.queued

    def running(self) -> Mapping[str, int]:
        """The jobs of each source."""
        return self.under_way

    def begin(self, job: NewJob, gaps: Sequence[str], now: datetime) -> bool:
        """A job, when it is for anything."""
        self.jobs[job.id] = job
        return bool(gaps)

    def withdraw(self, job: str) -> None:
        """No job."""
        del self.jobs[job]

    def splits(self, now: datetime) -> Sequence[Split]:
        """The undecided ones."""
        return self.undecided

    def begin_refetch(self, job: NewJob) -> None:
        """A job."""
        self.jobs[job.id] = job

    def decided(self, split: Split, job: str | None) -> None:
        """A decision."""
        self.decisions.append((split, job))

    def give(self, command: Command) -> None:
        """A command, or trouble."""
        if self.away:
            raise CatalogUnavailableError("S3 is away.")
        assert isinstance(command, BackfillCommand)
        self.commands.append(command)


def begin(book: Book) -> list[Begun]:
    """One run."""
    ids = count(1)
    repairs = Repairs(
        book=book,
        commands=book,
        histories=HISTORIES,
        suppliers={"rates": "past"},
        clock=lambda: NOW,
        new_id=lambda: f"job {next(ids)}",
    )
    return repairs.begin()


def ranges(book: Book) -> list[tuple[str, int, int]]:
    """What was asked for: symbol, from how many minutes ago, until when."""
    return [(one.source_symbol, (NOW - one.start) // MINUTE, (NOW - one.end) // MINUTE) for one in book.commands]


def test_the_newest_gap_is_first() -> None:
    """And what one request holds is one job."""
    book = Book([gap(5000, 4990), gap(400, 390), gap(100, 90), gap(50, 40, symbol="B")])
    assert [one.gaps for one in begin(book)] == [1, 2, 1]
    assert ranges(book) == [("b", 50, 40), ("a", 400, 90), ("a", 5000, 4990)]
    assert {job.requested_by for job in book.jobs.values()} == {Requester.AUDITOR}


@given(st.lists(st.tuples(st.integers(0, 30_000), st.integers(1, 3_000)), max_size=12))
def test_jobs_hold_every_gap_and_take_no_more_requests(drawn: list[tuple[int, int]]) -> None:
    """Together they ask for no more pages than each gap alone would, and no job is too long."""
    gaps, behind = [], 40_000
    for start, length in sorted(drawn, reverse=True):
        if start < behind and start - length >= 0:
            gaps.append(gap(start, start - length))
            behind = start - length
    book = Book(gaps)
    begun = begin(book)
    if len(begun) < AT_ONCE:
        assert sum(one.gaps for one in begun) == len(gaps)
        held = ranges(book)
        assert all(
            any(first >= (NOW - one.start) // MINUTE and last <= (NOW - one.end) // MINUTE for _, first, last in held)
            for one in gaps
        )
    parts = [job.parts or 0 for job in book.jobs.values()]
    assert sum(parts) <= sum(-(-((one.end - one.start) // MINUTE) // PAGE) for one in gaps)
    assert all(one <= MOST_PARTS for one in parts)


@pytest.mark.parametrize(("tries", "pause"), list(enumerate(PAUSES)))
def test_a_gap_waits_after_each_try(tries: int, pause: timedelta) -> None:
    """Longer each time; it is asked for as soon as the pause is over."""
    assert list(PAUSES) == sorted(PAUSES)
    assert len(begin(Book([gap(100, 90, tries=tries, ago=pause)]))) == 1
    if tries:
        assert begin(Book([gap(100, 90, tries=tries, ago=pause - MINUTE)])) == []


def test_there_is_room_for_so_many_jobs_a_source() -> None:
    """Those that are under way count; another source has room of its own."""
    many = [gap(100, 90, symbol=f"S{number:02}") for number in range(20)]
    assert len(begin(Book(many))) == AT_ONCE
    assert len(begin(Book(many, under_way={"binance": 7, "yahoo": 90}))) == AT_ONCE - 7
    assert begin(Book(many, under_way={"binance": AT_ONCE})) == []


def test_what_the_source_no_longer_has_is_not_asked_for() -> None:
    """A gap is cut at the beginning of the history."""
    old = (NOW - MINUTES.since) // MINUTE
    book = Book([gap(old + 500, old - 100), gap(old + 2000, old + 1000)])
    assert len(begin(book)) == 1
    assert ranges(book) == [("a", old, old - 100)]


def test_who_supplies_the_past_is_asked_for_it() -> None:
    """Of symbols whose own source has none; the job is one of that source, and counts among its jobs."""
    lost = Candidate(
        series=series("USDTRY", "rates", Interval.D1),
        id="1",
        start=NOW - timedelta(days=9),
        end=NOW - timedelta(days=7),
        tries=0,
        last_tried_at=None,
    )
    book = Book([lost])
    assert [one.source for one in begin(book)] == ["past"]
    assert book.commands[0].source == "past"
    assert begin(Book([lost], under_way={"past": AT_ONCE})) == []


def test_a_job_that_cannot_be_handed_on_is_none() -> None:
    """It is withdrawn, and so is its try."""
    book = Book([gap(100, 90)], away=True)
    assert begin(book) == []
    assert book.jobs == {}


def split(first: datetime | None) -> Split:
    """A split of this morning."""
    return Split(series=series("S", "yahoo", Interval.D1), effective=NOW - timedelta(hours=7), first=first)


def test_a_split_is_decided_once_its_command_is_given() -> None:
    """The same job each time, until S3 has taken its command."""
    wanted = split(NOW - timedelta(days=100))
    book = Book(undecided=[wanted], away=True)
    assert begin(book) == []
    assert book.decisions == []
    book.away = False
    (one,) = begin(book)
    assert book.decisions == [(wanted, one.job)]
    assert set(book.jobs) == {one.job}
    assert (one.start, one.end) == (wanted.first, wanted.effective)


def test_a_split_before_everything_needs_nothing() -> None:
    """All that is stored was observed after it."""
    book = Book(undecided=[split(None)])
    assert begin(book) == []
    assert book.decisions == [(book.undecided[0], None)]
