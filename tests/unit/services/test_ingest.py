"""The rules of one fetcher run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from marketflow.domain.fetching import FetchReport, FetchRequest, FetchTask, RawResponse, Verdict
from marketflow.domain.state import DatasetState, SourceState
from marketflow.errors import (
    MalformedPayloadError,
    MarketFlowError,
    RetryLaterError,
    SourceBlockedError,
    SymbolUnavailableError,
)
from marketflow.services.ingest import Ingest, Manners
from marketflow.services.retries import must_retry
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


@dataclass
class World:
    """One ingest service and everything around it."""

    source: FakeSource = field(default_factory=FakeSource)
    fetch: FakeFetch = field(default_factory=FakeFetch)
    archive: FakeArchive = field(default_factory=FakeArchive)
    outbox: FakeOutbox = field(default_factory=FakeOutbox)
    states: FakeStates = field(default_factory=FakeStates)
    now: datetime = NOON
    concurrency: int = 2
    cadence: timedelta | None = timedelta(minutes=1)

    def run(
        self, *datasets: str, task: FetchTask | None = None, time_left: Callable[[], float] = lambda: 60.0
    ) -> FetchReport:
        """Run the datasets (or one task) for the symbols A, B and C."""
        ingest = Ingest(
            source=self.source,
            fetch=self.fetch,
            manners=Manners(
                max_concurrency=self.concurrency,
                min_interval_seconds=0,
                timeout_seconds=10,
                cadence=self.cadence,
            ),
            archive=self.archive,
            codec=FakeCodec(),
            outbox=self.outbox,
            symbols=FakeSymbols([symbol(name) for name in "ABC"]),
            states=self.states,
            clock=lambda: self.now,
        )
        tasks = [task] if task else [FetchTask(dataset=name) for name in datasets or ("d",)]
        return asyncio.run(ingest.run(tasks, correlation_id="tick", time_left=time_left))


def unavailable(name: str) -> SymbolUnavailableError:
    return SymbolUnavailableError(f"{name} is unknown.", symbols=[name])


def test_every_answer_is_archived_and_handed_on() -> None:
    """A good run archives each body, sends one message for each and one report, and remembers that it was complete."""
    world = World()
    report = world.run()
    assert (report.requests, report.succeeded, report.failures) == (3, 3, {})
    assert sorted(world.archive.kept) == ["raw/d/A", "raw/d/B", "raw/d/C"]
    assert sorted(world.outbox.sent) == ["payload raw/d/A", "payload raw/d/B", "payload raw/d/C", "report 3/3"]
    assert world.states.state.dataset("d").last_complete_at == NOON
    assert report.next_due_at == NOON + timedelta(minutes=1)


def test_a_run_reaches_back_to_the_last_complete_one() -> None:
    """A run in which one symbol gave no answer does not move the mark from which the next run asks."""
    earlier = NOON - timedelta(minutes=7)
    world = World(fetch=FakeFetch(silent={"B"}))
    world.states.state = SourceState(datasets={"d": DatasetState(last_complete_at=earlier)})
    report = world.run()
    assert world.source.seen_since == [earlier]
    assert (report.succeeded, report.failures) == (2, {"no_answer": 1})
    assert world.states.state.dataset("d").last_complete_at == earlier


def test_being_sent_away_stops_the_run_and_is_remembered() -> None:
    """After a 429 nothing more is asked in this run, nor in later ones before the time that the source named."""
    until = NOON + timedelta(minutes=3)
    away: MarketFlowError = RetryLaterError("Too many.", not_before=until)
    world = World(concurrency=1, source=FakeSource(errors=dict.fromkeys("ABC", away)))
    report = world.run()
    assert len(world.fetch.asked) == 1
    assert report.failures == {"retry_later": 1, "not_asked": 2}
    assert world.states.state.not_before == until
    assert list(world.archive.kept) == [f"errors/d/{world.fetch.asked[0].symbols[0]}"]

    world.now = until - timedelta(seconds=1)
    report = world.run()
    assert (report.requests, report.last_error, report.next_due_at) == (0, "Too many.", until)
    assert len(world.fetch.asked) == 1

    world.now, world.source.errors = until, {}
    assert world.run().succeeded == 3
    assert world.states.state.not_before is None
    assert world.states.state.strikes == 0


def test_each_further_refusal_doubles_the_pause() -> None:
    """A source that keeps sending us away is asked less and less often, but at least every six hours."""
    refusal: MarketFlowError = RetryLaterError("Too many.", not_before=NOON + timedelta(seconds=1))
    world = World(source=FakeSource(errors={"A": refusal}))
    pauses = []
    for _ in range(12):
        world.run()
        assert world.states.state.not_before is not None
        pauses.append(world.states.state.not_before - world.now)
        world.now = world.states.state.not_before
    assert pauses[0] == timedelta(seconds=1)
    assert pauses[1:4] == [timedelta(minutes=2), timedelta(minutes=4), timedelta(minutes=8)]
    assert pauses[-1] == timedelta(hours=6)


def test_a_block_names_its_remedy() -> None:
    """What only the operator can mend stops the source and says how to mend it."""
    blocked = SourceBlockedError("Not served here (451).", remedy="Set SOURCE_BASE_URLS.")
    world = World(source=FakeSource(errors={"A": blocked}))
    report = world.run()
    assert report.last_error == "Not served here (451). Set SOURCE_BASE_URLS."
    assert world.states.state.not_before == NOON + timedelta(minutes=15)


def test_one_unknown_symbol_does_not_cost_the_others() -> None:
    """A call for many that fails for one name is split, and the unknown name alone is left out for hours."""
    world = World(source=FakeSource(batched=True, errors={"B": unavailable("B")}))
    report = world.run()
    assert (report.requests, report.succeeded, report.failures) == (4, 2, {"symbol_unavailable": 1})
    assert set(world.states.state.unavailable) == {"B"}
    assert world.states.state.dataset("d").last_complete_at == NOON

    world.fetch.asked.clear()
    world.now = NOON + timedelta(minutes=1)
    world.run()
    assert [request.symbols for request in world.fetch.asked] == [("A", "C")]

    world.now, world.source.errors = NOON + timedelta(hours=7), {}
    world.run()
    assert world.states.state.unavailable == {}


def test_a_malformed_answer_goes_to_the_quarantine_by_the_usual_way() -> None:
    """An unreadable body is archived as data and handed on, because the ETL keeps the quarantine."""
    world = World(source=FakeSource(errors={"A": MalformedPayloadError("Truncated.", reason="truncated")}))
    report = world.run()
    assert report.failures == {"malformed_truncated": 1}
    assert "payload raw/d/A" in world.outbox.sent


def test_a_source_that_publishes_rarely_is_asked_when_it_is_due() -> None:
    """A dataset whose source said when it will have news is not fetched before that."""
    due = NOON + timedelta(hours=12)
    world = World(source=FakeSource(verdict=Verdict(next_due=due)))
    assert world.run().next_due_at == due
    world.now = due - timedelta(minutes=1)
    assert world.run().requests == 0
    world.now = due
    assert world.run().requests == 3


def test_no_request_outlives_the_function() -> None:
    """Requests that could not end before the function is cut off are not started, and the data is asked next time."""
    world = World()
    report = world.run(time_left=lambda: 9.0)
    assert report.failures == {"out_of_time": 3}
    assert world.states.state.dataset("d").last_complete_at is None


def test_a_window_does_not_move_the_schedules_mark() -> None:
    """History that is filled in says nothing about how far the newest data reaches."""
    world = World()
    task = FetchTask(dataset="d", symbols=("A",), start=NOON - timedelta(days=2), end=NOON - timedelta(days=1))
    report = world.run(task=task)
    assert report.succeeded == 1
    assert world.states.state.dataset("d").last_complete_at is None
    assert must_retry(report) is None


def test_an_unfinished_task_is_delivered_again() -> None:
    """A task whose request got no answer, or that was not asked at all, has to be done again; an unknown name not."""
    task = FetchTask(dataset="d", symbols=("A",), start=NOON, end=NOON)
    silent = must_retry(World(fetch=FakeFetch(silent={"A"})).run(task=task))
    assert isinstance(silent, RetryLaterError)

    resting = World()
    resting.states.state = SourceState(not_before=NOON + timedelta(minutes=1), reason="Too many.")
    away = must_retry(resting.run(task=task))
    assert isinstance(away, RetryLaterError)
    assert away.not_before == NOON + timedelta(minutes=1)

    gone = World(source=FakeSource(errors={"A": unavailable("A")}))
    assert must_retry(gone.run(task=task)) is None


def test_an_archive_that_fails_ends_the_run_loudly() -> None:
    """When a body cannot be kept the run fails as a whole: nothing is handed on that could not be replayed."""

    class Full(FakeArchive):
        def put(self, request: FetchRequest, response: RawResponse, *, failed: bool = False) -> str:
            message = "no space"
            raise OSError(message)

    world = World(archive=Full())
    with pytest.raises(OSError, match="no space"):
        world.run()
    assert world.outbox.sent == []
    assert world.states.state == SourceState()


def test_what_a_source_announces_is_passed_on() -> None:
    """The end of an endpoint that a source announces stands in the report, where the operator's log shows it."""
    world = World(source=FakeSource(verdict=Verdict(notice="This endpoint ends on 2027-01-01.")))
    assert world.run().notice == "This endpoint ends on 2027-01-01."


