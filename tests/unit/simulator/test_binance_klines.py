"""The klines of the simulated Binance: closed ones stay, the forming one grows, pages join."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.simulator.assets import Market
from local.simulator.binance_klines import INTERVALS, Grid
from local.simulator.instruments import PRICE_BASES
from local.simulator.pairs import load_pairs
from tests.unit.simulator.support import MONDAY, Row, ask, body, clock_of, klines, world

pytestmark = pytest.mark.unit

MINUTE = 60_000
DAY = 86_400_000
NOW = int(MONDAY.timestamp() * 1000)
LIVE = sorted(symbol for symbol, pair in load_pairs(Market(7, PRICE_BASES)).items() if pair.halted is None)


def total(rows: list[Row], column: int) -> Decimal:
    """The sum of a column of decimal strings."""
    return sum((Decimal(row[column]) for row in rows), Decimal())


def test_a_row_has_the_documented_form() -> None:
    """Twelve items: integer times, decimal strings with eight places, an integer count, a "0" at the end."""
    for row in klines(world(), limit=50):
        assert [type(item) for item in row] == [int, str, str, str, str, str, int, str, int, str, str, str]
        texts = (*row[1:6], row[7], *row[9:11])
        assert all(len(text.partition(".")[2]) == 8 for text in texts)
        assert row[6] == row[0] + MINUTE - 1
        assert row[11] == "0"
        opening, high, low, close, volume = map(Decimal, row[1:6])
        assert low <= min(opening, close) <= max(opening, close) <= high
        assert low * volume <= Decimal(row[7]) <= high * volume
        assert Decimal(row[9]) <= volume


@settings(deadline=None, max_examples=30)
@given(
    symbol=st.sampled_from(LIVE),
    hours=st.integers(1, 2000),
    interval=st.sampled_from(["1m", "5m", "1h", "4h", "1d", "1w", "1M"]),
)
def test_closed_candles_never_change(symbol: str, hours: int, interval: str) -> None:
    """A candle that was closed once is the same in every later answer."""
    asked = world()
    before = {row[0]: row for row in klines(asked, symbol=symbol, interval=interval, limit=30) if row[6] < NOW}
    clock_of(asked).advance(hours=hours)
    if before:
        after = klines(asked, symbol=symbol, interval=interval, limit=30, startTime=min(before))
        assert {row[0]: row for row in after if row[0] in before} == before


@settings(deadline=None, max_examples=15)
@given(symbol=st.sampled_from(LIVE), minute=st.integers(0, 10_000))
def test_the_forming_candle_grows_into_the_closed_one(symbol: str, minute: int) -> None:
    """Within its minute a candle keeps its open, widens, gathers volume, and ends as what it is from then on."""
    start = datetime(2026, 1, 5, tzinfo=UTC) + timedelta(minutes=minute)
    asked = world(start)
    seen = []
    for _ in range(60):
        (row,) = klines(asked, symbol=symbol, limit=1)
        seen.append(row)
        clock_of(asked).advance(seconds=1)
    assert {row[0] for row in seen} == {int(start.timestamp() * 1000)}
    assert {row[1] for row in seen} == {seen[0][1]}
    for before, after in pairwise(seen):
        assert Decimal(after[2]) >= Decimal(before[2])
        assert Decimal(after[3]) <= Decimal(before[3])
        assert Decimal(after[5]) >= Decimal(before[5])
        assert after[8] >= before[8]
    assert klines(asked, symbol=symbol, limit=2)[0][:9] == seen[-1][:9]


def test_the_forming_candle_is_not_closed_before_its_end() -> None:
    """In the middle of a minute the last row's close time is ahead of the server's clock."""
    asked = world()
    last = klines(asked, limit=3)[-1]
    assert last[0] <= body(asked, "/binance/api/v3/time")["serverTime"] < last[6]
    clock_of(asked).advance(minutes=1)
    assert klines(asked, limit=3)[-2][8] > last[8]


@pytest.mark.parametrize("symbol", ["BTCUSDT", "LINKUSDT", "BTCTRY"])
def test_paging_by_a_thousand_has_no_hole_and_no_duplicate(symbol: str) -> None:
    """Walking from a start with last close time + 1 gives every minute once and ends on a short page."""
    asked = world()
    start = NOW // MINUTE * MINUTE - 3456 * MINUTE
    cursor, opens, pages = start, [], []
    while rows := klines(asked, symbol=symbol, startTime=cursor, limit=1000):
        opens += [row[0] for row in rows]
        pages.append(len(rows))
        cursor = rows[-1][6] + 1
    assert opens == list(range(start, NOW, MINUTE))
    assert pages == [1000, 1000, 1000, 457]


def test_minutes_join() -> None:
    """A minute opens where the one before closed."""
    rows = klines(world(), limit=1000)
    assert all(before[4] == after[1] for before, after in pairwise(rows))


@pytest.mark.parametrize("interval", sorted(INTERVALS - {"1s", "1m", "1w", "1M", "3d"}))
def test_longer_candles_are_made_of_minutes(interval: str) -> None:
    """Every longer candle, the forming one too, has exactly the prices, volumes and trades of its minutes."""
    asked = world()
    for row in klines(asked, symbol="ETHBTC", interval=interval, limit=2):
        minutes = [
            minute
            for start in range(row[0], row[6], 1000 * MINUTE)
            for minute in klines(asked, symbol="ETHBTC", startTime=start, endTime=row[6], limit=1000)
        ]
        assert (row[1], row[4]) == (minutes[0][1], minutes[-1][4])
        assert row[2] == max(minute[2] for minute in minutes)
        assert row[3] == min(minute[3] for minute in minutes)
        assert Decimal(row[5]) == total(minutes, 5)
        assert Decimal(row[7]) == total(minutes, 7)
        assert row[8] == sum(minute[8] for minute in minutes)


def test_seconds_make_a_minute() -> None:
    """The sixty candles of 1s add up to their minute."""
    asked = world()
    minute = klines(asked, limit=2)[0]
    seconds = klines(asked, interval="1s", startTime=minute[0], endTime=minute[6])
    assert [row[0] for row in seconds] == list(range(minute[0], minute[6], 1000))
    assert total(seconds, 5) == Decimal(minute[5])


@pytest.mark.parametrize(
    ("interval", "opens"),
    [
        ("1h", ["2026-01-05T14:00", "2026-01-05T15:00"]),
        ("8h", ["2026-01-05T00:00", "2026-01-05T08:00"]),
        ("1d", ["2026-01-04T00:00", "2026-01-05T00:00"]),
        ("1w", ["2025-12-29T00:00", "2026-01-05T00:00"]),
        ("1M", ["2025-12-01T00:00", "2026-01-01T00:00"]),
    ],
)
def test_open_times_follow_the_calendar(interval: str, opens: list[str]) -> None:
    """Days open at 00:00 UTC, weeks on Mondays, months on the first; close time is the next open less 1 ms."""
    rows = klines(world(), interval=interval, limit=2)
    assert [f"{datetime.fromtimestamp(row[0] / 1000, UTC):%Y-%m-%dT%H:%M}" for row in rows] == opens
    assert rows[0][6] == rows[1][0] - 1


def test_three_day_candles_count_from_the_epoch() -> None:
    """3d candles are anchored to 1970-01-01."""
    assert klines(world(), interval="3d", limit=1)[0][0] % (3 * DAY) == 0


@pytest.mark.parametrize(("zone", "hour"), [("8", 16), ("-1:00", 1), ("05:45", 18)])
def test_time_zone_shifts_days_only(zone: str, hour: int) -> None:
    """TimeZone moves the start of a day; start and end stay UTC, and hours stay where they are."""
    asked = world()
    day = datetime.fromtimestamp(klines(asked, interval="1d", timeZone=zone, limit=1)[0][0] / 1000, UTC)
    assert day.hour == hour
    assert klines(asked, interval="1h", timeZone=zone, limit=1) == klines(asked, interval="1h", limit=1)


@pytest.mark.parametrize("interval", sorted(INTERVALS))
@given(at=st.integers(1_500_000_000, 2_000_000_000))
def test_grid_steps_are_exact(interval: str, at: int) -> None:
    """Every instant lies in exactly one candle, and next and previous are each other's inverse."""
    grid = Grid(interval)
    opening = grid.floor(at)
    assert opening <= at < grid.next(opening)
    assert grid.floor(opening) == opening
    assert grid.previous(grid.next(opening)) == opening


