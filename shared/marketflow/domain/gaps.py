"""What is asked about missing candles and what is answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from marketflow.domain.interval import Interval


class Reason(StrEnum):
    """Why candles are missing. `CLOSED` ones are not even expected."""

    CLOSED = "closed"
    NO_TRADES = "no_trades"
    SOURCE_OUTAGE = "source_outage"
    QUARANTINED = "quarantined"
    NOT_FETCHED = "not_fetched"


class Repair(StrEnum):
    """What becomes of a gap. The last three are those of gaps that stand in a queue for repair."""

    NOT_NEEDED = "not_needed"
    AUTOMATIC = "automatic"
    ON_REQUEST = "on_request"
    NOT_POSSIBLE = "not_possible"
    QUEUED = "queued"
    PENDING = "pending"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """`[start, end)` in open times, None: from the first stored candle, until now. At most `limit` gaps are told."""

    name: str
    interval: Interval
    start: datetime | None = None
    end: datetime | None = None
    closed: bool = False
    limit: int = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A longest run of `missing` candles with one reason: from the first one's open to the last one's close."""

    start: datetime
    end: datetime
    missing: int
    reason: Reason
    repair: Repair


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """The answer. `present` candles are stored and final.

    `gaps` are the first ones of `gap_count`; `missing_by_reason` counts the candles of all of them.
    """

    symbol: str
    interval: Interval
    start: datetime
    end: datetime
    expected: int
    present: int
    missing_by_reason: Mapping[Reason, int]
    gap_count: int
    gaps: tuple[Gap, ...]

    @property
    def missing(self) -> int:
        """How many expected candles are not stored."""
        return self.expected - self.present

    @property
    def complete(self) -> bool:
        """Whether everything is stored that there was to have: nothing is missing but where nothing was traded."""
        return self.missing == self.missing_by_reason[Reason.NO_TRADES]
