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
    """What becomes of a gap. The last three but one are those of gaps that the auditor has taken on.

    `QUEUED` waits for its turn or for the pause after a try to be over, `PENDING` has a job that is not over, and
    `GIVEN_UP` was tried MOST_TRIES times. `REPAIRED` is what the ledger says when nothing of it is missing any more.
    """

    NOT_NEEDED = "not_needed"
    AUTOMATIC = "automatic"
    ON_REQUEST = "on_request"
    NOT_POSSIBLE = "not_possible"
    QUEUED = "queued"
    PENDING = "pending"
    GIVEN_UP = "given_up"
    REPAIRED = "repaired"


TAKEN_ON = frozenset({Repair.QUEUED, Repair.PENDING, Repair.GIVEN_UP})
"""What becomes of a gap that the auditor has taken on."""

MOST_TRIES = 3
"""After so many repairs that brought nothing a gap is a matter for a person."""

REPAIRABLE = frozenset({Reason.NOT_FETCHED, Reason.SOURCE_OUTAGE})
"""Reasons that fetching again may remove. What came and was no data would come again; that is for a person to see."""


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
    """A longest run of `missing` candles with one reason: from the first one's open to the last one's close.

    `tries` is how many repairs were begun for it, or for what it was a part of.
    """

    start: datetime
    end: datetime
    missing: int
    reason: Reason
    repair: Repair
    tries: int = 0


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