def test_windows() -> None:
    """Both ends are inclusive open times; start alone counts up from there, end alone down from there."""
    asked = world()
    start = NOW // MINUTE * MINUTE - 100 * MINUTE
    assert [row[0] for row in klines(asked, startTime=start, endTime=start)] == [start]
    assert [row[0] for row in klines(asked, startTime=start + 1, endTime=start + MINUTE)] == [start + MINUTE]
    assert klines(asked, startTime=start, limit=2)[0][0] == start
    assert klines(asked, endTime=start, limit=2)[-1][0] == start
    assert len(klines(asked)) == 500
    assert len(klines(asked, limit=5000)) == 1000


def test_no_candles_is_an_empty_list() -> None:
    """A window before the listing, after now or turned round is 200 with []."""
    asked = world()
    for start, end in ((0, 10**9), (NOW + MINUTE, NOW + 2 * MINUTE), (NOW, NOW - DAY)):
        assert klines(asked, startTime=start, endTime=end) == []


def test_the_first_candle_ever() -> None:
    """startTime=0 and limit=1 give the listing, also in the middle of a day."""
    asked = world()
    listed = int(datetime(2017, 8, 17, 4, tzinfo=UTC).timestamp() * 1000)
    assert klines(asked, startTime=0, limit=1)[0][0] == listed
    first = klines(asked, startTime=0, limit=1, interval="1d")[0]
    assert first[0] == listed - 4 * 3_600_000
    assert first[1] == klines(asked, startTime=0, limit=1)[0][1]


