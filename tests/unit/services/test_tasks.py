"""Tasks of the queue: they leave the schedule its share of the source, and no part of a backfill is lost in silence."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from marketflow.domain.fetching import FetchReport, FetchTask, Verdict
from marketflow.domain.jobs import Part
from marketflow.domain.state import SourceState
from marketflow.errors import MarketFlowError, RefusedError, RetryLaterError, SymbolUnavailableError
from marketflow.services.fetcher import Fetcher
from marketflow.services.ingest import TASK_INSTANCES, Ingest, Manners
from marketflow.services.standing import BACKGROUND_SHARE
from tests.fakes import (
    NOON,
    FakeArchive,
    FakeCodec,
    FakeFetch,
    FakeOutbox,
    FakeSource,
    FakeStates,
    FakeSymbols,
)

pytestmark = pytest.mark.unit

TASK = FetchTask(
    dataset="d",
    symbols=("A",),
    start=NOON - timedelta(hours=1),
    end=NOON,
    part=Part(job="job", number=7, subject="an hour"),
)


async def _nothing() -> None:
    """There is no client to close."""


@dataclass
class RefusingSource(FakeSource):
    """A source for which a window has become too old."""

    def build_requests(self, *_: object, **__: object) -> list[object]:  # type: ignore[override]
        """Refuse."""
        raise RefusedError("Minutes are kept for 30 days only.", status=422, code="window_too_old")


@dataclass
class World:
    """A fetcher and everything around it; a task is tried five times."""

    source: FakeSource = field(default_factory=FakeSource)
    fetch: FakeFetch = field(default_factory=FakeFetch)
    outbox: FakeOutbox = field(default_factory=FakeOutbox)
    queue: FakeOutbox = field(default_factory=FakeOutbox)
    states: FakeStates = field(default_factory=FakeStates)
    min_interval_seconds: float = 0
    now: datetime = NOON

    def ingest(self) -> Ingest:
        """The service."""
        return Ingest(
            source=self.source,
            fetch=self.fetch,
            manners=Manners(
                max_concurrency=4,
                min_interval_seconds=self.min_interval_seconds,
                timeout_seconds=10,
                cadence=timedelta(minutes=1),
            ),
            archive=FakeArchive(),
            codec=FakeCodec(),
            outbox=self.outbox,
            symbols=FakeSymbols(),
            states=self.states,
            clock=lambda: self.now,
        )

    def do(self, task: FetchTask = TASK, *, receives: int = 1) -> FetchReport | None:
        """Do a task of the queue."""
        fetcher = Fetcher(self.ingest(), tasks=self.queue, tries=5, clock=lambda: self.now, release=_nothing)
        try:
            return fetcher.task(
                task.model_dump_json(), correlation_id="task", time_left=lambda: 60.0, receives=receives
            )
        finally:
            fetcher.close()


def test_an_answer_carries_its_part() -> None:
    """From the task to the message, so that the ETL knows what it counts."""
    world = World()
    report = world.do()
    assert report is not None
    assert report.lost is None
    assert world.outbox.sent == ["payload raw/d/A job#7", "report 1/1"]


def test_a_task_waits_while_the_source_wants_to_be_left_alone() -> None:
    """It goes back to the queue as a new message: waiting is no try, and nobody is asked."""
    world = World(states=FakeStates(SourceState(not_before=NOON + timedelta(seconds=90.5))))
    assert world.do(receives=5) is None
    assert world.queue.sent == [f"{TASK.model_dump_json()} in 91 s"]
    assert (world.fetch.asked, world.outbox.sent) == ([], [])


@pytest.mark.parametrize(("used", "waits"), [(499, False), (500, True), (999, True)])
def test_half_of_the_budget_belongs_to_the_schedule(used: int, waits: bool) -> None:
    """Once half of a minute's budget is used, by whomever, tasks wait for the next minute; a tick never does."""
    verdict = Verdict(budget_used=used, budget_limit=1000)
    world = World(source=FakeSource(verdict=verdict), now=NOON)
    assert world.do() is not None
    assert (world.do() is None) is waits
    tick = asyncio.run(
        world.ingest().run([FetchTask(dataset="d", symbols=("B",))], correlation_id="tick", time_left=lambda: 60.0)
    )
    assert tick.succeeded == 1
    world.now = NOON + timedelta(minutes=1)
    assert world.do() is not None


def test_tasks_take_at_most_half_of_the_rate() -> None:
    """Two instances do tasks at once; together they start requests half as often as the source bears."""
    world = World(min_interval_seconds=0.02)
    ingest = world.ingest()

    async def several() -> float:
        clock = asyncio.get_running_loop().time
        started = clock()
        for _ in range(3):
            await ingest.run([TASK], correlation_id="task", time_left=lambda: 60.0, background=True)
        return clock() - started

    assert asyncio.run(several()) >= 2 * 0.02 * BACKGROUND_SHARE * TASK_INSTANCES * 0.95


def test_a_task_that_changes_nothing_writes_no_state() -> None:
    """What is remembered of the source is shared with the schedule, and a conflict would cost it a try."""
    world = World()
    before = world.states.state
    world.do()
    assert world.states.state is before


@pytest.mark.parametrize("receives", [1, 4])
def test_a_part_is_not_lost_while_it_will_be_tried_again(receives: int) -> None:
    """It comes back, and nothing is said of it."""
    world = World(fetch=FakeFetch(silent={"A"}))
    with pytest.raises(RetryLaterError):
        world.do(receives=receives)
    assert world.outbox.sent == ["report 0/1"]


def test_after_its_last_try_a_part_is_lost() -> None:
    """The report says so, and the task goes to the dead letters all the same."""
    world = World(fetch=FakeFetch(silent={"A"}))
    with pytest.raises(RetryLaterError):
        world.do(receives=5)
    assert world.outbox.sent == ["report 0/1 lost #7"]


@pytest.mark.parametrize(
    ("error", "source"),
    [
        (SymbolUnavailableError("A is unknown.", symbols=["A"]), FakeSource()),
        (None, RefusingSource()),
    ],
)
def test_what_the_source_will_never_answer_is_lost_at_once(error: MarketFlowError | None, source: FakeSource) -> None:
    """An unknown symbol and a window that became too old are not tried again, and are told with their reason."""
    if error is not None:
        source.errors["A"] = error
    world = World(source=source)
    report = world.do()
    assert report is not None
    assert report.lost is not None
    assert (report.lost.part, report.lost.reason) == (
        TASK.part,
        "symbol_unavailable" if error else "window_too_old",
    )


def test_a_task_that_is_no_part_and_cannot_be_done_is_refused() -> None:
    """As ever: it comes back, and ends in the dead letters."""
    with pytest.raises(RefusedError, match="30 days"):
        World(source=RefusingSource()).do(TASK.model_copy(update={"part": None}))
