"""The ledger of gaps: what stands in it, what a look at a series changes, and what is begun to repair it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from marketflow.domain.gaps import Reason, Repair
from marketflow.domain.interval import Interval
from marketflow.domain.ticks import Tick


class Scope(StrEnum):
    """What an audit looks at: the newest hours of every series, or all that ever was stored."""

    RECENT = "recent"
    DEEP = "deep"


class AuditOrder(Tick):
    """The event of the auditor's schedules."""

    scope: Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The candles of one interval of an active symbol, and when they were audited.

    `since` is from when on they must exist: their first one, or when the symbol was added. `deep_from` is where the
    audit of the whole past goes on, None: with `since`.
    """

    symbol: str
    source: str
    source_symbol: str
    interval: Interval
    since: datetime
    recent_at: datetime | None = None
    deep_at: datetime | None = None
    deep_from: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A gap in the ledger, `[start, end)`: the first missing candle's open, the last one's close.

    `id` stays with it while it grows, shrinks or loses parts. `tries` is how many repairs were begun for it, or for
    what it was a part of; `job` is the newest of them, begun at `last_tried_at`.
    """

    id: str
    start: datetime
    end: datetime
    missing: int
    reason: Reason
    state: Repair
    tries: int
    job: str | None
    first_seen_at: datetime
    last_seen_at: datetime
    last_tried_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The open gaps of a series that begin in a window or reach into it, in order, and the `token` of that state."""

    token: str | None
    entries: Sequence[Entry]


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What an audit changes: `written` are new or changed, `gone` became parts of others, `closed` are repaired."""

    written: Sequence[Entry]
    gone: Sequence[str]
    closed: Sequence[str]

    def __bool__(self) -> bool:
        return bool(self.written or self.gone or self.closed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A part of a series that is to be looked at again."""

    series: Series
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A queued gap of a source that answers."""

    series: Series
    id: str
    start: datetime
    end: datetime
    tries: int
    last_tried_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """A split about which nothing was decided yet.

    `first` is the oldest stored candle of the series when one was observed before the split took effect, else None.
    """

    series: Series
    effective: datetime
    first: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """How long ago the last good candle or price of a source was, and how long that may be (`target`), in seconds.

    While all of its markets are closed a good answer counts instead, and from their opening on the time since then.
    """

    source: str
    seconds: int
    target: int

    @property
    def stale(self) -> bool:
        """Whether it is later than it may be."""
        return self.seconds > self.target


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The open gaps of a source. `unexplained` are those that nobody has asked for yet or whose answer is to come.

    `oldest` is the age of the oldest of these in intervals, `missing` counts candles by reason.
    """

    source: str
    unexplained: int = 0
    oldest: int = 0
    missing: Mapping[Reason, int]
    queued: int = 0
    pending: int = 0
    given_up: int = 0