def test_a_delisted_pair_ends() -> None:
    """VENBTC answers up to its delisting and nothing afterwards, however late it is asked."""
    asked = world()
    last = klines(asked, symbol="VENBTC", limit=1)
    clock_of(asked).advance(days=100)
    assert klines(asked, symbol="VENBTC", limit=1) == last
    assert last[0][0] == 1_532_373_420_000
    assert klines(asked, symbol="VENBTC", startTime=last[0][6] + 1) == []


def test_quiet_pairs_have_minutes_without_a_trade() -> None:
    """Such a minute is there, flat at the close before it, with zero volume."""
    rows = klines(world(), symbol="BTCTRY", limit=1000)
    quiet = [(before, row) for before, row in pairwise(rows) if row[8] == 0]
    assert 20 < len(quiet) < 100
    for before, row in quiet:
        assert set(row[1:5]) == {before[4]}
        assert row[5] == row[7] == "0.00000000"


@pytest.mark.parametrize("symbol", LIVE)
def test_prices_and_sizes_are_whole_steps(symbol: str) -> None:
    """Prices are multiples of the tick size, volumes of the step size that exchangeInfo names."""
    asked = world()
    (listed,) = body(asked, "/binance/api/v3/exchangeInfo", symbol=symbol)["symbols"]
    filters = {item["filterType"]: item for item in listed["filters"]}
    tick, step = Decimal(filters["PRICE_FILTER"]["tickSize"]), Decimal(filters["LOT_SIZE"]["stepSize"])
    for row in klines(asked, symbol=symbol, limit=100):
        assert all(Decimal(price) % tick == 0 and Decimal(price) > 0 for price in row[1:5])
        assert Decimal(row[5]) % step == 0


def test_microseconds() -> None:
    """Times may be sent in microseconds, and come back in them when the header asks for it."""
    asked = world()
    start = NOW // MINUTE * MINUTE - MINUTE
    rows = klines(asked, {"x-mbx-time-unit": "MICROSECOND"}, startTime=start * 1000, limit=1)
    assert rows[0][0] == start * 1000
    assert rows[0][6] == (start + MINUTE) * 1000 - 1


@pytest.mark.parametrize("interval", ["1m", "5m", "1h", "4h", "1d"])
def test_a_thousand_klines_cost_little(interval: str) -> None:
    """A page of 1000 takes well under 50 ms of CPU; the bound here is wide because the machine may be busy."""
    asked = world()
    costs = []
    for page in range(3):
        start = NOW - (page + 1) * 1000 * MINUTE
        begun = time.process_time()
        ask(asked, "/binance/api/v3/klines", symbol="BTCUSDT", interval=interval, limit=1000, endTime=start)
        costs.append(time.process_time() - begun)
    assert min(costs) < 0.1
