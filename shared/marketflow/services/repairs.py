"""Begins what repairs gaps: backfills like an operator's, few at once, so that the live schedule never waits.

Also the history before a split is fetched again, once: a source that adjusts its prices has other ones since.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from math import ceil
from typing import Protocol
from uuid import NAMESPACE_URL, uuid4, uuid5

from marketflow.domain.auditing import Candidate, Series, Split
from marketflow.domain.interval import Interval
from marketflow.domain.jobs import BackfillCommand, Command, History, JobKind, NewJob, Requester
from marketflow.errors import CatalogUnavailableError
from marketflow.services.ports import Clock

AT_ONCE = 10
"""How many jobs of a source that nobody asked for are on their way at most."""

MOST_PARTS = 1_000
"""The most requests of one such job."""

PAUSES = (timedelta(0), timedelta(minutes=15), timedelta(hours=2))
"""How long after its last try a gap is tried again, by the number of its tries."""


class RepairBook(Protocol):
    """Where repairs are written down."""

    def candidates(self, now: datetime) -> Sequence[Candidate]:
        """Queued gaps of sources that answer, the newest first."""
        ...

    def running(self) -> Mapping[str, int]:
        """How many jobs of each source are not over that no person asked for."""
        ...

    def begin(self, job: NewJob, gaps: Sequence[str], now: datetime) -> bool:
        """Write a repair down, and a try for each of `gaps` that is still queued; False when none of them is."""
        ...

    def withdraw(self, job: str) -> None:
        """Take back a repair that could not be handed on, and its tries."""
        ...

    def splits(self, now: datetime) -> Sequence[Split]:
        """Splits that took effect and about which nothing was decided, for each series of their symbols."""
        ...

    def begin_refetch(self, job: NewJob) -> None:
        """Write down the backfill of what lies before a split."""
        ...

    def decided(self, split: Split, job: str | None) -> None:
        """Remember that a split was seen to."""
        ...


class CommandGiver(Protocol):
    """Who takes work on."""

    def give(self, command: Command) -> None:
        """Hand `command` on; raises CatalogUnavailableError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A job that was begun: for so many gaps, none of them for a split."""

    job: str
    source: str
    symbol: str
    interval: Interval
    start: datetime
    end: datetime
    gaps: int


@dataclass(slots=True)
class _Plan:
    """A range of a series to fetch, and the gaps in it."""

    series: Series
    start: datetime
    end: datetime
    gaps: list[str]


class Repairs:
    """Begins jobs. `histories` is what each source has of its past, `suppliers` who else has it where that has none."""

    def __init__(
        self,
        *,
        book: RepairBook,
        commands: CommandGiver,
        histories: Mapping[str, Mapping[Interval, History]],
        suppliers: Mapping[str, str],
        clock: Clock,
        new_id: Callable[[], str] = lambda: str(uuid4()),
    ) -> None:
        self._book = book
        self._commands = commands
        self._histories = histories
        self._suppliers = suppliers
        self._clock = clock
        self._new_id = new_id

    def begin(self) -> list[Begun]:
        """Begin as many jobs as there is room for: splits first, then the newest gaps.

        A job whose command S3 does not take is withdrawn; the next run begins it anew.
        """
        running = dict(self._book.running())
        begun = []
        wanted: list[Split | _Plan] = [*self._splits(), *self._repairs()]
        for begin in wanted:
            past = self._past(begin.series)
            source = past[0] if past else begin.series.source
            if running.get(source, 0) >= AT_ONCE:
                continue
            one = self._refetch(begin) if isinstance(begin, Split) else self._repair(begin)
            if one is not None:
                running[source] = running.get(source, 0) + 1
                begun.append(one)
        return begun

    def _past(self, series: Series) -> tuple[str, History] | None:
        """The source that has the past of a series, and what it has."""
        for source in (series.source, self._suppliers.get(series.source)):
            if source is not None and (history := self._histories[source].get(series.interval)) is not None:
                return source, history
        return None

    def _splits(self) -> list[Split]:
        wanted = []
        for split in self._book.splits(self._clock()):
            if split.first is None:
                # All that is stored was observed after it: nothing to do, now or ever.
                self._book.decided(split, None)
            else:
                wanted.append(split)
        return wanted

    def _refetch(self, split: Split) -> Begun | None:
        now = self._clock()
        past = self._past(split.series)
        if past is None or split.first is None:
            return None
        start = max(split.first, past[1].earliest(now))
        if start >= split.effective:
            # The source no longer has what lies before it.
            self._book.decided(split, None)
            return None
        name = f"{split.series.symbol}/{split.series.interval}/{split.effective.isoformat()}"
        # Named by what it is for: after a crash the next run begins the same job, and not a second one.
        job = self._job(split.series, start, split.effective, Requester.SPLIT, id=str(uuid5(NAMESPACE_URL, name)))
        self._book.begin_refetch(job)
        try:
            self._give(job, split.series)
        except CatalogUnavailableError:
            return None
        self._book.decided(split, job.id)
        return self._begun(job, gaps=0)

    def _repairs(self) -> list[_Plan]:
        """The queued gaps whose pause is over, those of a series together where that takes no more requests."""
        now = self._clock()
        due = [
            one
            for one in self._book.candidates(now)
            if one.last_tried_at is None or now - one.last_tried_at >= PAUSES[min(one.tries, len(PAUSES) - 1)]
        ]
        due.sort(key=lambda one: (one.series.source, one.series.symbol, one.series.interval, one.start))
        plans: list[_Plan] = []
        for _, several in groupby(due, key=lambda one: (one.series.source, one.series.symbol, one.series.interval)):
            gaps = list(several)
            if (past := self._past(gaps[0].series)) is not None:
                plans += _together(gaps, past[1], now)
        return sorted(plans, key=lambda plan: plan.end, reverse=True)

    def _repair(self, plan: _Plan) -> Begun | None:
        job = self._job(plan.series, plan.start, plan.end, Requester.AUDITOR, id=self._new_id())
        if not self._book.begin(job, plan.gaps, self._clock()):
            return None
        try:
            self._give(job, plan.series)
        except CatalogUnavailableError:
            self._book.withdraw(job.id)
            return None
        return self._begun(job, gaps=len(plan.gaps))

    def _job(self, series: Series, start: datetime, end: datetime, requester: Requester, *, id: str) -> NewJob:  # noqa: A002 - the field's name
        source, history = self._past(series) or (series.source, None)
        assert history is not None  # noqa: S101 - nothing is begun without one
        return NewJob(
            id=id,
            kind=JobKind.BACKFILL,
            source=source,
            symbol=series.symbol,
            interval=series.interval,
            start=start,
            end=end,
            parts=ceil((end - start) / history.page),
            requested_by=requester,
        )

    def _give(self, job: NewJob, series: Series) -> None:
        self._commands.give(
            BackfillCommand(
                id=job.id,
                source=job.source,
                source_symbol=series.source_symbol,
                interval=series.interval,
                start=job.start,
                end=job.end,
            )
        )

    @staticmethod
    def _begun(job: NewJob, *, gaps: int) -> Begun:
        assert job.symbol is not None  # noqa: S101 - a backfill's
        assert job.interval is not None  # noqa: S101 - the same
        return Begun(
            job=job.id,
            source=job.source,
            symbol=job.symbol,
            interval=job.interval,
            start=job.start,
            end=job.end,
            gaps=gaps,
        )


def _together(due: Sequence[Candidate], history: History, now: datetime) -> list[_Plan]:
    """Ranges that hold the gaps of one series, which come in order: as few as take no more requests than each alone."""
    plans: list[_Plan] = []
    for one in due:
        start, end = max(one.start, history.earliest(now)), min(one.end, now)
        if start >= end:
            continue
        last = plans[-1] if plans else None
        if last is not None:
            joined = ceil((end - last.start) / history.page)
            apart = ceil((last.end - last.start) / history.page) + ceil((end - start) / history.page)
            if joined <= min(apart, MOST_PARTS):
                last.end = end
                last.gaps.append(one.id)
                continue
        plans.append(_Plan(one.series, start, end, [one.id]))
    return plans
