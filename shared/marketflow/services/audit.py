"""The auditor: compares what is stored with what must exist, keeps the ledger of gaps, and has them repaired.

What is missing and why is answered by the service behind /v1/coverage, so that the two cannot differ. The ledger adds
what that cannot know: since when a gap is there, and what was done about it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import uuid4

from marketflow.domain import calendars
from marketflow.domain.auditing import Entry, Findings, Freshness, Page, Scope, Series, Standing, Window
from marketflow.domain.gaps import TAKEN_ON, Coverage, Gap, Question, Reason, Repair
from marketflow.domain.interval import Interval
from marketflow.services.ports import Clock
from marketflow.services.repairs import Begun, Repairs

GRACE = 3
"""A candle is missed once it is over for so many intervals, and for longer than its source's data may be late."""

RECENT = timedelta(hours=6)
RECENT_CANDLES = 10
"""How far a look at the newest reaches back: so long, and over so many candles at least."""

CHUNKS = {Interval.M1: timedelta(days=90), Interval.D1: timedelta(days=7300)}
"""The past is looked at in such chunks, counted from the epoch; no entry begins in one and ends in another."""

MOST_GAPS = 1_000_000
"""More than a chunk has candles: the ledger wants all of them."""

LONGEST_PAUSE = timedelta(hours=1)
"""The newest of a series is looked at once an interval, and at least so often."""

SEEN_AGAIN = timedelta(hours=1)
"""An entry that has not changed is written again after this."""

GAPS_KEPT = timedelta(days=90)
"""How long closed gaps, and gaps that need nothing, stay in the ledger."""

JOBS_KEPT = timedelta(days=30)
"""How long jobs stay after the last news of them."""

SPARE_SECONDS = 8.0
"""What is left of the function's time when no other series is begun."""

RECENT_SECONDS = 45.0
"""How long a look at the newest may take: the next one begins a minute after this one."""


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Auditing(Protocol):
    """Who explains what is missing (marketflow.services.coverage)."""

    def audit(self, question: Question) -> Coverage:
        """The gaps of a series, with what becomes of them when the auditor takes on what a backfill can get."""
        ...