def test_a_symbol_that_joins_is_asked_for_with_its_past() -> None:
    """The others reach back to the last run; one that was added, or came back, has no rows yet that it could add to."""
    world = World()
    world.run()
    states = world.states.state.datasets["d"]
    world.states.state = SourceState(datasets={"d": states.model_copy(update={"symbols": frozenset("AC")})})
    world.source.seen_since.clear()
    world.run()
    assert world.source.seen_since == [None, NOON]
    assert sorted(request.symbols for request in world.fetch.asked[3:]) == [("A",), ("B",), ("C",)]
    assert world.states.state.dataset("d").symbols == frozenset("ABC")


def test_a_symbol_that_joins_does_not_wait_for_the_next_publication() -> None:
    """A source that publishes once a day is asked for the newcomer at the next tick, and for nothing else."""
    later = NOON + timedelta(hours=20)
    world = World(source=FakeSource(verdict=Verdict(next_due=later)))
    standing = DatasetState(last_complete_at=NOON, next_due_at=later, symbols=frozenset("AB"))
    world.states.state = SourceState(datasets={"d": standing})
    world.run()
    assert [request.symbols for request in world.fetch.asked] == [("C",)]
    world.run()
    assert len(world.fetch.asked) == 1
    assert world.states.state.dataset("d").next_due_at == later


