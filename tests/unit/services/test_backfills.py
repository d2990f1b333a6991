"""What an operator may ask for, and what is written down and handed on then."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from marketflow.domain.interval import Interval
from marketflow.domain.jobs import (
    BackfillCommand,
    Command,
    History,
    JobKind,
    JobPage,
    JobStatus,
    NewJob,
    RedriveCommand,
    ReplayCommand,
)
from marketflow.errors import CatalogUnavailableError, RefusedError
from marketflow.services.backfills import MAX_PARTS, Backfills, SourcePast

pytestmark = pytest.mark.unit

NOW = datetime(2026, 3, 2, 12, 0, 30, tzinfo=UTC)
DAY = timedelta(days=1)
SINCE = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass
class FakeBook:
    """Keeps jobs."""

    jobs: dict[str, NewJob] = field(default_factory=dict)
    kept: datetime | None = None

    def create(self, job: NewJob) -> None:
        """Keep it."""
        self.jobs[job.id] = job

    def forget(self, job: str) -> None:
        """Take it out."""
        del self.jobs[job]

    def one(self, kind: JobKind, job: str) -> str | None:
        """Its id."""
        return job if job in self.jobs and self.jobs[job].kind is kind else None

    def page(
        self, kind: JobKind, *, status: JobStatus | None, after: tuple[datetime, str] | None, limit: int
    ) -> JobPage:
        """Nothing."""
        return JobPage(body="[]", last=None)

    def retired_before(self) -> datetime | None:
        """What the test says."""
        return self.kept

    def source_of(self, symbol: str) -> tuple[str, str] | None:
        """Symbols of a source with minutes, of one without a past, and of one whose past another one has."""
        known = {"AB": ("minutes", "A-B"), "CD": ("none", "C/D"), "EURUSD": ("rates", "EUR/USD")}
        return known.get(symbol) or {"USDAED": ("rates", "USD/AED")}.get(symbol)


@dataclass
class FakeCommands:
    """Keeps commands, or refuses them."""

    given: list[Command] = field(default_factory=list)
    broken: bool = False

    def give(self, command: Command) -> None:
        """Keep it."""
        if self.broken:
            raise CatalogUnavailableError("s3://bucket/tasks was not written")
        self.given.append(command)


@dataclass
class World:
    """The service and what is around it."""

    book: FakeBook = field(default_factory=FakeBook)
    commands: FakeCommands = field(default_factory=FakeCommands)
    reach: timedelta | None = None

    @property
    def service(self) -> Backfills:
        """The service; its ids are all `new`."""
        minutes = History(dataset="d", page=timedelta(minutes=1000), since=SINCE, reach=self.reach)
        return Backfills(
            book=self.book,
            commands=self.commands,
            sources={
                "minutes": SourcePast(title="Minutes Inc.", histories={Interval.M1: minutes}),
                "none": SourcePast(title="None Inc.", histories={}),
                "rates": SourcePast(title="Rates Inc.", histories={}),
                "bank": SourcePast(
                    title="The bank",
                    histories={Interval.D1: History(dataset="r", page=90 * DAY, since=SINCE)},
                    supplies="rates",
                    currencies=frozenset({"EUR", "USD"}),
                ),
            },
            queues=("payloads", "tasks-minutes"),
            clock=lambda: NOW,
            new_id=lambda: "new",
        )

    def backfill(
        self, start: datetime, end: datetime | None = None, symbol: str = "AB", interval: Interval = Interval.M1
    ) -> str:
        """Ask for a backfill."""
        return self.service.backfill(symbol=symbol, interval=interval, start=start, end=end)


def refusal(world: World, *arguments: object) -> RefusedError:
    """Why a backfill is refused; nothing is left of it."""
    with pytest.raises(RefusedError) as caught:
        world.backfill(*arguments)  # type: ignore[arg-type]
    assert not world.book.jobs
    assert not world.commands.given
    return caught.value


def test_a_backfill_is_written_down_and_handed_on() -> None:
    """The job counts the requests that it takes; the command speaks the source's language."""
    world = World()
    start = datetime(2026, 3, 1, tzinfo=UTC)
    assert world.backfill(start) == "new"
    end = NOW.replace(second=0)
    assert world.book.jobs["new"] == NewJob(
        id="new",
        kind=JobKind.BACKFILL,
        source="minutes",
        symbol="AB",
        interval=Interval.M1,
        start=start,
        end=end,
        parts=3,
    )
    assert world.commands.given == [
        BackfillCommand(id="new", source="minutes", source_symbol="A-B", interval=Interval.M1, start=start, end=end)
    ]


