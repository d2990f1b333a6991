"""What an answer settles once its rows were judged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflow.domain.coverage import Asked, without
from marketflow.domain.fetching import FetchRequest
from marketflow.domain.interval import Interval
from marketflow.domain.records import Reject
from marketflow.etl.coverage import account

pytestmark = pytest.mark.unit

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SPAN = (START, START + 60 * MINUTE)
NEWEST = FetchRequest(source="binance", dataset="klines_1m", symbols=("BTCUSDT",), path="/x", interval=Interval.M1)
WINDOW = NEWEST.model_copy(update={"start": SPAN[0], "end": SPAN[1]})
ASKED = Asked("BTCUSDT", Interval.M1, (SPAN,))


def reject(open_time: datetime | None, *, position: int = 3, symbol: str = "BTCUSDT") -> Reject:
    return Reject(reason="high_low", detail="", position=position, row="[]", source_symbol=symbol, open_time=open_time)


def test_an_answer_without_a_refused_row_settles_what_it_was_asked() -> None:
    """Nothing is taken away for the rows of others, or for a price beside the candles."""
    others = [reject(START, symbol="ETHUSDT"), reject(None, position=-1)]
    assert account([ASKED], others, NEWEST, clock=SPAN[1]) == (ASKED,)


def test_a_refused_row_is_taken_out_at_its_minute() -> None:
    """Also when it opens late, off the grid: it stands for the minute in which it lies."""
    late = START + 10 * MINUTE + timedelta(seconds=15)
    (asked,) = account([ASKED], [reject(late)], NEWEST, clock=SPAN[1])
    hole = (START + 10 * MINUTE, START + 11 * MINUTE)
    assert asked.refused == (hole,)
    assert asked.fetched == ((SPAN[0], hole[0]), (hole[1], SPAN[1]))


def test_a_row_that_does_not_tell_its_time_may_be_any_that_is_missing() -> None:
    """Then an empty minute is no longer one without trades."""
    assert account([ASKED], [reject(START), reject(None)], NEWEST, clock=SPAN[1]) == (
        Asked("BTCUSDT", Interval.M1, (), (SPAN,)),
    )


def test_an_answer_that_is_refused_as_a_whole_settles_its_window_as_refused() -> None:
    """Until the source's clock; without a window nobody knows how far back it went."""
    whole = [reject(None, position=-1)]
    assert account([], whole, WINDOW, clock=START + 5 * MINUTE) == (
        Asked("BTCUSDT", Interval.M1, refused=((START, START + 5 * MINUTE),)),
    )
    assert account([], whole, WINDOW, clock=START) == ()
    assert account([], whole, NEWEST, clock=SPAN[1]) == ()
    assert account([], [], WINDOW, clock=SPAN[1]) == ()


@given(st.lists(st.tuples(st.integers(0, 70), st.integers(0, 70)), max_size=6))
def test_holes_leave_the_rest(holes: list[tuple[int, int]]) -> None:
    """What is left is every minute that lies in no hole, in order."""
    left = without(
        (SPAN,), tuple((START + first * MINUTE, START + end * MINUTE) for first, end in holes if first < end)
    )
    minutes = [START + number * MINUTE for number in range(60)]
    assert [moment for moment in minutes if any(start <= moment < end for start, end in left)] == [
        moment for number, moment in enumerate(minutes) if not any(first <= number < end for first, end in holes)
    ]
    assert list(left) == sorted(left)
