"""Candles that split into smaller ones without a remainder."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.simulator.bars import Bar, merge, split

pytestmark = pytest.mark.unit

KEYS = st.integers(0, 2**64 - 1)


@st.composite
def bars(draw: st.DrawFn) -> Bar:
    """Any candle that can be: also flat ones, tiny ones, and ones without trades."""
    low = draw(st.integers(1, 10**9))
    high = low + draw(st.integers(0, 10**7))
    opening, close = draw(st.integers(low, high)), draw(st.integers(low, high))
    start = draw(st.integers(-(10**9), 2 * 10**9)) * 300
    trades = draw(st.integers(0, 10**6))
    if trades == 0:
        return Bar(start, 300, opening, opening, opening, opening, 0, 0, 0)
    volume = draw(st.integers(1, 10**12))
    quote = draw(st.integers(low * volume, high * volume))
    return Bar(start, 300, opening, high, low, close, volume, quote, trades)


@given(bar=bars(), key=KEYS, step=st.sampled_from((1, 60, 150)), idle=st.sampled_from((0.0, 0.3, 1.0)))
def test_children_add_up_to_their_parent(bar: Bar, key: int, step: int, idle: float) -> None:
    """Merging the children of a candle gives the candle back, to the last tick, lot and trade."""
    assert merge(split(bar, step=step, key=key, idle=idle), bar.start, bar.length) == bar


@given(bar=bars(), key=KEYS, idle=st.sampled_from((0.0, 0.3, 1.0)))
def test_every_child_is_a_candle(bar: Bar, key: int, idle: float) -> None:
    """Children follow each other without a gap, their prices and average price lie between low and high."""
    children = split(bar, step=60, key=key, idle=idle)
    assert [child.start for child in children] == list(range(bar.start, bar.end, 60))
    close = bar.open
    for child in children:
        assert child.open == close
        assert bar.low <= child.low <= min(child.open, child.close)
        assert max(child.open, child.close) <= child.high <= bar.high
        assert child.low * child.volume <= child.quote <= child.high * child.volume
        assert (child.volume == 0) == (child.trades == 0)
        close = child.close


@given(bar=bars(), key=KEYS)
def test_a_child_without_trades_is_flat(bar: Bar, key: int) -> None:
    """A candle in which nothing traded stands at the close before it."""
    for child in split(bar, step=60, key=key, idle=0.5):
        if child.trades == 0:
            assert child.open == child.high == child.low == child.close
            assert child.quote == 0


def test_idle_share_is_kept() -> None:
    """About the asked share of children stays without a trade."""
    bar = Bar(0, 60_000, 5000, 9000, 1000, 4000, 10**9, 5 * 10**12, 10**6)
    empty = sum(child.trades == 0 for child in split(bar, step=60, key=1, idle=0.25))
    assert 200 < empty < 300
