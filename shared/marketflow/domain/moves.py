"""The rule for absurd moves: a price that is too many times more, or less, than the last one is held back.

The verdict belongs to the rows in the order of their times and not to the order in which they came: whoever has the
same rows holds back the same ones. PostgreSQL decides, by `judge_candles` and `judge_prices`; this is what they say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from marketflow.domain.interval import Interval
from marketflow.domain.symbol import AssetType

BOUNDS: Mapping[AssetType, Decimal] = {
    AssetType.CRYPTO: Decimal(5),
    AssetType.STOCK: Decimal(5),
    AssetType.FOREX: Decimal(3),
}
"""How many times the last price one may be, or be a part of it.

A mistake in the unit is a factor of ten, a hundred or a thousand: pence for pounds, a lost or added decimal place. Half
of that is left for a true move in the other direction on top. Upwards and downwards, coins and shares that were in the
news for it moved by four at most from one day to the next, currencies by two and a half on the day of a devaluation.
"""

LOOK_BACKS: Mapping[Interval, timedelta] = {Interval.M1: timedelta(days=4), Interval.D1: timedelta(days=10)}
"""How old the last price may be to be compared with: a long weekend, and the longest holidays of an exchange.

Behind it a price is taken for what it is, so that a new level which nobody approved is served after that time.
"""

PRICE_LOOK_BACK = timedelta(days=4)
"""The same for observed prices: those of currencies come once a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A candle, or a price as one without extent: `moment` is its open time. `observed_at` decides on its basis."""

    moment: datetime
    low: Decimal
    high: Decimal
    close: Decimal
    observed_at: datetime
    final: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """`denominator` shares became `numerator` at `effective`; a price observed before that is on another basis."""

    effective: datetime
    numerator: Decimal
    denominator: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A price that was held back: `price` is the one of the row that is farthest from the `reference`.

    Both are as they are stored. `interval` is None for an observed price, `raw_key` names the answer it came with.
    """

    symbol: str
    interval: Interval | None
    moment: datetime
    price: Decimal
    reference: Decimal
    raw_key: str


def verdicts(
    points: Sequence[Point], *, bound: Decimal, look_back: timedelta, splits: Sequence[Split] = ()
) -> list[bool]:
    """Which of `points`, in the order of their times, are held back.

    Each is compared with the close of the last final one before it that is not held back and at most `look_back` older;
    without one there is nothing to compare with. It is held when one of its prices is more than `bound` times that, or
    less than the `bound`-th part.
    """
    held: list[bool] = []
    reference: tuple[datetime, Fraction] | None = None
    for point in points:
        basis = _basis(point, splits)
        verdict = False
        if reference is not None and point.moment - reference[0] <= look_back:
            low, high = Fraction(point.low) * basis, Fraction(point.high) * basis
            verdict = high > Fraction(bound) * reference[1] or low * Fraction(bound) < reference[1]
        held.append(verdict)
        if point.final and not verdict:
            reference = (point.moment, Fraction(point.close) * basis)
    return held


def _basis(point: Point, splits: Sequence[Split]) -> Fraction:
    """What a price of `point` is multiplied with to be in today's shares."""
    basis = Fraction(1)
    for split in splits:
        if split.effective > point.observed_at:
            basis *= Fraction(split.denominator) / Fraction(split.numerator)
    return basis
