"""What must be in the tables, told from the market itself: no line of the pipeline has a part in it.

Which rows an answer has is read from its body with a few lines of our own; what they are worth comes from the series
out of which the simulated vendors are made.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from local.simulation.clock import EPOCH

if TYPE_CHECKING:
    from local.simulation.absurd import Absurd

Key = tuple[str, str, str, datetime]
"""Table, vendor's symbol, interval (empty for prices), open_time or as_of."""

Values = tuple[Decimal | int | None, ...]
"""Of a candle open, high, low, close, volume, quote volume, trades; of a price the price."""


@dataclass(frozen=True, slots=True)
class Served:
    """One answer as it left the world: `at` is the world's clock in epoch seconds, which is also its `Date`.

    `struck` are the faults that changed it, `hole` the outage that was on, `split` when the split was switched on,
    `absurd` the number in it that is out of place.
    A `window` of the past was asked for by a task: what opens within it counts, whatever else the answer has.
    """

    vendor: str
    path: str
    params: Mapping[str, str]
    symbols: tuple[str, ...]
    at: int
    status: int
    body: bytes
    struck: tuple[str, ...] = ()
    hole: tuple[int, int] | None = None
    split: int | None = None
    absurd: Absurd | None = None
    window: tuple[datetime, datetime] | None = None

    def wanted(self, moment: datetime) -> bool:
        """Whether a candle that opens then was asked for."""
        return self.window is None or self.window[0] <= moment < self.window[1]


@dataclass(frozen=True, slots=True)
class Fact:
    """One row that an answer has. `position` is its place, by which the quarantine would name it."""

    key: Key
    values: Values
    final: bool
    position: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer says: `facts`, and `refused` rows as (position, minute); `whole` when nothing of it is data."""

    facts: tuple[Fact, ...] = ()
    refused: tuple[tuple[int, datetime | None], ...] = ()
    whole: bool = False


NO_DATA = Reading(whole=True)


def utc(seconds: int) -> datetime:
    """Epoch seconds as UTC."""
    return EPOCH + timedelta(seconds=seconds)


def document(body: bytes) -> Any:  # noqa: ANN401 - any JSON
    """The JSON in `body`, numbers as their text; None when it is none."""
    try:
        return json.loads(body, parse_float=str)
    except ValueError:
        return None


def _float32(value: float) -> bytes:
    return struct.pack("<f", value)


def shortest(value: float) -> Decimal:
    """The shortest decimal that names the same 32-bit number as `value`."""
    wanted = _float32(value)
    (widened,) = struct.unpack("<f", wanted)
    for digits in range(1, 10):
        text = f"{widened:.{digits}g}"
        if _float32(float(text)) == wanted:
            return Decimal(text)
    raise AssertionError(f"{value!r} is beyond nine digits, which no 32-bit number is.")
