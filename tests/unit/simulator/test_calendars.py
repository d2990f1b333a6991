"""When the exchanges are open."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.simulator.calendars import EXCHANGES, TARGET, Exchange, easter

pytestmark = pytest.mark.unit


def hours(code: str, day: str) -> str:
    """The session of `day` in UTC, such as `14:30-21:00`; `closed` when there is none."""
    session = EXCHANGES[code].session(date.fromisoformat(day))
    if session is None:
        return "closed"
    start, end = (datetime.fromtimestamp(epoch, UTC) for epoch in session)
    assert start.date().isoformat() == day or EXCHANGES[code].zone.key != "UTC"
    return f"{start:%H:%M}-{end:%H:%M}"


@pytest.mark.parametrize(
    ("code", "day", "expected"),
    [
        ("NMS", "2026-03-06", "14:30-21:00"),
        ("NMS", "2026-03-09", "13:30-20:00"),
        ("NMS", "2026-10-30", "13:30-20:00"),
        ("NMS", "2026-11-02", "14:30-21:00"),
        ("LSE", "2026-03-27", "08:00-16:30"),
        ("LSE", "2026-03-30", "07:00-15:30"),
        ("GER", "2026-03-27", "08:00-16:30"),
        ("GER", "2026-03-30", "07:00-15:30"),
        ("IST", "2026-01-05", "07:00-15:00"),
        ("IST", "2026-07-06", "07:00-15:00"),
        ("ASX", "2026-01-05", "23:00-05:00"),
        ("ASX", "2026-07-06", "00:00-06:00"),
        ("CCY", "2026-01-05", "00:00-00:00"),
        ("CCY", "2026-07-06", "23:00-23:00"),
        ("CCC", "2026-07-06", "00:00-00:00"),
    ],
)
def test_sessions_follow_local_time(code: str, day: str, expected: str) -> None:
    """Opening hours are local: in UTC they move with the clocks of the exchange's own country."""
    assert hours(code, day) == expected


@pytest.mark.parametrize(
    ("code", "day"),
    [
        ("NMS", "2026-01-03"),
        ("NMS", "2026-01-04"),
        ("NMS", "2026-01-01"),
        ("NMS", "2026-01-19"),
        ("NMS", "2026-04-03"),
        ("NMS", "2026-05-25"),
        ("NMS", "2026-07-03"),
        ("NMS", "2026-11-26"),
        ("NMS", "2027-12-24"),
        ("IST", "2026-04-23"),
        ("IST", "2026-10-29"),
        ("LSE", "2026-04-06"),
        ("LSE", "2026-08-31"),
        ("LSE", "2026-12-28"),
        ("GER", "2026-05-01"),
        ("GER", "2026-12-31"),
        ("TLV", "2026-01-02"),
        ("CCY", "2026-01-04"),
    ],
)
def test_closed_days(code: str, day: str) -> None:
    """Weekends and holidays have no session; US holidays on a weekend are kept on the weekday beside it."""
    assert hours(code, day) == "closed"


@pytest.mark.parametrize(("code", "day"), [("NMS", "2027-12-31"), ("TLV", "2026-01-04"), ("CCC", "2026-12-25")])
def test_open_on_odd_days(code: str, day: str) -> None:
    """New Year on a Saturday does not close the Friday before; Tel Aviv opens on Sundays, crypto every day."""
    assert hours(code, day) != "closed"


@pytest.mark.parametrize("day", ["2025-11-28", "2026-12-24"])
def test_half_days(day: str) -> None:
    """The US markets close at 13:00 New York time on the day after Thanksgiving and on Christmas Eve."""
    assert hours("NMS", day) == "14:30-18:00"


def test_days_of_23_and_25_hours() -> None:
    """A currency's day lasts from midnight to midnight in London, also when the clocks change on that Sunday."""
    always = Exchange(code="X", name="X", zone=EXCHANGES["CCY"].zone, weekdays=frozenset(range(7)))
    for day, length in (("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)):
        session = always.session(date.fromisoformat(day))
        assert session is not None
        assert session[1] - session[0] == length * 3600


@given(code=st.sampled_from(sorted(EXCHANGES)), epoch=st.integers(0, 4_000_000_000))
def test_sessions_are_in_order_and_apart(code: str, epoch: int) -> None:
    """Sessions are apart, multiples of a quarter of an hour, and the newest begun one is the last before now."""
    exchange = EXCHANGES[code]
    found = list(exchange.sessions(epoch, epoch + 10 * 86_400))
    assert all(before[1] <= after[0] for before, after in pairwise(found))
    assert all((end - start) % 900 == 0 and end > start for start, end in found)
    newest = exchange.last_started(epoch)
    assert newest[0] <= epoch
    assert all(start > epoch or (start, end) == newest for start, end in exchange.sessions(newest[0], epoch + 1))
    assert exchange.before(newest[0])[1] <= newest[0]


def test_easter_and_target() -> None:
    """Easter Sunday by the computus; Good Friday and Easter Monday are TARGET holidays."""
    assert [easter(year) for year in (2000, 2024, 2026)] == [date(2000, 4, 23), date(2024, 3, 31), date(2026, 4, 5)]
    assert TARGET.closed(date(2026, 4, 3))
    assert TARGET.closed(date(2026, 4, 6))
    assert not TARGET.closed(date(2026, 4, 7))
