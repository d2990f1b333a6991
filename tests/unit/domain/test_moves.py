"""The rule for absurd moves: which prices are held back, and from what they are judged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflow.domain.interval import Interval
from marketflow.domain.moves import BOUNDS, LOOK_BACKS, PRICE_LOOK_BACK, Point, Split, verdicts
from marketflow.domain.symbol import AssetType

pytestmark = pytest.mark.unit

START = datetime(2026, 3, 2, tzinfo=UTC)
BOUND, DAY = Decimal(5), timedelta(days=1)


def point(minute: int, close: str, *, low: str = "", high: str = "", final: bool = True, seen: int = 0) -> Point:
    """A candle of one minute, flat unless told; `seen` is the day on which it was observed."""
    return Point(
        moment=START + timedelta(minutes=minute),
        low=Decimal(low or close),
        high=Decimal(high or close),
        close=Decimal(close),
        observed_at=START + timedelta(days=seen),
        final=final,
    )


def held(*points: Point, splits: tuple[Split, ...] = (), look_back: timedelta = DAY) -> list[bool]:
    return verdicts(points, bound=BOUND, look_back=look_back, splits=splits)


@pytest.mark.parametrize("wrong", ["10", "1000", "1", "10000", "19.99", "500.01"])
def test_a_factor_beyond_the_bound_is_held_back_and_nobodys_reference(wrong: str) -> None:
    """Ten or a hundred times too much or too little: it is held, and the next price is judged from the one before."""
    assert held(point(0, "100"), point(1, wrong), point(2, "101")) == [False, True, False]


@pytest.mark.parametrize("real", ["500", "20", "400", "99"])
def test_a_move_up_to_the_bound_is_served(real: str) -> None:
    """Exactly the bound is still a move."""
    assert held(point(0, "100"), point(1, real)) == [False, False]


@pytest.mark.parametrize(("low", "high"), [("1", ""), ("", "1000")])
def test_any_of_the_four_prices_is_enough(low: str, high: str) -> None:
    """A candle whose close is right and whose high or low is broken is held."""
    assert held(point(0, "100"), point(1, "100", low=low, high=high)) == [False, True]


def test_a_forming_candle_is_judged_and_judges_nobody() -> None:
    """It has a reference, and is none: its values are gone in a minute."""
    assert held(point(0, "100"), point(1, "10", final=False), point(2, "101"), point(3, "4", final=False)) == [
        False,
        True,
        False,
        True,
    ]
    assert held(point(0, "10", final=False), point(1, "100")) == [False, False]


def test_nothing_is_compared_beyond_the_look_back() -> None:
    """The last price served is too old: a new level is taken for what it is, and is the reference from then on."""
    day = 24 * 60
    assert held(point(0, "100"), point(day, "1000"), point(day + 1, "1000"), point(day + 2, "100")) == [
        False,
        True,
        False,
        True,
    ]


def test_a_split_is_no_move() -> None:
    """Before the split a price was observed on another basis: both are compared in today's shares."""
    tenfold = Split(effective=START + DAY / 2, numerator=Decimal(10), denominator=Decimal(1))
    before, after = point(0, "1000"), point(1, "100", seen=1)
    assert held(before, after, splits=(tenfold,)) == [False, False]
    assert held(before, after) == [False, True]
    # Still on the old basis, although it was seen after the split: ten times too much.
    assert held(before, point(1, "1000", seen=1), splits=(tenfold,)) == [False, True]


@given(
    closes=st.lists(st.decimals("0.01", "10000", places=2), max_size=30),
    factor=st.sampled_from([Decimal(10), Decimal("0.001"), Decimal(7)]),
)
def test_the_unit_does_not_matter(closes: list[Decimal], factor: Decimal) -> None:
    """Prices in another unit, all of them, give the same verdicts."""
    plain = [point(minute, str(close)) for minute, close in enumerate(closes)]
    scaled = [point(minute, str(close * factor)) for minute, close in enumerate(closes)]
    assert held(*plain) == held(*scaled)


@given(st.lists(st.decimals("90", "110", places=2), min_size=2, max_size=30), st.data())
def test_one_mistake_costs_one_row(closes: list[Decimal], data: st.DataObject) -> None:
    """A market that stays within a fifth and one price a hundred times too big: that one is held, whichever it is."""
    wrong = data.draw(st.integers(1, len(closes) - 1))
    points = [point(minute, str(close * 100 if minute == wrong else close)) for minute, close in enumerate(closes)]
    assert held(*points) == [minute == wrong for minute in range(len(closes))]


def test_every_kind_of_market_and_everything_stored_has_its_numbers() -> None:
    """The bounds catch a lost decimal place on top of a move of two; every stored interval has a look-back."""
    assert set(BOUNDS) == set(AssetType)
    assert all(2 < bound <= 5 for bound in BOUNDS.values())
    assert set(LOOK_BACKS) == {interval for interval in Interval if interval.stored}
    assert min(*LOOK_BACKS.values(), PRICE_LOOK_BACK) > timedelta(
        days=3
    )  # Friday's close to Monday's open, and a holiday
