"""Yahoo's charts: which rows are candles, on which day they fall, and when they are final."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.sources.support import ChartBody, Sample, opens, read_chart, sample

pytestmark = pytest.mark.unit

OPEN = 1772445600  # 2026-03-02 10:00 UTC, the first minute of the fixture
PERIOD: dict[str, Any] = {"timezone": "TRT", "start": 1772434800, "end": 1772463600, "gmtoffset": 10800}

LATE = {"start": 1772463600, "end": 1772470800}


@pytest.fixture
def minutes() -> Sample:
    """One-minute candles of an Istanbul share."""
    return sample("yahoo", "chart_1m")


@pytest.fixture
def days() -> Sample:
    """Daily candles of a London share."""
    return sample("yahoo", "chart_1d")


def test_float32_noise_is_gone(minutes: Sample) -> None:
    """A price has the digits that were traded, not those of a widened float32."""
    candle = minutes.source.parse(minutes.request, minutes.response()).candles[0]
    assert (candle.open, candle.high, candle.low) == (Decimal("314.1"), Decimal("314.3"), Decimal("313.9"))
    assert (candle.volume, candle.currency, candle.quote_volume, candle.trades) == (18250, "TRY", None, None)


def test_an_odd_row_in_the_middle_is_rejected(minutes: Sample) -> None:
    """Only the last row may be a snapshot; another one off the grid is not data that can be placed."""
    body = ChartBody(minutes)
    body.rows((OPEN, 314.0), (OPEN + 37, 314.0), (OPEN + 60, 314.0))
    payload = read_chart(minutes, body)
    assert [(refused.reason, refused.position) for refused in payload.rejects] == [("off_grid", 1)]
    assert opens(payload.candles) == [OPEN, OPEN + 60]


def test_a_market_that_never_closes_keeps_its_last_minute(minutes: Sample) -> None:
    """Around-the-clock markets have a period that ends at 23:59, and a candle at 23:59."""
    body = ChartBody(minutes)
    midnight = 1772409600
    body.meta["tradingPeriods"] = [[{"start": midnight, "end": midnight + 86_340}]]
    body.rows((midnight, 1.0), (midnight + 86_340, 1.0), (midnight + 86_400, 1.0))
    assert opens(read_chart(minutes, body, clock=midnight + 90_000).candles) == [midnight, midnight + 86_340]


@pytest.mark.parametrize(
    ("clock", "market_time", "final"),
    [
        (OPEN + 59, OPEN + 59, False),  # still forming
        (OPEN + 60, OPEN + 60, True),  # closed, and a later trade shows it
        (OPEN + 920, OPEN + 20, False),  # delayed by 15 minutes: still forming in what is shown
        (OPEN + 975, OPEN + 75, True),
        (OPEN + 60 + 1799, OPEN + 20, False),  # no trade since
        (OPEN + 60 + 1800, OPEN + 20, True),  # later than any delay
        (OPEN + 60 + 1800, None, True),
        (OPEN + 59, OPEN + 5000, False),  # a trade cannot be later than the clock
    ],
)
def test_a_minute_is_final_when_nothing_can_change_it(
    minutes: Sample, clock: int, market_time: int | None, final: bool
) -> None:
    """Past its close by the source's clock, and past the exchange's delay: a later trade or half an hour shows it."""
    body = ChartBody(minutes)
    body.meta["regularMarketTime"] = market_time
    body.rows((OPEN, 314.0))
    assert [candle.final for candle in read_chart(minutes, body, clock=clock).candles] == [final]


def test_an_answer_from_a_cache_is_as_old_as_it_says(minutes: Sample) -> None:
    """`Age` is taken off the clock: what was forming when it was cached is not final."""
    body = ChartBody(minutes)
    body.meta["regularMarketTime"] = OPEN + 60
    body.rows((OPEN, 314.0))
    at = "Mon, 02 Mar 2026 10:01:05 GMT"
    fresh = minutes.source.parse(minutes.request, minutes.response(body.document, date=at))
    cached = minutes.source.parse(minutes.request, minutes.response(body.document, date=at, age="8"))
    unknown = minutes.source.parse(minutes.request, minutes.response(body.document, date=at, age="9" * 400))
    assert [one.candles[0].final for one in (fresh, cached, unknown)] == [True, False, True]


def test_a_day_opens_at_the_exchanges_midnight(days: Sample) -> None:
    """A closed day, stamped with the session's open, and the running one, stamped with a trade, share one rule."""
    payload = days.source.parse(days.request, days.response())
    assert [candle.open_time for candle in payload.candles] == [datetime(2026, 3, day, tzinfo=UTC) for day in (2, 3, 5)]
    assert payload.candles[-1].position == 4  # of the two rows for one date the later one counts
    assert payload.candles[-1].volume == 9100350


@pytest.mark.parametrize(
    ("zone", "stamp", "expected"),
    [
        ("America/New_York", datetime(2026, 1, 15, 14, 30, tzinfo=UTC), datetime(2026, 1, 15, 5, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 7, 15, 13, 30, tzinfo=UTC), datetime(2026, 7, 15, 4, tzinfo=UTC)),
        ("Europe/London", datetime(2023, 3, 26, 23, tzinfo=UTC), datetime(2023, 3, 26, 23, tzinfo=UTC)),
        ("Europe/Istanbul", datetime(2026, 1, 15, 7, tzinfo=UTC), datetime(2026, 1, 14, 21, tzinfo=UTC)),
        ("Australia/Sydney", datetime(2022, 1, 13, 5, 10, 7, tzinfo=UTC), datetime(2022, 1, 12, 13, tzinfo=UTC)),
    ],
)
def test_the_date_is_the_exchanges_whatever_gmtoffset_says(
    days: Sample, zone: str, stamp: datetime, expected: datetime
) -> None:
    """The IANA zone decides, summer and winter; `gmtoffset` is that of the moment of asking."""
    body = ChartBody(days)
    body.meta |= {"exchangeTimezoneName": zone, "gmtoffset": 7 * 3600, "currentTradingPeriod": None}
    body.rows((int(stamp.timestamp()), 1.0))
    clock = int(datetime(2026, 8, 1, tzinfo=UTC).timestamp())
    assert [candle.open_time for candle in read_chart(days, body, clock=clock).candles] == [expected]


@pytest.mark.parametrize(
    ("clock", "final"),
    [
        (datetime(2026, 3, 5, 16, 29, tzinfo=UTC), False),  # the session is open
        (datetime(2026, 3, 5, 16, 59, 59, tzinfo=UTC), False),  # the closing auction or a delay may still change it
        (datetime(2026, 3, 5, 17, 0, tzinfo=UTC), True),
    ],
)
def test_the_running_day_is_final_after_its_session(days: Sample, clock: datetime, final: bool) -> None:
    """Half an hour after the end of the regular session by the source's clock."""
    candles = read_chart(days, ChartBody(days), clock=int(clock.timestamp())).candles
    assert [candle.final for candle in candles] == [True, True, final]


def test_a_day_without_known_session_is_final_at_its_midnight(days: Sample) -> None:
    """When the vendor's session is another day's, the exchange's date has to be over."""
    body = ChartBody(days)
    body.meta["currentTradingPeriod"]["regular"] |= {"start": 1772784000, "end": 1772814600}  # the next day's
    midnight = int(datetime(2026, 3, 6, tzinfo=UTC).timestamp())
    assert [read_chart(days, body, clock=midnight + late).candles[-1].final for late in (-1, 0)] == [False, True]
