"""`settled` is never said of a page that could still change."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflow.domain.interval import Interval
from marketflow.domain.reading import CandleQuery
from marketflow.services.market_data import CandleAnswer, MarketData
from tests.unit.api.market import NOON, FakeReader

pytestmark = pytest.mark.unit

SLOTS = 10
TIMES = [NOON + timedelta(minutes=number) for number in range(SLOTS)]
BOUNDS = [NOON + timedelta(seconds=30 * number) for number in range(-2, 2 * SLOTS + 2)]


def ask(times: list[datetime], query: CandleQuery) -> CandleAnswer:
    """The page of a market that has exactly these minute candles."""
    reader = FakeReader(candle_times={"A": times})
    return MarketData(reader=reader, clock=lambda: NOON, freshness_seconds={}).candles("A", query)


@given(
    present=st.sets(st.integers(0, SLOTS - 1)),
    start=st.none() | st.sampled_from(BOUNDS),
    end=st.none() | st.sampled_from(BOUNDS),
    after=st.none() | st.sampled_from(TIMES),
    descending=st.booleans(),
    limit=st.integers(1, SLOTS),
)
def test_a_settled_page_survives_every_arrival(
    present: set[int],
    start: datetime | None,
    end: datetime | None,
    after: datetime | None,
    descending: bool,
    limit: int,
) -> None:
    """Whichever minutes arrive later, before, within or behind it, a settled page reads the same and links the same."""
    query = CandleQuery(interval=Interval.M1, start=start, end=end, after=after, descending=descending, limit=limit)
    before = ask([TIMES[slot] for slot in present], query)
    if before.settled:
        around = [NOON - timedelta(minutes=5), *TIMES, NOON + timedelta(minutes=SLOTS)]
        assert ask(around, query).page == before.page


def test_a_full_page_in_the_middle_is_settled() -> None:
    """The property above is not empty: every page of a complete day but the one at an open end is settled."""
    query = CandleQuery(interval=Interval.M1, start=NOON, limit=4)
    assert ask(TIMES, query).settled
    assert ask(TIMES, CandleQuery(interval=Interval.M1, start=NOON, after=TIMES[3], limit=4)).settled
    assert not ask(TIMES, CandleQuery(interval=Interval.M1, start=NOON, after=TIMES[7], limit=4)).settled
    assert ask(TIMES, CandleQuery(interval=Interval.M1, start=NOON, end=TIMES[-1], limit=SLOTS)).settled


def test_days_of_crypto_are_utc_days_and_months_are_never_settled() -> None:
    """Where the length of a candle is not the same for all, nothing is promised."""
    days = [NOON + timedelta(days=number) for number in range(4)]
    query = {"start": NOON, "end": days[-1] + timedelta(days=1)}
    assert ask(days, CandleQuery(interval=Interval.D1, **query)).settled
    assert not ask(days, CandleQuery(interval=Interval.MO1, **query)).settled