@pytest.mark.parametrize(
    ("start", "end", "parameter", "says"),
    [
        (NOW - DAY, NOW + timedelta(seconds=1), "end", "2026-03-02T12:00:31Z is in the future"),
        (NOW, NOW, "start", "must be before end"),
        (NOW, NOW - DAY, "start", "must be before end"),
        (SINCE - timedelta(seconds=1), NOW, "start", "Minutes Inc. has 1m from 2020-01-01T00:00:00Z on"),
    ],
)
def test_a_range_that_cannot_be_is_refused(start: datetime, end: datetime, parameter: str, says: str) -> None:
    """Empty, to come, or before everything that the source has: the answer names the limit."""
    error = refusal(World(), start, end)
    assert (error.status, error.code, error.parameter) == (400, "not_possible", parameter)
    assert says in error.detail


def test_the_reach_of_a_source_is_counted_from_now() -> None:
    """A source that keeps minutes for some days only says from when on it has them."""
    world = World(reach=29 * DAY)
    assert "from 2026-02-01T12:00:30Z on" in refusal(world, NOW - 30 * DAY, NOW).detail
    assert world.backfill(NOW - 29 * DAY, NOW) == "new"


def test_there_is_a_limit_to_the_parts() -> None:
    """It is told, with the days that it means."""
    world = World()
    longest = MAX_PARTS * timedelta(minutes=1000)
    early = History(dataset="d", page=timedelta(minutes=1000), since=datetime(1990, 1, 1, tzinfo=UTC))
    service = world.service
    service._sources = {"minutes": SourcePast(title="Old Inc.", histories={Interval.M1: early})}
    with pytest.raises(RefusedError, match=r"10001 requests, and 10000 \(6944 days\) are the most"):
        service.backfill(symbol="AB", interval=Interval.M1, start=NOW - longest - DAY / 1440, end=NOW)
    assert service.backfill(symbol="AB", interval=Interval.M1, start=NOW - longest, end=NOW) == "new"


def test_what_the_source_does_not_have_is_named() -> None:
    """An interval, or any history at all; and a symbol that nobody has is a 404."""
    assert "gives history of 1m only" in refusal(World(), NOW - DAY, NOW, "AB", Interval.H1).detail
    assert "None Inc. gives no history" in refusal(World(), NOW - DAY, NOW, "CD").detail
    assert refusal(World(), NOW - DAY, NOW, "NOPE").status == 404


def test_a_job_that_cannot_be_handed_on_is_not_left_behind() -> None:
    """Nobody would ever do it."""
    world = World(commands=FakeCommands(broken=True))
    with pytest.raises(CatalogUnavailableError):
        world.backfill(NOW - DAY)
    assert not world.book.jobs


def test_a_replay_is_of_a_source_and_maybe_of_one_symbol() -> None:
    """How many parts it has is not known before the archive was listed."""
    world = World()
    world.service.replay(source="minutes", start=NOW - DAY, end=None, symbol="AB")
    assert world.commands.given == [
        ReplayCommand(id="new", source="minutes", source_symbol="A-B", start=NOW - DAY, end=NOW)
    ]
    assert world.book.jobs["new"].parts is None


