"""The rules that make a row data."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflow.domain.interval import Interval
from marketflow.domain.records import ActionKind, Candle, CorporateAction, Price
from marketflow.domain.rules import (
    ACTION_RULES,
    CANDLE_RULES,
    CLOCK_TOLERANCE,
    LARGEST_RATIO,
    PRICE_RULES,
    first_fault,
)
from marketflow.domain.symbol import AssetType
from marketflow.etl.strategies import STRATEGIES

pytestmark = pytest.mark.unit

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)  # a Monday
GOOD = Candle(
    source_symbol="BTCUSDT",
    interval=Interval.M1,
    open_time=NOON - timedelta(minutes=1),
    open=Decimal("100.5"),
    high=Decimal(102),
    low=Decimal("99.99"),
    close=Decimal(101),
    volume=Decimal(0),
    final=True,
)

numbers = st.decimals("0.000001", "1e9", allow_nan=False, allow_infinity=False, places=6)


def reason(candle: Candle, asset_type: AssetType = AssetType.CRYPTO, clock: datetime = NOON) -> str | None:
    """The reason for which `candle` is refused; None when it is data."""
    fault = first_fault(candle, clock, STRATEGIES[asset_type].candle_rules)
    return fault.reason if fault else None


def price_reason(price: Price) -> str | None:
    """The reason for which `price` is refused at noon; None when it is data."""
    fault = first_fault(price, NOON, PRICE_RULES)
    return fault.reason if fault else None


@given(numbers, numbers, numbers, numbers)
def test_high_and_low_enclose_open_and_close(a: Decimal, b: Decimal, c: Decimal, d: Decimal) -> None:
    """Four positive prices are a candle exactly when high is their maximum and low their minimum."""
    candle = replace(GOOD, open=a, high=b, low=c, close=d)
    expected = None if b == max(a, b, c, d) and c == min(a, b, c, d) else "high_low"
    assert reason(candle) == expected


@given(
    st.sampled_from(["open", "high", "low", "close", "volume", "quote_volume"]),
    st.sampled_from(["NaN", "sNaN", "Infinity", "-Infinity"]),
)
def test_no_number_is_infinite_or_undefined(name: str, text: str) -> None:
    """NaN and infinity are refused wherever they stand, before anything compares them."""
    assert reason(replace(GOOD, **{name: Decimal(text)})) == "not_finite"


@pytest.mark.parametrize("text", ["1E+24", "1E+999999", "1E-31", "0.0000000000000000000000000000001"])
def test_no_number_is_beyond_markets(text: str) -> None:
    """A number of more than 24 digits before or 30 after the point is broken, and never reaches the database."""
    assert reason(replace(GOOD, volume=Decimal(text))) == "absurd_number"
    assert price_reason(Price("X", NOON, Decimal(text))) == "absurd_number"


@pytest.mark.parametrize("text", ["0", "-0.01"])
def test_prices_are_above_zero(text: str) -> None:
    """Zero is no price: vendors send it for what they do not know."""
    assert reason(replace(GOOD, low=Decimal(text))) == "not_positive"
    assert price_reason(Price("X", NOON, Decimal(text))) == "not_positive"


def test_zero_and_missing_volume_are_data() -> None:
    """No trade in a minute is a fact, and so is a source that gives no volume; a negative one is neither."""
    assert reason(replace(GOOD, volume=None, quote_volume=Decimal(0), trades=0)) is None
    for name, value in {"volume": Decimal(-1), "quote_volume": Decimal("-0.1"), "trades": -1}.items():
        assert reason(replace(GOOD, **{name: value})) == "negative_volume"
    assert reason(replace(GOOD, trades=2**63)) == "absurd_number"


@given(st.timedeltas(timedelta(minutes=-10), timedelta(minutes=10)))
def test_nothing_is_of_the_future(ahead: timedelta) -> None:
    """A row is from the future when the source's clock has not reached it, with a minute's leave for skewed servers."""
    expected = "future" if ahead > CLOCK_TOLERANCE else None
    assert price_reason(Price("X", NOON + ahead, Decimal(1))) == expected
    candle = replace(GOOD, open_time=NOON + ahead, final=False)
    fault = first_fault(candle, NOON, CANDLE_RULES)
    assert (fault.reason if fault else None) == expected


@pytest.mark.parametrize(
    ("interval", "open_time"),
    [
        (Interval.M1, NOON),
        (Interval.M5, NOON.replace(minute=5)),
        (Interval.H4, NOON),
        (Interval.D1, NOON.replace(hour=0)),
        (Interval.W1, NOON.replace(hour=0)),
        (Interval.MO1, datetime(2026, 3, 1, tzinfo=UTC)),
    ],
)
def test_crypto_candles_stand_on_the_utc_grid(interval: Interval, open_time: datetime) -> None:
    """Each interval has its grid in UTC: multiples of its length, Mondays, first days of a month; nothing beside it."""
    clock = datetime(2026, 6, 1, tzinfo=UTC)
    assert reason(replace(GOOD, interval=interval, open_time=open_time), clock=clock) is None
    for shift in (timedelta(seconds=1), timedelta(microseconds=1)):
        assert reason(replace(GOOD, interval=interval, open_time=open_time + shift), clock=clock) == "off_grid"
    if interval.fixed is None or interval.fixed > timedelta(minutes=1):
        later = open_time + timedelta(minutes=1)
        assert reason(replace(GOOD, interval=interval, open_time=later), clock=clock) == "off_grid"
    if interval in {Interval.W1, Interval.MO1}:
        later = open_time + timedelta(days=1)
        assert reason(replace(GOOD, interval=interval, open_time=later), clock=clock) == "off_grid"


def test_the_odd_hours_of_2018_are_off_the_grid() -> None:
    """Binance's hourly candles that opened at 28:15 past, after its outage of 2018-02-08, are refused by name."""
    odd = replace(GOOD, interval=Interval.H1, open_time=datetime(2018, 2, 9, 9, 28, 15, tzinfo=UTC))
    assert reason(odd) == "off_grid"


