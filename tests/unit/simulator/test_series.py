"""The price history of an instrument, computed from a seed."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.simulator.assets import DAY, Market
from local.simulator.bars import merge
from local.simulator.noise import salt, stream, unit, value_noise
from local.simulator.pairs import days
from local.simulator.series import ROUND_THE_CLOCK, Series, Shape

pytestmark = pytest.mark.unit

MONDAY = 1_767_571_200  # 2026-01-05
SHAPE = Shape(
    path="BTC",
    factors=(("BTC", 1),),
    tick=Fraction(1, 100),
    step=Fraction(1, 100_000),
    volume=20_000,
    trades=2_000_000,
    swing=0.016,
    idle=0.02,
)


def series(seed: int = 7) -> Series:
    """Bitcoin in dollars."""
    return Series(SHAPE, market=Market(seed, {}), spans=days, plan=ROUND_THE_CLOCK)


def test_noise_is_the_same_on_every_machine() -> None:
    """The noise of a seed is fixed to the bit: recorded runs can be replayed with any Python."""
    assert salt(7, "path", "BTC") == 0xC3521815B79D979B
    assert unit(1) == 0.5665615751722809
    assert stream(1, -60, 60, 4).hex() == "7d736fb0"
    assert value_noise(5, 100_000, ((DAY, 0.1), (7 * DAY, 0.2))) == -0.10216714713708534


@given(day=st.integers(-10_000, 30_000))
def test_days_join(day: int) -> None:
    """A day opens where the day before closed, and its price stays in the asset's band."""
    before, after = series().roots((day - 1) * DAY, (day + 1) * DAY)
    assert before.close == after.open
    assert 50_000_00 < after.low <= after.high < 120_000_00


@given(day=st.integers(0, 30_000), size=st.sampled_from(ROUND_THE_CLOCK[:-1]))
def test_all_lengths_agree(day: int, size: int) -> None:
    """The candles of any length add up to the day that they are of."""
    btc = series()
    (root,) = btc.roots(day * DAY, (day + 1) * DAY)
    assert merge(btc.inside(root, size, start=root.start, end=root.end), root.start, DAY) == root


@given(start=st.integers(0, 3 * DAY), length=st.integers(1, 3 * DAY), cut=st.integers(0, 3 * DAY))
def test_any_span_can_be_cut_anywhere(start: int, length: int, cut: int) -> None:
    """A candle over any span of seconds is the sum of its two parts, wherever it is cut."""
    btc = series()
    start += MONDAY
    whole = btc.between(start, start + length)
    cut = start + cut % length
    parts = [part for span in ((start, cut), (cut, start + length)) if (part := btc.between(*span))]
    assert whole == merge(parts, start, length)


def test_minutes_are_where_they_were_asked_for() -> None:
    """The minutes of a window are exactly those, without gaps across midnight."""
    found = series().bars(MONDAY - 600, MONDAY + 600, 60)
    assert [bar.start for bar in found] == list(range(MONDAY - 600, MONDAY + 600, 60))
    assert all(before.close == after.open for before, after in pairwise(found))


def test_a_seed_is_a_market() -> None:
    """The same seed gives the same candles, another seed others."""
    window = (MONDAY, MONDAY + 3600, 60)
    assert series(7).bars(*window) == series(7).bars(*window)
    assert series(7).bars(*window) != series(8).bars(*window)


def test_caches_are_bounded() -> None:
    """However much history is asked for, what is kept of it does not grow beyond a bound."""
    btc = series()
    for day in range(0, 400, 7):
        btc.bars(day * DAY, (day + 1) * DAY, 60)
    for cache in (btc.root, btc._split, btc._ticks):
        assert cache.cache_info().maxsize is not None
    assert btc._split.cache_info().currsize == btc._split.cache_info().maxsize
