"""Begins backfills, replays and redrives, and tells how they do. The work itself is handed on as a command."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Protocol
from uuid import uuid4

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
from marketflow.domain.retention import PRICES_SINCE
from marketflow.errors import RefusedError
from marketflow.services.ports import Clock

MAX_PARTS = 10_000
"""The most requests of one backfill: ten million one-minute candles of Binance."""

MAX_REPLAY = timedelta(days=31)
"""The longest replay: each answer in it is a part that is remembered, and a day has some fifty thousand of them."""

DEAD_LETTERS = "-dlq"


class Book(Protocol):
    """Where jobs are written down."""

    def create(self, job: NewJob) -> None:
        """Write a job down."""
        ...

    def forget(self, job: str) -> None:
        """Take one out again."""
        ...

    def one(self, kind: JobKind, job: str) -> str | None:
        """A job as a JSON object."""
        ...

    def page(
        self, kind: JobKind, *, status: JobStatus | None, after: tuple[datetime, str] | None, limit: int
    ) -> JobPage:
        """A page of jobs, the newest first."""
        ...

    def retired_before(self) -> datetime | None:
        """Minutes and prices from before are no longer kept (UTC); None while all of them are."""
        ...

    def source_of(self, symbol: str) -> tuple[str, str] | None:
        """The source of a symbol, and how that spells it; None when there is no such symbol."""
        ...


class CommandGiver(Protocol):
    """Who takes work on."""

    def give(self, command: Command) -> None:
        """Hand `command` on."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePast:
    """What a source, called `title` by people, has of its past.

    One that `supplies` another has the past of that one's symbols, of those between two of its `currencies`.
    """

    title: str
    histories: Mapping[Interval, History]
    supplies: str | None = None
    currencies: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Redrive:
    """A redrive that was handed on."""

    id: str
    queue: str
    asked_at: datetime


