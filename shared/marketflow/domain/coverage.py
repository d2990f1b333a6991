"""What was asked of a source and answered, so that a missing candle can be explained by a fact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum

from marketflow.domain.interval import Interval
from marketflow.domain.jobs import History

Span = tuple[datetime, datetime]
"""A half-open range `[start, end)` of aware times."""


@dataclass(frozen=True, slots=True)
class Asked:
    """For which open times an answer is complete, about one symbol (vendor spelling) and interval.

    A candle that opens inside `fetched` and is not stored does not exist at the source, by the source's own answer. One
    inside `refused` came and was no data. On a day inside `closed` the source published no rate. All only ever grow,
    and nothing that was still forming is in any.
    """

    source_symbol: str
    interval: Interval
    fetched: tuple[Span, ...] = ()
    refused: tuple[Span, ...] = ()
    closed: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Session:
    """When the exchange of a symbol (vendor spelling) is open, as its source says: `[opens_at, closes_at)`."""

    source_symbol: str
    opens_at: datetime
    closes_at: datetime


class Calendar(StrEnum):
    """When a source has candles: at any time, in the sessions of exchanges, or one published rate a day (UTC)."""

    ALWAYS = "always"
    SESSIONS = "sessions"
    RATES = "rates"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How far back a source is asked at one interval.

    The next scheduled run asks for what is missing since the last one, at most `catches_up_seconds`; a backfill gets
    what `history` has, None: nothing.
    """

    catches_up_seconds: int
    history: History | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplement:
    """A source that gives, on request, the daily rates of pairs between two of its `currencies`, from `since` (UTC)."""

    currencies: frozenset[str]
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """What the catalogue declares of a source's candles.

    `flat_candles` says that it sends a candle for a time without trades, so that a missing one means an outage.
    `supplements` are the other sources that have the past of its currencies.
    """

    calendar: Calendar
    flat_candles: bool
    reach: Mapping[Interval, Reach]
    supplements: Sequence[Supplement] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageQuery:
    """What is asked about a symbol: open times in `[start, until)`, `until` is not in the future.

    Without a `start` from the first one that is stored, but not before `earliest`; never from before what is kept.
    `step` is the interval in seconds, 1 for months, which are of no one length. `rate_sources` publish rates instead of
    candles.
    """

    name: str
    interval: Interval
    start: datetime | None
    until: datetime
    earliest: datetime
    step: int
    rate_sources: Sequence[str]


Seconds = Sequence[tuple[int, int]]
"""Half-open ranges of unix seconds, in order, without overlap."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A gap of the ledger that is queued for repair or was ever tried: `[start, end)` in unix seconds.

    `running` says that the job of its newest try is not over.
    """

    start: int
    end: int
    tries: int
    running: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageFacts:
    """What is known about a symbol and interval in the window; times are unix seconds.

    `first` is the first open time that was ever stored. `stored` are the first and the last of runs of final candles
    one step apart. `fetched_until` is how far any answer reached. Of the symbol's exchange: `sessions`, the local
    `hours` of most of them, the dates on which anything was `traded`, and for what its daily candles (`days`) and its
    `minutes` were fetched. At `held` candles are stored that are held back. Of a pair of currencies: its `currencies`,
    the days that were `closed` where its past comes from, and since when it is `watched`: the day of the first rate of
    its own source, which has one on every day. `taken` are the gaps that the auditor has taken on.
    """

    symbol: str
    source: str
    timezone: str
    active: bool
    start: datetime
    first: int | None
    stored: Sequence[tuple[int, int]]
    fetched: Seconds
    refused: Seconds
    outages: Seconds
    fetched_until: int | None
    sessions: Seconds = ()
    hours: tuple[time, time] | None = None
    traded: frozenset[date] = frozenset()
    days: Seconds = ()
    minutes: Seconds = ()
    held: Seconds = ()
    currencies: frozenset[str] = frozenset()
    closed: Seconds = ()
    watched: int | None = None
    taken: Sequence[Taken] = ()


def without(spans: tuple[Span, ...], holes: tuple[Span, ...]) -> tuple[Span, ...]:
    """`spans` without what lies in any of `holes`; the spans come in order and do not overlap."""
    left = list(spans)
    for start, end in sorted(holes):
        left = [
            piece
            for first, last in left
            for piece in ((first, min(last, start)), (max(first, end), last))
            if piece[0] < piece[1]
        ]
    return tuple(left)
