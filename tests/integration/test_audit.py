"""The ledger of gaps on a real PostgreSQL: it says what /v1/coverage says, and has repaired what can be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketflow.bootstrap import auditor_of
from marketflow.domain.auditing import Findings, Scope
from marketflow.domain.gaps import MOST_TRIES, Question, Repair
from marketflow.domain.interval import Interval
from marketflow.domain.jobs import BackfillCommand, Command
from marketflow.errors import CatalogUnavailableError
from marketflow.persistence.connection import Database
from marketflow.services.audit import GAPS_KEPT, Audited
from marketflow.services.repairs import AT_ONCE

pytestmark = pytest.mark.integration

NOW = datetime(2026, 3, 2, 12, 0, 30, tzinfo=UTC)
FIRST = NOW.replace(hour=9, minute=0, second=0)
MINUTE = timedelta(minutes=1)
DUE = 177
"""As many minutes as should have come by now: those that are over for three."""


@dataclass
class Queue:
    """Takes commands, or does not."""

    given: list[BackfillCommand] = field(default_factory=list)
    broken: bool = False

    def give(self, command: Command) -> None:
        """Hand it on."""
        if self.broken:
            raise CatalogUnavailableError("S3 is away.")
        assert isinstance(command, BackfillCommand)
        self.given.append(command)


class Books:
    """One symbol's minutes from nine o'clock on, the auditor of it, and a clock."""

    def __init__(self, database: Database, symbol: str = "BTCUSDT") -> None:
        self.database = database
        self.symbol = symbol
        self.now = NOW
        self.queue = Queue()
        self.auditor = auditor_of(database, self.queue, lambda: self.now)
        # The others would be missed too.
        database.query("UPDATE symbols SET active = (symbol = :symbol), created_at = :now", symbol=symbol, now=NOW)

    def store(self, *spans: tuple[int, int], fetched: bool = True, interval: str = "1m") -> None:
        """Candles from the first to before the last minute (day) after the beginning."""
        step = "1 minute" if interval == "1m" else "1 day"
        for start, end in spans:
            first = FIRST + start * (MINUTE if interval == "1m" else timedelta(days=1))
            self.database.query(
                "SELECT make_months(cast(:first as timestamptz), cast(:first as timestamptz))", first=first
            )
            self.database.query(
                "INSERT INTO candles SELECT s.id, cast(:interval as candle_interval), at, 1, 1, 1, 1, 1, 1, 1, true,"
                " at, 1 FROM symbols s, generate_series(cast(:start as timestamptz),"
                " cast(:end as timestamptz) - cast(:step as interval), cast(:step as interval)) at"
                " WHERE symbol = :symbol ON CONFLICT DO NOTHING",
                symbol=self.symbol,
                interval=interval,
                start=first,
                end=FIRST + end * (MINUTE if interval == "1m" else timedelta(days=1)),
                step=step,
            )
        if fetched:
            self.fetched(spans)

    def fetched(self, spans: Iterable[tuple[int, int]], refused: Iterable[tuple[int, int]] = ()) -> None:
        """The source answered for these minutes."""
        self.database.query(
            "INSERT INTO fetched_ranges AS k SELECT id, '1m', cast(:fetched as tstzmultirange),"
            " cast(:refused as tstzmultirange) FROM symbols WHERE symbol = :symbol ON CONFLICT (symbol_id, interval)"
            " DO UPDATE SET fetched = k.fetched + excluded.fetched, refused = k.refused + excluded.refused",
            symbol=self.symbol,
            fetched=ranges(spans),
            refused=ranges(refused),
        )

    def silent(self, spans: Iterable[tuple[int, int]]) -> None:
        """The source gave no answer in these minutes."""
        self.database.query(
            "INSERT INTO source_status (source, outages) VALUES ('binance', cast(:outages as tstzmultirange))"
            " ON CONFLICT (source) DO UPDATE SET outages = excluded.outages",
            outages=ranges(spans),
        )

    def audit(self, scope: Scope = Scope.RECENT, *, seconds: float = 60.0) -> Audited:
        """One run."""
        return self.auditor.run(scope, time_left=lambda: seconds)

    def entries(self, *, closed: bool = False) -> list[tuple[Any, ...]]:
        """The ledger: first minute, end, missing candles, reason, state, tries."""
        rows = self.database.query(
            "SELECT starts_at, ends_at, missing, reason, state, tries FROM gaps"
            " WHERE (closed_at IS NOT NULL) = :closed ORDER BY starts_at",
            closed=closed,
        )
        return [(minute(start), minute(end), *rest) for start, end, *rest in rows]

    def coverage(self) -> list[tuple[Any, ...]]:
        """What /v1/coverage says of the same time."""
        end = FIRST + (DUE + minute(self.now) - minute(NOW)) * MINUTE
        question = Question(name=self.symbol, interval=Interval.M1, start=FIRST, end=end, limit=10_000)
        gaps = self.auditor._coverages.coverage(question).gaps  # type: ignore[attr-defined]
        return [
            (minute(gap.start), minute(gap.end), gap.missing, gap.reason.value, gap.repair.value, gap.tries)
            for gap in gaps
        ]

    def answered(self, job: str, outcome: str = "empty") -> None:
        """Every part of a job became known."""
        self.database.query(
            "INSERT INTO job_parts (job_id, part, outcome, received, rows, quarantined, subject)"
            " SELECT id, n, :outcome, true, 0, 0, '' FROM jobs, generate_series(0, parts - 1) n WHERE id = :id",
            id=job,
            outcome=outcome,
        )


def ranges(spans: Iterable[tuple[int, int]]) -> str:
    """The text of a multirange of minutes."""
    pieces = (f"[{(FIRST + a * MINUTE).isoformat()},{(FIRST + b * MINUTE).isoformat()})" for a, b in spans if a < b)
    return "{" + ",".join(pieces) + "}"


def minute(moment: datetime) -> int:
    """Minutes after the first."""
    return int((moment - FIRST) / MINUTE)


@pytest.fixture
def books(database: Database) -> Books:
    """Bitcoin's."""
    return Books(database)