class Backfills:
    """Jobs of the operator. `queues` are the names of those that have a dead-letter queue to redrive."""

    def __init__(
        self,
        *,
        book: Book,
        commands: CommandGiver,
        sources: Mapping[str, SourcePast],
        queues: Sequence[str],
        clock: Clock,
        new_id: Callable[[], str] = lambda: str(uuid4()),
    ) -> None:
        self._book = book
        self._commands = commands
        self._sources = sources
        self._queues = tuple(queues)
        self._clock = clock
        self._new_id = new_id

    def backfill(self, *, symbol: str, interval: Interval, start: datetime, end: datetime | None) -> str:
        """Begin to fetch `[start, end)` (UTC; None: until this minute) of a symbol; the job as a JSON object.

        Of symbols whose own source has no past, another source that supplies it is asked. Raises RefusedError: 404 for
        an unknown symbol; 400 for an interval or a currency of which there is no history, a range that is empty, in the
        future, too old for the source or for what is kept, or of more than MAX_PARTS requests.
        """
        if (found := self._book.source_of(symbol)) is None:
            detail = f"There is no symbol {symbol!r}. Names are case-sensitive; /v1/symbols lists them."
            raise RefusedError(detail, status=404, code="symbol_not_found", parameter="symbol")
        owner, source_symbol = found
        source, history = self._history(owner, interval, source_symbol)
        now = self._clock()
        end = end or now.replace(second=0, microsecond=0)
        _check_range(start, end, now)
        past = self._sources[source]
        if start < (earliest := history.earliest(now)):
            raise _refuse(
                "start", f"{past.title} has {interval} from {_shown(earliest)} on; {_shown(start)} is before that"
            )
        if (kept := self._retired_before(interval, past, start)) is not None and start < kept:
            raise _refuse("start", f"{interval} is kept from {_shown(kept)} on; what was before lies in the export")
        if (parts := ceil((end - start) / history.page)) > MAX_PARTS:
            longest = f"{history.page * MAX_PARTS / timedelta(days=1):.0f} days"
            raise _refuse("end", f"the range takes {parts} requests, and {MAX_PARTS} ({longest}) are the most")
        job = NewJob(
            id=self._new_id(),
            kind=JobKind.BACKFILL,
            source=source,
            symbol=symbol,
            interval=interval,
            start=start,
            end=end,
            parts=parts,
        )
        command = BackfillCommand(
            id=job.id, source=source, source_symbol=source_symbol, interval=interval, start=start, end=end
        )
        return self._begin(job, command)

    def replay(self, *, source: str, start: datetime, end: datetime | None, symbol: str | None) -> str:
        """Begin to load again what was received of a source in `[start, end)` (UTC; None: until now); the job as JSON.

        With `symbol` only the answers that may name it. Raises RefusedError: 404 for an unknown symbol; 400 for an
        unknown source, a symbol of another one, a range that is empty, in the future or longer than MAX_REPLAY.
        """
        if source not in self._sources:
            raise _refuse("source", f"expected one of {', '.join(self._sources)}")
        source_symbol = None if symbol is None else self._spelling(symbol, source)
        now = self._clock()
        end = end or now
        _check_range(start, end, now)
        if end - start > MAX_REPLAY:
            raise _refuse("end", f"a replay is of at most {MAX_REPLAY.days} days; ask for several")
        job = NewJob(
            id=self._new_id(),
            kind=JobKind.REPLAY,
            source=source,
            symbol=symbol,
            interval=None,
            start=start,
            end=end,
            parts=None,
        )
        command = ReplayCommand(id=job.id, source=source, source_symbol=source_symbol, start=start, end=end)
        return self._begin(job, command)

    def redrive(self, queue: str) -> Redrive:
        """Begin to send the dead letters of `queue`, named with or without its `-dlq`, back to where they came from.

        Raises RefusedError (400) that names the queues when there is no such one.
        """
        name = queue.removesuffix(DEAD_LETTERS)
        if name not in self._queues:
            raise _refuse("queue", f"expected one of {', '.join(one + DEAD_LETTERS for one in self._queues)}")
        command = RedriveCommand(id=self._new_id(), queue=name, asked_at=self._clock())
        self._commands.give(command)
        return Redrive(id=command.id, queue=f"{name}{DEAD_LETTERS}", asked_at=command.asked_at)

    def job(self, kind: JobKind, job: str) -> str:
        """One job as a JSON object. Raises RefusedError (404) when there is none of that kind and id."""
        if (found := self._book.one(kind, job)) is None:
            raise RefusedError(f"There is no {kind} {job[:80]!r}.", status=404, code=f"{kind}_not_found")
        return found

    def page(
        self, kind: JobKind, *, status: JobStatus | None, after: tuple[datetime, str] | None, limit: int
    ) -> JobPage:
        """A page of jobs, the newest first, from behind `after`."""
        return self._book.page(kind, status=status, after=after, limit=limit)

    def _begin(self, job: NewJob, command: Command) -> str:
        # Written down first: what a part became is counted for a job that is known, and for no other.
        self._book.create(job)
        try:
            self._commands.give(command)
        except Exception:
            self._book.forget(job.id)
            raise
        return self.job(job.kind, job.id)

    def _history(self, owner: str, interval: Interval, source_symbol: str) -> tuple[str, History]:
        """The source that has the past of a symbol of `owner`, and what it has."""
        supplier = next((name for name, past in self._sources.items() if past.supplies == owner), owner)
        source = owner if interval in self._sources[owner].histories else supplier
        past = self._sources[source]
        if interval not in past.histories:
            known = ", ".join(past.histories)
            has = f"gives history of {known} only" if known else "gives no history of candles"
            raise _refuse("interval", f"{past.title} {has}")
        if past.currencies and (lacking := [one for one in source_symbol.split("/") if one not in past.currencies]):
            raise _refuse("symbol", f"{past.title}, the source of past rates, has none of {' and '.join(lacking)}")
        return source, past.histories[interval]

    def _retired_before(self, interval: Interval, past: SourcePast, start: datetime) -> datetime | None:
        """From when on rows are kept that would be loaded; None when all of them are: the days of shares, for instance.

        Currencies have prices for candles, of which those before PRICES_SINCE stay.
        """
        if interval is Interval.M1 or (past.currencies and start >= PRICES_SINCE):
            return self._book.retired_before()
        return None

    def _spelling(self, symbol: str, source: str) -> str:
        if (found := self._book.source_of(symbol)) is None:
            detail = f"There is no symbol {symbol!r}. Names are case-sensitive; /v1/symbols lists them."
            raise RefusedError(detail, status=404, code="symbol_not_found", parameter="symbol")
        if found[0] not in {source, self._sources[source].supplies}:
            raise _refuse("symbol", f"{symbol} is a symbol of {found[0]}, not of {source}")
        return found[1]


def _check_range(start: datetime, end: datetime, now: datetime) -> None:
    if end > now:
        raise _refuse("end", f"{_shown(end)} is in the future; it is {_shown(now)} now")
    if start >= end:
        raise _refuse("start", f"must be before end, which is {_shown(end)}")


def _refuse(member: str, reason: str) -> RefusedError:
    return RefusedError(f"{member}: {reason}.", status=400, code="not_possible", parameter=member)


def _shown(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
