"""`settled` is never said of a page that could still change."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketflow.domain.interval import Interval
from marketflow.domain.reading import CandleQuery
from marketflow.services.market_data import CandleAnswer, MarketData
from tests.unit.api.market import NOON, FakeReader

pytestmark = pytest.mark.unit

SLOTS = 8
TIMES = [NOON + timedelta(minutes=number) for number in range(SLOTS)]
EVERYTHING = [NOON - timedelta(minutes=2), NOON - timedelta(minutes=1), *TIMES, NOON + timedelta(minutes=SLOTS)]
NEAR = st.integers(-3, 3).map(lambda halves: timedelta(seconds=30 * halves))
"""Half a minute more or less decides whether there is room for one more candle."""


def ask(times: list[datetime], query: CandleQuery) -> CandleAnswer:
    """The page of a market that has exactly these minute candles."""
    reader = FakeReader(candle_times={"A": times})
    return MarketData(reader=reader, clock=lambda: NOON, sources=[]).candles("A", query)


@st.composite
def questions(draw: st.DrawFn) -> tuple[list[datetime], CandleQuery]:
    """A run of minutes with perhaps a hole, and bounds close to its ends: where a page may or may not be closed."""
    low, high = sorted(draw(st.lists(st.integers(0, SLOTS - 1), min_size=2, max_size=2)))
    hole = draw(st.none() | st.integers(low, high))
    return (
        [TIMES[slot] for slot in range(low, high + 1) if slot != hole],
        CandleQuery(
            interval=Interval.M1,
            start=draw(st.none() | NEAR.map(lambda by: TIMES[low] + by)),
            end=draw(st.none() | NEAR.map(lambda by: TIMES[high] + by)),
            after=draw(st.none() | st.sampled_from(EVERYTHING)),
            descending=draw(st.booleans()),
            limit=draw(st.integers(1, SLOTS)),
        ),
    )


@settings(max_examples=1000)
@given(questions())
def test_a_settled_page_survives_every_arrival(question: tuple[list[datetime], CandleQuery]) -> None:
    """Whichever minutes arrive later, before, within or behind it, a settled page reads the same and links the same."""
    times, query = question
    before = ask(times, query)
    if before.settled:
        assert ask(EVERYTHING, query).page == before.page


def test_a_full_page_in_the_middle_is_settled() -> None:
    """The property above is not empty: every page of a complete day but the one at an open end is settled."""
    assert ask(TIMES, CandleQuery(interval=Interval.M1, start=NOON, limit=3)).settled
    assert ask(TIMES, CandleQuery(interval=Interval.M1, start=NOON, after=TIMES[2], limit=3)).settled
    assert not ask(TIMES, CandleQuery(interval=Interval.M1, start=NOON, after=TIMES[5], limit=3)).settled
    assert ask(TIMES, CandleQuery(interval=Interval.M1, start=NOON, end=TIMES[-1], limit=SLOTS)).settled


def test_what_is_rolled_up_is_never_settled() -> None:
    """A hole in a day or month cannot be seen from outside."""
    days = [NOON + timedelta(days=number) for number in range(4)]
    query = {"start": NOON, "end": days[-1] + timedelta(days=1)}
    for interval in (Interval.D1, Interval.MO1):
        assert not ask(days, CandleQuery(interval=interval, **query)).settled