def hole(books: Books) -> str:
    """Ten minutes are missing, and their repair has begun; its job."""
    books.store((0, 100), (110, 180))
    (begun,) = books.audit().begun
    return begun.job


SPANS = st.lists(st.tuples(st.integers(0, 180), st.integers(0, 180)).map(lambda two: (min(two), max(two))), max_size=4)


@given(stored=SPANS, fetched=SPANS, refused=SPANS, outages=SPANS, filled=SPANS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_ledger_says_what_the_coverage_says(
    books: Books,
    stored: Sequence[tuple[int, int]],
    fetched: Sequence[tuple[int, int]],
    refused: Sequence[tuple[int, int]],
    outages: Sequence[tuple[int, int]],
    filled: Sequence[tuple[int, int]],
    *,
    owner: Database,
) -> None:
    """Whatever is stored and known, before and after more came; and a second look at the same changes nothing."""
    owner.query("TRUNCATE candles, fetched_ranges, source_status, gaps, audits, jobs, job_parts")
    books.now = NOW
    books.store((0, 1), *stored, fetched=False)
    books.fetched(fetched, refused)
    books.silent(outages)
    for more in ((), filled):
        books.store(*more)
        books.now += MINUTE
        books.audit()
        assert books.entries() == books.coverage()
        before = books.database.query("SELECT g::text FROM gaps g ORDER BY id")
        books.database.query("UPDATE audits SET recent_at = NULL")
        again = books.audit()
        assert books.database.query("SELECT g::text FROM gaps g ORDER BY id") == before
        assert (again.changed, again.begun) == (0, [])


def test_a_gap_is_queued_and_its_repair_begun(books: Books) -> None:
    """By a backfill like an operator's, which says who asked for it; until that is over the gap is pending."""
    job = hole(books)
    (command,) = books.queue.given
    assert (command.id, command.source, command.source_symbol, command.interval) == (job, "binance", "BTCUSDT", "1m")
    assert (minute(command.start), minute(command.end)) == (100, 110)
    assert books.entries() == books.coverage() == [(100, 110, 10, "not_fetched", "pending", 1)]
    ((parts, requested_by),) = books.database.query("SELECT parts, requested_by FROM jobs")
    assert (parts, requested_by) == (1, "auditor")
    books.now += MINUTE
    assert books.audit().begun == []


def test_a_repaired_gap_is_closed(books: Books) -> None:
    """And stays for the record, with how it was repaired."""
    job = hole(books)
    books.store((100, 110))
    books.answered(job, "stored")
    books.now += MINUTE
    audited = books.audit()
    assert books.entries() == []
    assert books.entries(closed=True) == [(100, 110, 10, "not_fetched", "repaired", 1)]
    assert all(standing.unexplained == 0 for standing in audited.standings)


def test_a_repaired_gap_is_closed_however_long_ago_it_was(books: Books) -> None:
    """The look at the newest hours also goes where a repair has ended."""
    job = hole(books)
    books.store((100, 110))
    books.answered(job, "stored")
    books.now += timedelta(days=30)
    books.audit()
    assert (100, 110, 10, "not_fetched", "repaired", 1) in books.entries(closed=True)


def test_a_gap_that_a_person_repaired_is_closed_within_the_hour(books: Books) -> None:
    """Also one that was given up, long ago: its alarm is over soon after the operator's backfill."""
    books.answered(hole(books))
    for _ in range(MOST_TRIES):
        books.now += timedelta(hours=3)
        for one in books.audit().begun:
            if minute(one.start) == 100:
                books.answered(one.job)
    assert books.entries()[0][4:] == ("given_up", MOST_TRIES)
    books.now += timedelta(days=3)
    books.store((100, 110))
    books.audit()
    assert (100, 110, 10, "not_fetched", "repaired", MOST_TRIES) in books.entries(closed=True)


def test_a_gap_that_stays_is_given_up(books: Books) -> None:
    """After three tries with growing pauses; and that is said of it from then on."""
    books.store((0, 100), (110, 180))
    begun = []
    for _ in range(60):
        for one in books.audit().begun:
            books.answered(one.job)
            begun.append(books.now)
        books.store((180, 180 + minute(books.now) + 1))
        books.now += timedelta(minutes=10)
    gaps = [later - earlier for earlier, later in pairwise(begun)]
    assert len(begun) == MOST_TRIES
    assert gaps == sorted(gaps)
    assert gaps[0] >= timedelta(minutes=15)
    assert gaps[1] >= timedelta(hours=2)
    assert books.entries() == [(100, 110, 10, "not_fetched", "given_up", 3)]
    (standing,) = (one for one in books.audit().standings if one.source == "binance")
    assert (standing.given_up, standing.unexplained) == (1, 0)


def test_what_a_job_says_nothing_of_for_hours_is_tried_again(books: Books) -> None:
    """Its command or its tasks are lost: the gap is not pending for ever."""
    hole(books)
    books.database.query("UPDATE jobs SET created_at = now() - interval '7 hours'")
    books.now += MINUTE
    books.audit()
    assert books.entries()[0][4:] == ("queued", 1)


def test_a_gap_that_comes_apart_keeps_its_tries(books: Books) -> None:
    """Both parts were tried; one of them is still the same entry, and both know since when they are missing."""
    books.answered(hole(books))
    before = books.database.query("SELECT id, first_seen_at FROM gaps")
    books.store((103, 105))
    books.now += MINUTE
    books.audit()
    assert [one[:3] + one[5:] for one in books.entries()] == [(100, 103, 3, 1), (105, 110, 5, 1)]
    after = books.database.query("SELECT id, first_seen_at FROM gaps ORDER BY starts_at")
    assert after[0] == before[0]
    assert after[1][1] == before[0][1]


def test_gaps_that_grow_together_have_the_most_tries(books: Books) -> None:
    """What was tried is not forgotten because more is missing beside it."""
    books.answered(hole(books))
    books.database.query("DELETE FROM candles WHERE open_time >= :start", start=FIRST + 110 * MINUTE)
    books.database.query("UPDATE fetched_ranges SET fetched = cast(:kept as tstzmultirange)", kept=ranges([(0, 100)]))
    books.now += MINUTE
    books.audit()
    assert books.entries() == [(100, DUE + 1, 78, "not_fetched", "queued", 1)]


def test_holes_within_one_page_are_one_job(books: Books) -> None:
    """A thousand minutes are one request, whether all of them are missing or every tenth."""
    books.store(*((start, start + 9) for start in range(0, 180, 10)))
    (begun,) = books.audit().begun
    assert begun.gaps == 17
    assert {one[4:] for one in books.entries()} == {("pending", 1)}


def test_only_so_many_repairs_are_on_their_way(database: Database) -> None:
    """However many symbols have gaps: the rest waits until some are over."""
    books = Books(database)
    database.query(
        "INSERT INTO symbols (symbol, source, source_symbol, asset_type, base_currency, quote_currency, price_unit,"
        " created_at) SELECT 'S' || n, 'binance', 'S' || n, 'crypto', 'S', 'USDT', 'USDT', :created"
        " FROM generate_series(1, 30) n",
        created=FIRST,
    )
    first = books.audit().begun
    assert len(first) == AT_ONCE
    books.now += MINUTE
    assert books.audit().begun == []
    for one in first[:4]:
        books.answered(one.job)
    assert len(books.audit().begun) == 4


def test_a_source_that_does_not_answer_is_left_alone(books: Books) -> None:
    """A repair would only use a try up; what is missing is known all the same."""
    books.store((0, 100), (110, 170))
    books.silent([(170, 185)])
    assert books.audit().begun == []
    assert [one[3:5] for one in books.entries()] == [("not_fetched", "queued"), ("source_outage", "queued")]
    books.now = FIRST + 190 * MINUTE
    assert [one.gaps for one in books.audit().begun] == [3]


def test_a_repair_that_s3_does_not_take_is_withdrawn(books: Books) -> None:
    """It is no try, and no job that nobody works on is left."""
    books.store((0, 100), (110, 180))
    books.queue.broken = True
    assert books.audit().begun == []
    assert books.entries() == [(100, 110, 10, "not_fetched", "queued", 0)]
    assert books.database.query("SELECT FROM jobs") == []
    books.queue.broken = False
    books.now += MINUTE
    assert len(books.audit().begun) == 1


def test_what_needs_nothing_is_recorded_and_not_repaired(books: Books) -> None:
    """The exchange was down, or what came was no data: fetching again brings the same."""
    books.store((0, 100), (110, 150), (160, 180), fetched=False)
    books.fetched([(0, 150), (160, 180)], refused=[(150, 160)])
    assert books.audit().begun == []
    assert [one[:5] for one in books.entries()] == [
        (100, 110, 10, "source_outage", "not_needed"),
        (150, 160, 10, "quarantined", "on_request"),
    ]


def test_who_read_an_older_ledger_does_not_write(books: Books) -> None:
    """Two looks may overlap: the later one would undo what the other found, or a try."""
    hole(books)
    ledger = books.auditor._ledger
    (series,) = ledger.series(deep=False)
    page = ledger.page(series, floor=FIRST, start=FIRST, end=NOW)
    changes = Findings(written=[], gone=[], closed=[page.entries[0].id])
    assert not ledger.write(series, changes, token="another", now=NOW)
    assert len(books.entries()) == 1
    assert ledger.write(series, changes, token=page.token, now=NOW)
    assert books.entries() == []


def test_the_past_is_audited_in_pieces(books: Books) -> None:
    """Each run goes on where the one before ran out of time, until all was seen; then it begins anew."""
    books.store((-300 * 1440, -300 * 1440 + 5), (0, 180))
    books.now = NOW
    calls = iter([60.0, 60.0, 0.0] + [60.0] * 50)
    books.auditor.run(Scope.DEEP, time_left=lambda: next(calls))
    ((deep_from, deep_at),) = books.database.query("SELECT deep_from, deep_at FROM audits")
    assert deep_from is not None
    assert deep_at is None
    some = books.entries()
    books.audit(Scope.DEEP)
    assert books.database.query("SELECT deep_from, deep_at FROM audits") == [[None, NOW]]
    everything = books.entries()
    assert everything[: len(some)] == some
    assert sum(one[2] for one in everything) == 300 * 1440 - 5
    assert {one[3] for one in everything} == {"not_fetched"}
    assert books.audit(Scope.DEEP).changed == 0


def test_gaps_and_jobs_that_are_over_are_forgotten(books: Books) -> None:
    """Closed gaps after three months, jobs a month after the last news of them; what is open stays."""
    job = hole(books)
    books.store((100, 110), (-50, -40))
    books.answered(job, "stored")
    books.audit(Scope.DEEP)
    assert len(books.entries(closed=True)) == 1
    books.database.query("UPDATE jobs SET created_at = :old", old=NOW - timedelta(days=31))
    books.audit(Scope.DEEP)
    assert len(books.database.query("SELECT FROM jobs")) == 1
    books.database.query("UPDATE job_parts SET known_at = :old", old=NOW - timedelta(days=31))
    books.now = NOW
    books.audit(Scope.DEEP)
    assert books.database.query("SELECT FROM jobs") == books.database.query("SELECT FROM job_parts") == []
    books.database.query("UPDATE gaps SET closed_at = :old WHERE closed_at IS NOT NULL", old=NOW - GAPS_KEPT)
    books.now += timedelta(seconds=1)
    open_ = books.entries()
    books.audit(Scope.DEEP)
    assert books.entries(closed=True) == []
    assert books.entries() == open_ != []


def test_nothing_is_missing_of_a_symbol_that_is_not_fetched(books: Books) -> None:
    """Its gaps are closed, and none of them is repaired."""
    books.store((0, 100), (110, 180))
    books.queue.broken = True
    books.audit()
    books.queue.broken = False
    books.database.query("UPDATE symbols SET active = false")
    assert books.audit().begun == []
    books.audit(Scope.DEEP)
    assert books.entries() == []
    assert books.entries(closed=True)[0][4] == Repair.NOT_NEEDED


def split(books: Books, effective: datetime) -> None:
    """A split of the symbol, loaded now."""
    books.database.query(
        "INSERT INTO actions (symbol_id, kind, effective, numerator, denominator, observed_at, raw_id,"
        " last_observed_at, last_raw_id) SELECT id, 'split', :effective, 4, 1, :now, 1, :now, 1 FROM symbols"
        " WHERE symbol = :symbol",
        effective=effective,
        now=books.now,
        symbol=books.symbol,
    )


def test_a_split_has_the_history_before_it_fetched_again_once(database: Database) -> None:
    """Each interval from its first candle on as far as the source goes; only when something was observed before it."""
    books = Books(database, "AAPL")
    midnight = datetime(2026, 3, 2, 5, tzinfo=UTC)
    books.store((-20, 0), interval="1d")
    split(books, midnight)
    begun = books.audit().begun
    (command,) = (one for one in books.queue.given if one.end == midnight)
    assert (command.source_symbol, command.interval) == ("AAPL", "1d")
    assert (command.start, command.end) == (FIRST - timedelta(days=20), midnight)
    assert [one.gaps for one in begun if one.job == command.id] == [0]
    assert database.query("SELECT requested_by FROM jobs WHERE id = :id", id=command.id) == [["split"]]
    books.answered(command.id)
    books.now += MINUTE
    books.audit()
    assert [one.id for one in books.queue.given].count(command.id) == 1
    # Observed after it: what is stored is adjusted already.
    database.query("UPDATE candles SET observed_at = :now", now=NOW)
    split(books, midnight - timedelta(days=3))
    given = len(books.queue.given)
    books.audit()
    assert len(books.queue.given) == given


def test_a_split_of_which_s3_is_not_told_is_not_forgotten(database: Database) -> None:
    """The next run begins the same job again."""
    books = Books(database, "AAPL")
    books.store((-20, 0), interval="1d")
    split(books, datetime(2026, 3, 2, 5, tzinfo=UTC))
    books.queue.broken = True
    books.audit()
    books.queue.broken = False
    books.audit()
    books.audit()
    assert len([one for one in books.queue.given if one.end == datetime(2026, 3, 2, 5, tzinfo=UTC)]) == 1
    assert len(database.query("SELECT FROM jobs WHERE requested_by = 'split'")) == 1
