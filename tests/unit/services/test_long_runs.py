"""The rules of a run that has no time for everything, in virtual time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.simulation.clock import VirtualClock, VirtualLoop
from marketflow.domain.fetching import FetchReport, FetchRequest, FetchTask, RawResponse
from marketflow.domain.state import DatasetState, SourceState
from marketflow.errors import RetryLaterError
from marketflow.services.ingest import Ingest, Manners
from marketflow.services.order import Job, beginning, fair
from tests.fakes import (
    NOON,
    FakeArchive,
    FakeCodec,
    FakeFetch,
    FakeOutbox,
    FakeSource,
    FakeStates,
    FakeSymbols,
    symbol,
)

pytestmark = pytest.mark.unit

LIMIT_SECONDS = 50.0
TIMEOUT_SECONDS = 10.0
MINUTE = timedelta(minutes=1)


class Prices(FakeSource):
    """A source that gives `prices` of all symbols at once, and everything else one by one."""

    def build_requests(
        self, task: FetchTask, symbols: Sequence[str], *, now: datetime, since: datetime | None
    ) -> list[FetchRequest]:
        self.batched = task.dataset == "prices"
        return super().build_requests(task, symbols, now=now, since=since)


@dataclass
class World:
    """A fetcher with so many symbols, whose every answer takes 0.3 s."""

    symbols: int
    pause: float
    clock: VirtualClock = field(default_factory=lambda: VirtualClock(NOON))
    source: FakeSource = field(default_factory=Prices)
    fetch: FakeFetch = field(default_factory=FakeFetch)
    outbox: FakeOutbox = field(default_factory=FakeOutbox)
    states: FakeStates = field(default_factory=FakeStates)
    seconds: float = 0.0

    def run(self, *datasets: str) -> FetchReport:
        """One run; `seconds` is how long it took."""
        start = self.clock.micros
        ingest = Ingest(
            source=self.source,
            fetch=self._answer,
            manners=Manners(
                max_concurrency=6,
                min_interval_seconds=self.pause,
                timeout_seconds=TIMEOUT_SECONDS,
                cadence=MINUTE,
            ),
            archive=FakeArchive(),
            codec=FakeCodec(),
            outbox=self.outbox,
            symbols=FakeSymbols([symbol(f"S{number:03d}") for number in range(self.symbols)]),
            states=self.states,
            clock=self.clock.now,
        )
        work = ingest.run(
            [FetchTask(dataset=name) for name in datasets],
            correlation_id="tick",
            time_left=lambda: LIMIT_SECONDS - (self.clock.micros - start) / 1_000_000,
        )
        with asyncio.Runner(loop_factory=lambda: VirtualLoop(self.clock)) as runner:
            report = runner.run(work)
        self.seconds = (self.clock.micros - start) / 1_000_000
        return report

    async def _answer(self, request: FetchRequest) -> RawResponse:
        await asyncio.sleep(0.3)
        return await self.fetch(request)


def test_a_run_that_is_too_long_ends_in_time_and_delivers() -> None:
    """Requests that are no longer made wait for nothing: what was answered is sent before the function is cut off."""
    world = World(symbols=1000, pause=0.05)
    world.states.state = SourceState(datasets={"d": DatasetState(last_complete_at=NOON - MINUTE)}, strikes=1)
    report = world.run("d")
    usable = LIMIT_SECONDS - TIMEOUT_SECONDS
    assert usable < world.seconds < usable + 1
    assert usable / 0.05 - 10 <= report.requests <= usable / 0.05 + 1
    assert report.succeeded == report.requests == len(world.fetch.asked)
    assert report.failures == {"out_of_time": 1000 - report.requests}
    assert len(world.outbox.sent) == report.requests + 1
    assert world.outbox.sent[-1] == f"report {report.requests}/{report.requests}"
    # It was not complete, so that the next one reaches back as far; what else it learned is remembered.
    assert world.states.state.dataset("d").last_complete_at == NOON - MINUTE
    assert world.states.state.strikes == 0


def test_a_run_that_is_sent_away_ends_at_once() -> None:
    """After a 429 nothing waits for its turn: the report does not come a minute later."""
    away = RetryLaterError("Too many.", not_before=NOON + MINUTE)
    world = World(symbols=1000, pause=0.05, source=Prices(errors={f"S{number:03d}": away for number in range(1000)}))
    report = world.run("d")
    assert world.seconds < 1
    assert report.failures["not_asked"] == 1000 - report.requests > 980


def test_time_is_looked_at_again_after_the_turn() -> None:
    """Who had time when the wait for the turn began, and has none after it, does not ask."""
    world = World(symbols=10, pause=39.9)
    report = world.run("d")
    assert (report.requests, report.failures) == (2, {"out_of_time": 8})


def test_every_symbol_has_its_turn() -> None:
    """With time for four of five, over ten runs each symbol is asked for in six at least, and in one of any two."""
    world, asked = World(symbols=100, pause=0.5), Counter[str]()
    runs = []
    for number in range(10):
        world.clock.reach(VirtualClock(NOON + number * MINUTE).micros)
        world.fetch.asked.clear()
        assert 75 <= world.run("d").requests <= 82
        runs.append({request.symbols[0] for request in world.fetch.asked})
        asked.update(runs[-1])
    assert len(asked) == 100
    assert min(asked.values()) >= 6
    assert all(len(one | another) == 100 for one, another in pairwise(runs))


def test_what_brings_most_comes_first() -> None:
    """The one call for the prices of all symbols is made also when there is no time for every candle."""
    world = World(symbols=100, pause=0.5)
    world.run("d", "prices")
    assert world.fetch.asked[0].dataset == "prices"
    assert len(world.fetch.asked[0].symbols) == 100


def jobs(*sizes: int) -> list[Job]:
    task = FetchTask(dataset="d")
    return [
        Job(task, FetchRequest(source="fake", dataset="d", symbols=("A",) * size, path=f"/{place}"))
        for place, size in enumerate(sizes)
    ]


@given(st.lists(st.integers(1, 3), max_size=20), st.integers(0, 10**9), st.booleans())
def test_an_order_is_the_same_jobs_and_follows_from_the_time(sizes: list[int], seconds: int, scheduled: bool) -> None:
    """None is lost or made twice, the larger come first, and the same start gives the same order."""
    given_jobs, cadence = jobs(*sizes), MINUTE if scheduled else None
    at = NOON + timedelta(seconds=seconds)
    found = fair(given_jobs, started_at=at, cadence=cadence)
    assert sorted(job.request.path for job in found) == sorted(job.request.path for job in given_jobs)
    assert [len(job.request.symbols) for job in found] == sorted(sizes, reverse=True)
    assert fair(given_jobs, started_at=at, cadence=cadence) == found


def test_without_a_schedule_the_order_is_kept() -> None:
    """There is no next run whose turn it could be."""
    given_jobs = jobs(1, 1, 1, 1)
    assert fair(given_jobs, started_at=NOON, cadence=None) == given_jobs


@given(st.integers(0, 10**9), st.integers(1, 2000))
def test_beginnings_are_spread(run: int, size: int) -> None:
    """Ten runs on end begin so that no stretch of more than a fifth of the list is without a beginning."""
    begins = sorted(beginning(run + one, size) for one in range(10))
    gaps = [later - earlier for earlier, later in pairwise([*begins, begins[0] + size])]
    assert max(gaps) <= 0.2 * size + 1