def test_a_symbol_that_joined_in_vain_is_new_again() -> None:
    """As long as its first answer is missing, the whole past is asked for."""
    world = World(fetch=FakeFetch(silent={"C"}))
    world.states.state = SourceState(datasets={"d": DatasetState(last_complete_at=NOON, symbols=frozenset("AB"))})
    world.run()
    assert world.states.state.dataset("d").symbols == frozenset("AB")


def test_a_symbol_that_was_unknown_comes_back_with_its_past() -> None:
    """The run that found it unknown did not answer for it, also when there is no other (seed 582 of the simulation).

    Otherwise what failed before that run, and was to be asked for again, would be missing for ever.
    """
    world = World(source=FakeSource(errors={name: unavailable(name) for name in "ABC"}))
    early = NOON - timedelta(minutes=7)
    world.states.state = SourceState(datasets={"d": DatasetState(last_complete_at=early, symbols=frozenset("ABC"))})
    world.run()
    world.now, world.source.errors = NOON + timedelta(hours=7), {}
    world.source.seen_since.clear()
    world.run()
    assert world.source.seen_since == [None]


def test_a_source_without_a_schedule_is_due_at_no_time() -> None:
    """Its report names none, unless the source itself did or sent us away."""
    task = FetchTask(dataset="d", symbols=("A",), start=NOON - timedelta(hours=1), end=NOON)
    assert World(cadence=None).run(task=task).next_due_at is None
    until = NOON + timedelta(hours=1)
    away = World(cadence=None, states=FakeStates(SourceState(not_before=until, reason="Too many.")))
    assert away.run(task=task).next_due_at == until