class Ledger(Protocol):
    """Where gaps are written down."""

    def series(self, *, deep: bool) -> Sequence[Series]:
        """Every series of an active symbol, the one whose audit is the longest ago first."""
        ...

    def page(self, series: Series, *, floor: datetime, start: datetime, end: datetime) -> Page:
        """The open gaps that begin in `[floor, end)` and reach to `start` at least."""
        ...

    def write(self, series: Series, findings: Findings, *, token: str | None, now: datetime) -> bool:
        """Make the changes, unless somebody else changed the series' gaps after `token`; whether they were made."""
        ...

    def note_recent(self, several: Iterable[Series], now: datetime) -> None:
        """Remember that these were audited."""
        ...

    def note_deep(self, series: Series, goes_on: datetime | None, now: datetime) -> None:
        """Remember how far the past of a series was audited."""
        ...

    def unsettled(self, before: datetime) -> Sequence[Window]:
        """The gaps whose repair is over, and those to be repaired that nobody looked at since `before`."""
        ...

    def standings(self, now: datetime) -> Sequence[Standing]:
        """The open gaps of each source that has some."""
        ...

    def seconds_behind(self, now: datetime) -> Mapping[str, int]:
        """For each source how many seconds ago its last good candle or price was."""
        ...

    def prune(self, *, now: datetime, gaps_kept: timedelta, jobs_kept: timedelta) -> None:
        """Forget what was over so long ago."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """What an audit did: series looked at of those that there are, changes of the ledger, and jobs that it began.

    `standings` has every source, in the order of the catalogue. `freshness` has them in a look at the newest.
    """

    scope: Scope
    series: int
    looked_at: int
    changed: int
    begun: Sequence[Begun]
    standings: Sequence[Standing]
    freshness: Sequence[Freshness] = ()


@dataclass(slots=True)
class _Tally:
    looked_at: list[Series] = field(default_factory=list)
    changed: int = 0


class Auditor:
    """Audits the series of `freshness`: for each source how many seconds old its newest data may be."""

    def __init__(
        self,
        *,
        coverages: Auditing,
        ledger: Ledger,
        repairs: Repairs,
        freshness: Mapping[str, int],
        clock: Clock,
        new_id: Callable[[], str] = lambda: uuid4().hex,
    ) -> None:
        self._coverages = coverages
        self._ledger = ledger
        self._repairs = repairs
        self._freshness = freshness
        self._clock = clock
        self._new_id = new_id

    def run(self, scope: Scope, *, time_left: Callable[[], float]) -> Audited:
        """Audit until everything was looked at or the time is over; the next run goes on from there.

        Only a look at the newest begins repairs, so that two at once never do. Raises RetryLaterError and
        DatabaseUnavailableError; what was done by then is done.
        """
        now = self._clock()
        everything = self._ledger.series(deep=scope is Scope.DEEP)
        tally, begun, freshness = _Tally(), list[Begun](), list[Freshness]()
        if scope is Scope.DEEP:
            self._deep(everything, tally, lambda: time_left() > SPARE_SECONDS)
            self._ledger.prune(now=now, gaps_kept=GAPS_KEPT, jobs_kept=JOBS_KEPT)
        else:
            total = time_left()
            self._recent(everything, tally, lambda: time_left() > max(SPARE_SECONDS, total - RECENT_SECONDS))
            self._ledger.note_recent(tally.looked_at, now)
            begun = self._repairs.begin()
            freshness = self._fresh()
        known = {standing.source: standing for standing in self._ledger.standings(now)}
        none: dict[Reason, int] = {reason: 0 for reason in Reason if reason is not Reason.CLOSED}
        return Audited(
            scope=scope,
            series=len(everything),
            looked_at=len(tally.looked_at),
            changed=tally.changed,
            begun=begun,
            standings=[known.get(name) or Standing(source=name, missing=none) for name in self._freshness],
            freshness=freshness,
        )

    def _fresh(self) -> list[Freshness]:
        behind = self._ledger.seconds_behind(self._clock())
        return [Freshness(source=name, seconds=behind[name], target=target) for name, target in self._freshness.items()]

    def _recent(self, everything: Sequence[Series], tally: _Tally, may_go_on: Callable[[], bool]) -> None:
        # What was repaired, by whomever, is looked at wherever it lies.
        for window in self._ledger.unsettled(self._clock() - SEEN_AGAIN):
            if not may_go_on():
                return
            self._look(window.series, window.start, window.end, tally)
        for series in everything:
            now = self._clock()
            step = timedelta(seconds=calendars.length_of(series.interval))
            if series.recent_at is not None and now - series.recent_at < min(step, LONGEST_PAUSE) * 0.9:
                continue
            if not may_go_on():
                return
            end = self._due(series, now)
            self._look(series, max(series.since, end - max(RECENT, RECENT_CANDLES * step)), end, tally)
            tally.looked_at.append(series)

    def _deep(self, everything: Sequence[Series], tally: _Tally, may_go_on: Callable[[], bool]) -> None:
        for series in everything:
            goes_on: datetime | None = series.deep_from or series.since
            while goes_on is not None:
                if not may_go_on():
                    return
                now = self._clock()
                end = self._due(series, now)
                stop = min(_floor(series.interval, goes_on) + CHUNKS[series.interval], end)
                self._look(series, goes_on, stop, tally)
                goes_on = stop if stop < end else None
                self._ledger.note_deep(series, goes_on, now)
            tally.looked_at.append(series)

    def _due(self, series: Series, now: datetime) -> datetime:
        """The open time before which every candle should have come."""
        step = calendars.length_of(series.interval)
        grace = max(GRACE * step, self._freshness[series.source])
        return now.replace(microsecond=0) - timedelta(seconds=grace + step)

    def _look(self, series: Series, start: datetime, end: datetime, tally: _Tally) -> None:
        """Bring the ledger up to what the facts say of `[start, end)`, chunk by chunk.

        An entry that reaches into the window is looked at from its beginning. What somebody else changed meanwhile is
        left to the next look.
        """
        while start < end:
            floor = _floor(series.interval, start)
            stop = min(end, floor + CHUNKS[series.interval])
            page = self._ledger.page(series, floor=floor, start=start, end=stop)
            begin = min([start, *(entry.start for entry in page.entries)])
            now = self._clock()
            question = Question(name=series.symbol, interval=series.interval, start=begin, end=stop, limit=MOST_GAPS)
            # What needs nothing and is old is not kept: the facts explain it at any time.
            gaps = [
                gap
                for gap in self._coverages.audit(question).gaps
                if gap.repair is not Repair.NOT_NEEDED or gap.end > now - GAPS_KEPT
            ]
            findings = compare(page.entries, gaps, now=now, new_id=self._new_id)
            if findings and self._ledger.write(series, findings, token=page.token, now=now):
                tally.changed += len(findings.written) + len(findings.gone) + len(findings.closed)
            start = stop


def compare(entries: Sequence[Entry], gaps: Sequence[Gap], *, now: datetime, new_id: Callable[[], str]) -> Findings:
    """What turns `entries` into `gaps`; both are of one window, in order, and do not overlap among themselves.

    A gap is the entry that it overlaps, the first one where there are several, and takes over what was known of all of
    them. So tries outlive growing, shrinking, coming apart and growing together. What goes on from an entry, as while a
    source does not know a symbol, has its tries as well.
    """
    written: list[Entry] = []
    kept: set[str] = set()
    touched: set[str] = set()
    starts, ends = [one.start for one in entries], [one.end for one in entries]
    for gap in gaps:
        before = entries[bisect_left(ends, gap.start) : bisect_left(starts, gap.end)]
        overlapped = [one for one in before if one.end > gap.start]
        if gap.repair not in TAKEN_ON:
            before = overlapped
        touched |= {one.id for one in overlapped}
        own = next((one for one in overlapped if one.id not in kept), None)
        tried = max(
            (one for one in before if one.last_tried_at), key=lambda one: one.last_tried_at or now, default=None
        )
        entry = Entry(
            id=own.id if own else new_id(),
            start=gap.start,
            end=gap.end,
            missing=gap.missing,
            reason=gap.reason,
            state=gap.repair,
            tries=max([gap.tries, *(one.tries for one in before)]),
            job=tried.job if tried else None,
            first_seen_at=min([now, *(one.first_seen_at for one in overlapped)]),
            last_seen_at=now,
            last_tried_at=tried.last_tried_at if tried else None,
        )
        kept.add(entry.id)
        if own is None or _differ(own, entry):
            written.append(entry)
    return Findings(
        written=written,
        gone=[one.id for one in entries if one.id in touched - kept],
        closed=[one.id for one in entries if one.id not in touched],
    )


def _differ(before: Entry, entry: Entry) -> bool:
    if entry.last_seen_at - before.last_seen_at >= SEEN_AGAIN:
        return True
    same = ("start", "end", "missing", "reason", "state", "tries", "job", "first_seen_at", "last_tried_at")
    return any(getattr(before, name) != getattr(entry, name) for name in same)


def _floor(interval: Interval, moment: datetime) -> datetime:
    """The beginning of the chunk that `moment` is in."""
    return _EPOCH + (moment - _EPOCH) // CHUNKS[interval] * CHUNKS[interval]
