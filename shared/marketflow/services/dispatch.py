"""Turns a command into messages: pages of a backfill into tasks, archived answers of a replay into claims.

All of it may be done twice: a part has the same number each time, and is counted once. A command that takes longer than
the function may run goes on as another command, from where it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from marketflow.domain.fetching import FetchTask
from marketflow.domain.interval import Interval
from marketflow.domain.jobs import (
    BackfillCommand,
    Claim,
    Command,
    History,
    Listed,
    Part,
    RedriveCommand,
    ReplayCommand,
    archived_part,
    window_text,
)
from marketflow.errors import MalformedPayloadError
from marketflow.services.ports import Outbox

SPARE_SECONDS = 10.0
"""What is left of the function's time when a command has to go on as another one."""

TASKS_AT_ONCE = 100
PAYLOADS = "payloads"


class CommandBook(Protocol):
    """Where commands lie."""

    def told(self, body: str) -> Sequence[Command]:
        """The commands of which a notification tells."""
        ...

    def give(self, command: Command) -> None:
        """Hand one on."""
        ...


class Pages(Protocol):
    """The part of a source that knows its history."""

    @property
    def histories(self) -> Mapping[Interval, History]:
        """What the source has."""
        ...

    def pages(self, interval: Interval, start: datetime, end: datetime) -> Sequence[tuple[datetime, datetime]]:
        """The range in windows of one request each."""
        ...


class ArchiveIndex(Protocol):
    """The keys of the raw archive."""

    def keys(
        self, source: str, start: datetime, end: datetime, *, source_symbol: str | None, after: str | None
    ) -> Iterator[Sequence[str]]:
        """The keys of what was received then, in order, page by page."""
        ...


class ReplayCodec(Protocol):
    """The words of a replay on the payload queue."""

    def claim(self, claim: Claim, *, correlation_id: str) -> str:
        """The message that has an archived answer loaded again."""
        ...

    def listed(self, listed: Listed, *, correlation_id: str) -> str:
        """The message that says how many parts a job has."""
        ...


class DeadLetterQueues(Protocol):
    """What was given up."""

    def redrive(self, queue: str, *, before: datetime, may_go_on: Callable[[], bool]) -> tuple[int, bool]:
        """Send back what was sent before that moment: how many, and whether that was all."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatched:
    """What came of a command: how many messages were sent, and whether it is done or goes on as another one."""

    kind: str
    id: str
    sent: int
    done: bool


class Dispatcher:
    """Carries out commands. `queues` has every queue by its short name: `payloads`, `tasks-<source>`."""

    def __init__(
        self,
        *,
        commands: CommandBook,
        sources: Mapping[str, Pages],
        archive: ArchiveIndex,
        codec: ReplayCodec,
        queues: Mapping[str, Outbox],
        dead_letters: DeadLetterQueues,
    ) -> None:
        self._commands = commands
        self._sources = sources
        self._archive = archive
        self._codec = codec
        self._queues = queues
        self._dead_letters = dead_letters

    def dispatch(self, body: str, *, time_left: Callable[[], float]) -> list[Dispatched]:
        """Do what the notification `body` tells of; doing it again changes nothing.

        Raises MalformedPayloadError for what is no command of ours, RetryLaterError when a queue takes nothing now.
        """
        return [self._do(command, lambda: time_left() > SPARE_SECONDS) for command in self._commands.told(body)]

    def _do(self, command: Command, may_go_on: Callable[[], bool]) -> Dispatched:
        match command:
            case BackfillCommand():
                sent, rest = self._backfill(command, may_go_on)
            case ReplayCommand():
                sent, rest = self._replay(command, may_go_on)
            case RedriveCommand():
                sent, rest = self._redrive(command, may_go_on)
        if rest is not None:
            self._commands.give(rest)
        return Dispatched(kind=command.kind, id=command.id, sent=sent, done=rest is None)

    def _backfill(self, command: BackfillCommand, may_go_on: Callable[[], bool]) -> tuple[int, Command | None]:
        if command.source not in self._sources:
            raise MalformedPayloadError(f"No source is called {command.source!r}.", reason="unknown_source")
        source, queue = self._sources[command.source], self._queues[f"tasks-{command.source}"]
        windows = source.pages(command.interval, command.start, command.end)
        dataset, number = source.histories[command.interval].dataset, command.next_part
        while number < len(windows):
            if not may_go_on():
                return number - command.next_part, command.model_copy(update={"next_part": number})
            stop = number + TASKS_AT_ONCE
            tasks = [
                FetchTask(
                    dataset=dataset,
                    symbols=(command.source_symbol,),
                    start=start,
                    end=end,
                    part=Part(job=command.id, number=number + index, subject=window_text(start, end)),
                )
                for index, (start, end) in enumerate(windows[number:stop])
            ]
            queue.send([task.model_dump_json() for task in tasks])
            number += len(tasks)
        return max(number - command.next_part, 0), None

    def _replay(self, command: ReplayCommand, may_go_on: Callable[[], bool]) -> tuple[int, Command | None]:
        queue, listed, after = self._queues[PAYLOADS], command.listed, command.after
        pages = self._archive.keys(
            command.source,
            command.start,
            command.end,
            source_symbol=command.source_symbol,
            after=command.after,
        )
        for keys in pages:
            if not keys:
                continue
            claims = [Claim(raw_key=key, part=archived_part(command.id, key)) for key in keys]
            queue.send([self._codec.claim(claim, correlation_id=command.id) for claim in claims])
            listed, after = listed + len(keys), keys[-1]
            if not may_go_on():
                rest = command.model_copy(update={"listed": listed, "after": after})
                return listed - command.listed, rest
        queue.send([self._codec.listed(Listed(job=command.id, parts=listed), correlation_id=command.id)])
        return listed - command.listed, None

    def _redrive(self, command: RedriveCommand, may_go_on: Callable[[], bool]) -> tuple[int, Command | None]:
        if command.queue not in self._queues or command.queue.endswith("-dlq"):
            raise MalformedPayloadError(f"No queue is called {command.queue!r}.", reason="unknown_queue")
        moved, done = self._dead_letters.redrive(command.queue, before=command.asked_at, may_go_on=may_go_on)
        return moved, None if done else command
