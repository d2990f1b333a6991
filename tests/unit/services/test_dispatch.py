"""Commands become messages; done twice, or in pieces, they become the same ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from marketflow.domain.fetching import FetchTask
from marketflow.domain.interval import Interval
from marketflow.domain.jobs import (
    BackfillCommand,
    Claim,
    Command,
    History,
    Listed,
    RedriveCommand,
    ReplayCommand,
    archived_part,
    read_command,
)
from marketflow.errors import MalformedPayloadError, RetryLaterError
from marketflow.services.dispatch import TASKS_AT_ONCE, Dispatched, Dispatcher

pytestmark = pytest.mark.unit

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass
class FakeCommands:
    """A notification is the command itself; what is given waits in `given`."""

    given: list[Command] = field(default_factory=list)

    def told(self, body: str) -> Sequence[Command]:
        """The command in the body, or none."""
        return [read_command(body.encode())] if body else []

    def give(self, command: Command) -> None:
        """Keep it."""
        self.given.append(command)


@dataclass
class FakePages:
    """A source with pages of an hour."""

    histories: Mapping[Interval, History] = field(
        default_factory=lambda: {Interval.M1: History(dataset="d", page=HOUR, since=START)}
    )

    def pages(self, interval: Interval, start: datetime, end: datetime) -> Sequence[tuple[datetime, datetime]]:
        """The hours between the two."""
        return [(start + HOUR * n, start + HOUR * (n + 1)) for n in range((end - start) // HOUR)]


@dataclass
class FakeIndex:
    """An archive with these keys, in pages of two."""

    names: list[str] = field(default_factory=list)

    def keys(
        self, source: str, start: datetime, end: datetime, *, source_symbol: str | None, after: str | None
    ) -> Iterator[Sequence[str]]:
        """Those behind `after`, an empty page first."""
        rest = [name for name in self.names if after is None or name > after]
        yield []
        for at in range(0, len(rest), 2):
            yield rest[at : at + 2]


class FakeCodec:
    """JSON."""

    def claim(self, claim: Claim, *, correlation_id: str) -> str:
        """The claim."""
        return claim.model_dump_json()

    def listed(self, listed: Listed, *, correlation_id: str) -> str:
        """The count."""
        return listed.model_dump_json()


@dataclass
class FakeQueue:
    """Keeps what was sent; refuses when it is `broken`."""

    sent: list[str] = field(default_factory=list)
    broken: bool = False

    def send(self, texts: Sequence[str]) -> None:
        """Keep the messages."""
        if self.broken:
            raise RetryLaterError("SQS refused 1 of 1 messages.")
        self.sent += texts


@dataclass
class FakeDeadLetters:
    """Moves as many as it is told, a message for each time that it may go on."""

    waiting: int = 3
    asked: list[tuple[str, datetime]] = field(default_factory=list)

    def redrive(self, queue: str, *, before: datetime, may_go_on: Callable[[], bool]) -> tuple[int, bool]:
        """Move while there is time."""
        self.asked.append((queue, before))
        moved = 0
        while self.waiting and may_go_on():
            self.waiting, moved = self.waiting - 1, moved + 1
        return moved, not self.waiting


@dataclass
class World:
    """A dispatcher and everything around it."""

    commands: FakeCommands = field(default_factory=FakeCommands)
    index: FakeIndex = field(default_factory=FakeIndex)
    tasks: FakeQueue = field(default_factory=FakeQueue)
    payloads: FakeQueue = field(default_factory=FakeQueue)
    dead_letters: FakeDeadLetters = field(default_factory=FakeDeadLetters)

    def dispatch(self, command: Command, *, seconds: list[float] | None = None) -> Dispatched:
        """Carry out a command; each question for the time left takes the next of `seconds`, then there is plenty."""
        left = iter(seconds or [])
        dispatcher = Dispatcher(
            commands=self.commands,
            sources={"fake": FakePages()},
            archive=self.index,
            codec=FakeCodec(),
            queues={"payloads": self.payloads, "tasks-fake": self.tasks, "payloads-dlq": FakeQueue()},
            dead_letters=self.dead_letters,
        )
        (dispatched,) = dispatcher.dispatch(command.model_dump_json(), time_left=lambda: next(left, 60.0))
        return dispatched

    def to_the_end(self, command: Command, *, seconds: list[float]) -> int:
        """Carry out a command and all that follows from it, each with so little time; how many there were."""
        steps, waiting = 0, [command]
        while waiting:
            self.commands.given.clear()
            self.dispatch(waiting.pop(), seconds=seconds)
            waiting += self.commands.given
            steps += 1
            assert steps < 100, "it does not get on"
        return steps


def backfill(hours: int, **changes: object) -> BackfillCommand:
    """So many pages."""
    command = BackfillCommand(
        id="job", source="fake", source_symbol="A", interval=Interval.M1, start=START, end=START + HOUR * hours
    )
    return command.model_copy(update=changes)


def replay(**changes: object) -> ReplayCommand:
    """A replay of a day."""
    command = ReplayCommand(id="job", source="fake", start=START, end=START + timedelta(days=1))
    return command.model_copy(update=changes)


def test_a_backfill_is_a_task_for_each_page() -> None:
    """Each says what to fetch and which part it is, in the order of time."""
    world = World()
    assert world.dispatch(backfill(3)) == Dispatched(kind="backfill", id="job", sent=3, done=True)
    tasks = [FetchTask.model_validate_json(text) for text in world.tasks.sent]
    assert [(task.start, task.end) for task in tasks] == [(START + HOUR * n, START + HOUR * (n + 1)) for n in range(3)]
    assert {(task.dataset, task.symbols) for task in tasks} == {("d", ("A",))}
    assert [(task.part.job, task.part.number, task.part.subject) for task in tasks if task.part] == [
        ("job", 0, "2026-01-01T00:00:00Z/2026-01-01T01:00:00Z"),
        ("job", 1, "2026-01-01T01:00:00Z/2026-01-01T02:00:00Z"),
        ("job", 2, "2026-01-01T02:00:00Z/2026-01-01T03:00:00Z"),
    ]


def test_dispatching_twice_gives_the_same_tasks() -> None:
    """A command that is delivered again sends no task that was not there before."""
    world = World()
    for _ in range(2):
        world.dispatch(backfill(250))
    assert len(world.tasks.sent) == 500
    assert len(set(world.tasks.sent)) == 250


def test_a_long_backfill_goes_on_as_another_command() -> None:
    """When the time is up, the rest is handed on from where it stands, and nothing is sent twice or left out."""
    world = World()
    hours = TASKS_AT_ONCE * 3 + 1
    assert world.to_the_end(backfill(hours), seconds=[60, 5]) == 4
    assert world.tasks.sent == list(dict.fromkeys(world.tasks.sent))
    numbers = [json.loads(text)["part"]["number"] for text in world.tasks.sent]
    assert numbers == list(range(hours))


def test_a_queue_that_takes_nothing_brings_the_command_back() -> None:
    """The command is not lost: its notification is delivered again."""
    world = World(tasks=FakeQueue(broken=True))
    with pytest.raises(RetryLaterError):
        world.dispatch(backfill(3))


def test_a_replay_claims_every_key_and_says_how_many() -> None:
    """Each answer is a part of its own, and the count comes last."""
    world = World(index=FakeIndex(["a", "b", "c"]))
    assert world.dispatch(replay()).sent == 3
    *claims, listed = world.payloads.sent
    assert [Claim.model_validate_json(text) for text in claims] == [
        Claim(raw_key=key, part=archived_part("job", key)) for key in "abc"
    ]
    assert Listed.model_validate_json(listed) == Listed(job="job", parts=3)


@pytest.mark.parametrize("seconds", [[5.0], [60.0, 5.0]])
def test_a_long_replay_goes_on_behind_the_last_key(seconds: list[float]) -> None:
    """In pieces it sends what it would have sent in one go, and counts all of it."""
    names = [f"{number:02}" for number in range(9)]
    whole, pieces = World(index=FakeIndex(names)), World(index=FakeIndex(names))
    whole.dispatch(replay())
    assert pieces.to_the_end(replay(), seconds=seconds) > 1
    assert pieces.payloads.sent == whole.payloads.sent


def test_an_answer_that_comes_late_shifts_no_part() -> None:
    """The number of a part is that of its key: listing again, with one more in between, keeps those of the others."""
    before, after = World(index=FakeIndex(["a", "c"])), World(index=FakeIndex(["a", "b", "c"]))
    before.dispatch(replay())
    after.dispatch(replay())
    assert set(before.payloads.sent[:-1]) < set(after.payloads.sent)


def test_a_redrive_goes_on_until_nothing_is_left() -> None:
    """Of what was there when it was asked for."""
    world = World()
    command = RedriveCommand(id="job", queue="payloads", asked_at=START)
    assert world.to_the_end(command, seconds=[60, 5]) == 3
    assert world.dead_letters.waiting == 0
    assert set(world.dead_letters.asked) == {("payloads", START)}


@pytest.mark.parametrize(
    "command",
    [
        backfill(1, source="nobody"),
        RedriveCommand(id="job", queue="nothing", asked_at=START),
        RedriveCommand(id="job", queue="payloads-dlq", asked_at=START),
    ],
)
def test_a_command_about_nothing_of_ours_ends_in_the_dead_letters(command: Command) -> None:
    """It says what is wrong; nothing was sent."""
    with pytest.raises(MalformedPayloadError, match="is called"):
        World().dispatch(command)


def test_a_test_of_s3_is_no_command() -> None:
    """Nothing comes of it."""
    world = World()
    dispatcher = Dispatcher(
        commands=world.commands,
        sources={},
        archive=world.index,
        codec=FakeCodec(),
        queues={},
        dead_letters=world.dead_letters,
    )
    assert dispatcher.dispatch("", time_left=lambda: 60.0) == []