@pytest.mark.parametrize(
    ("source", "start", "end", "symbol", "status", "parameter"),
    [
        ("nobody", NOW - DAY, None, None, 400, "source"),
        ("minutes", NOW - 32 * DAY, None, None, 400, "end"),
        ("minutes", NOW, NOW + DAY, None, 400, "end"),
        ("minutes", NOW, NOW - DAY, None, 400, "start"),
        ("minutes", NOW - DAY, None, "CD", 400, "symbol"),
        ("minutes", NOW - DAY, None, "NOPE", 404, "symbol"),
    ],
)
def test_a_replay_that_cannot_be_is_refused(
    source: str, start: datetime, end: datetime | None, symbol: str | None, status: int, parameter: str
) -> None:
    """Each with the member that is wrong."""
    world = World()
    with pytest.raises(RefusedError) as caught:
        world.service.replay(source=source, start=start, end=end, symbol=symbol)
    assert (caught.value.status, caught.value.parameter) == (status, parameter)
    assert not world.commands.given


@pytest.mark.parametrize("name", ["payloads", "payloads-dlq"])
def test_a_redrive_names_a_queue(name: str) -> None:
    """By its own name or by that of its dead letters."""
    world = World()
    assert world.service.redrive(name).queue == "payloads-dlq"
    assert world.commands.given == [RedriveCommand(id="new", queue="payloads", asked_at=NOW)]


def test_an_unknown_queue_is_refused_with_those_that_there_are() -> None:
    """A dead-letter queue without a queue to go back to is none of them."""
    with pytest.raises(RefusedError, match="expected one of payloads-dlq, tasks-minutes-dlq"):
        World().service.redrive("migrate-dlq")


def test_a_job_of_another_kind_is_not_found() -> None:
    """A replay is no backfill."""
    world = World()
    world.service.replay(source="minutes", start=NOW - DAY, end=None, symbol=None)
    assert world.service.job(JobKind.REPLAY, "new") == "new"
    with pytest.raises(RefusedError) as caught:
        world.service.job(JobKind.BACKFILL, "new")
    assert (caught.value.status, caught.value.code) == (404, "backfill_not_found")


def test_the_past_of_a_symbol_may_be_anothers_to_give() -> None:
    """The job and its command name the source that is asked, and the symbol as its own source spells it."""
    world = World()
    world.backfill(SINCE, SINCE + 365 * DAY, "EURUSD", Interval.D1)
    job, (command,) = world.book.jobs["new"], world.commands.given
    assert (job.source, job.symbol, job.parts) == ("bank", "EURUSD", 5)
    assert isinstance(command, BackfillCommand)
    assert (command.source, command.source_symbol) == ("bank", "EUR/USD")


def test_a_past_that_the_other_source_does_not_have_is_refused() -> None:
    """Its interval, its beginning and its currencies count, each named."""
    world = World()
    why = refusal(world, SINCE, SINCE + DAY, "EURUSD", Interval.M1)
    assert (why.code, why.parameter, "The bank gives history of 1d only" in why.detail) == (
        "not_possible",
        "interval",
        True,
    )
    why = refusal(world, SINCE - DAY, SINCE + DAY, "EURUSD", Interval.D1)
    assert (why.parameter, "The bank has 1d from 2020-01-01" in why.detail) == ("start", True)
    why = refusal(world, SINCE, SINCE + DAY, "USDAED", Interval.D1)
    assert (why.status, why.code, why.parameter) == (400, "not_possible", "symbol")
    assert why.detail == "symbol: The bank, the source of past rates, has none of AED."


def test_a_replay_of_a_supplier_takes_the_symbols_that_it_supplies() -> None:
    """And those of nobody else."""
    world = World()
    world.service.replay(source="bank", start=NOW - DAY, end=None, symbol="EURUSD")
    (command,) = world.commands.given
    assert isinstance(command, ReplayCommand)
    assert (command.source, command.source_symbol) == ("bank", "EUR/USD")
    with pytest.raises(RefusedError, match="a symbol of minutes, not of bank"):
        world.service.replay(source="bank", start=NOW - DAY, end=None, symbol="AB")
