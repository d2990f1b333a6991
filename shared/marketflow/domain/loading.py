"""What goes into the database with a payload's rows, and what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from marketflow.domain.fetching import FetchRequest, RawResponse
from marketflow.domain.jobs import Part
from marketflow.domain.moves import Move

WHOLE_PAYLOAD = -1
"""The position of a Reject that stands for everything that a response said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where rows come from: the archived answer, its source and dataset, and when it was received (UTC).

    `observed_at` decides between two answers about the same candle: the later one knows better. `owner` is the source
    whose symbols the rows are of, None: the same.
    """

    raw_key: str
    source: str
    dataset: str
    observed_at: datetime
    owner: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadResult:
    """What one load changed.

    `unchanged` rows were there already with the same values, or with newer ones. `quarantined` counts the refused rows
    that were not in the quarantine before, `refused` has them by reason. Loading the same payload again gives zero
    written and zero quarantined.
    `retired` counts rows of months that were exported and dropped: they are not stored again.
    `moves` are the rows of this answer that are held back, and those of others that are since it was loaded.
    """

    candles_written: int = 0
    candles_unchanged: int = 0
    prices_written: int = 0
    prices_unchanged: int = 0
    actions_written: int = 0
    actions_unchanged: int = 0
    quarantined: int = 0
    refused: Mapping[str, int] = field(default_factory=dict, compare=False)
    retired: int = 0
    moves: tuple[Move, ...] = ()

    @property
    def rows(self) -> int:
        """All rows that the answer had, whatever became of them."""
        written = self.candles_written + self.prices_written + self.actions_written
        unchanged = self.candles_unchanged + self.prices_unchanged + self.actions_unchanged
        return written + unchanged + self.retired + self.quarantined


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One archived answer to load. Without a `response` it is a claim check: the archive has it at `raw_key`.

    `part` is the part of a job that it is.
    """

    request: FetchRequest
    response: RawResponse | None
    raw_key: str
    part: Part | None = None
