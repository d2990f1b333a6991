"""The rules of candle intervals."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflow.domain.interval import Interval

pytestmark = pytest.mark.unit

NEW_YORK = ZoneInfo("America/New_York")


def midnight(year: int, month: int, day: int, zone: ZoneInfo | None = None) -> datetime:
    return datetime(year, month, day, tzinfo=zone or UTC).astimezone(UTC)


def test_a_minute_is_not_a_month() -> None:
    """Case decides: `1m` is a minute and `1M` a month, as in every vendor's spelling."""
    start = midnight(2026, 1, 1)
    assert Interval("1m").next_open(start) == start + timedelta(minutes=1)
    assert Interval("1M").next_open(start) == midnight(2026, 2, 1)


@pytest.mark.parametrize(("day", "hours"), [((2026, 3, 8), 23), ((2026, 11, 1), 25), ((2026, 7, 1), 24)])
def test_a_day_is_as_long_as_its_clock_makes_it(day: tuple[int, int, int], hours: int) -> None:
    """On the days on which New York changes its clocks a daily candle spans 23 or 25 hours."""
    start = midnight(*day, NEW_YORK)
    assert Interval.D1.next_open(start, NEW_YORK) - start == timedelta(hours=hours)


def test_months_have_their_own_lengths() -> None:
    """A monthly candle ends where the next month begins, over the turn of the year too."""
    assert Interval.MO1.next_open(midnight(2024, 2, 1)) == midnight(2024, 3, 1)
    assert Interval.MO1.next_open(midnight(2026, 12, 1, NEW_YORK), NEW_YORK) == midnight(2027, 1, 1, NEW_YORK)


@given(st.dates(date(2000, 1, 1), date(2050, 1, 1)), st.sampled_from(list(Interval)))
def test_time_goes_forward(day: date, interval: Interval) -> None:
    """Every candle ends after it opens, and opening the next one never goes back."""
    start = midnight(day.year, day.month, 1)
    end = interval.next_open(start)
    assert start < end <= start + timedelta(days=31)