def test_sessions_open_at_any_minute() -> None:
    """A stock exchange's hourly candles start with its session, so only seconds put one off its grid."""
    start = replace(GOOD, interval=Interval.H1, open_time=datetime(2026, 3, 2, 9, 30, tzinfo=UTC))
    assert reason(start, AssetType.STOCK) is None
    assert reason(replace(start, open_time=start.open_time.replace(second=7)), AssetType.STOCK) == "off_grid"
    assert reason(replace(start, open_time=start.open_time.replace(second=7)), AssetType.FOREX) == "off_grid"


@given(st.timedeltas(timedelta(0), timedelta(minutes=3)))
def test_final_means_that_the_sources_clock_is_past_the_end(age: timedelta) -> None:
    """In a market that never closes, a candle called final before its end is refused; a forming one never is."""
    clock = GOOD.open_time + age
    assert reason(GOOD, clock=clock) == (None if age >= timedelta(minutes=1) else "early_final")
    assert reason(replace(GOOD, final=False), clock=clock) is None


def test_a_session_may_end_a_candle_early() -> None:
    """The last hourly candle of a session is shorter than an hour, so its being final is the source's to say."""
    assert reason(replace(GOOD, interval=Interval.H1), AssetType.STOCK) is None


def action_reason(action: CorporateAction) -> str | None:
    """The reason for which `action` is refused at noon; None when it is data."""
    fault = first_fault(action, NOON, ACTION_RULES)
    return fault.reason if fault else None


def split(numerator: Decimal | None, denominator: Decimal | None) -> CorporateAction:
    """A split at noon."""
    return CorporateAction("X", ActionKind.SPLIT, NOON, numerator=numerator, denominator=denominator)


def dividend(amount: Decimal | None, currency: str | None = "USD", effective: datetime = NOON) -> CorporateAction:
    """A dividend."""
    return CorporateAction("X", ActionKind.DIVIDEND, effective, amount=amount, currency=currency)


@given(st.integers(1, 10**9), st.integers(1, 10**9))
def test_a_split_changes_the_number_of_shares_within_reason(numerator: int, denominator: int) -> None:
    """Any ratio but one to one, up to a hundred thousand shares for one and one for a hundred thousand."""
    ratio = Fraction(numerator, denominator)
    expected = None if ratio != 1 and Fraction(1, LARGEST_RATIO) <= ratio <= LARGEST_RATIO else "absurd_ratio"
    assert action_reason(split(Decimal(numerator), Decimal(denominator))) == expected


@pytest.mark.parametrize(("text", "reason"), [("0", "not_positive"), ("-4", "not_positive"), ("NaN", "not_finite"),
                                              ("Infinity", "not_finite"), ("1E+24", "absurd_number")])  # fmt: skip
def test_every_number_of_an_action_is_one(text: str, reason: str) -> None:
    """An amount and both sides of a ratio are finite, above zero and of a size that markets have."""
    broken = Decimal(text)
    for action in (dividend(broken), split(broken, Decimal(1)), split(Decimal(4), broken)):
        assert action_reason(action) == reason


def test_an_action_is_whole() -> None:
    """A dividend without amount or currency, or a split without one of its sides, is none."""
    assert action_reason(dividend(Decimal("0.205"))) is None
    assert action_reason(dividend(None)) == "incomplete_row"
    assert action_reason(dividend(Decimal(1), None)) == "no_currency"
    assert action_reason(split(Decimal(4), None)) == action_reason(split(None, Decimal(4))) == "incomplete_row"


def test_an_announcement_is_not_stored() -> None:
    """Until its date has come an action may change, and no price is adjusted for it."""
    assert action_reason(dividend(Decimal(1), effective=NOON + timedelta(hours=1))) == "future"


def test_every_asset_type_has_a_strategy() -> None:
    """A new asset type does not pass by the ETL unnoticed."""
    assert set(STRATEGIES) == set(AssetType)
