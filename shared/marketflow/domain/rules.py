"""What makes a row data: the rules that every stored candle, price and corporate action satisfies, whoever sent it.

A rule looks at one row and at the source's own clock and answers what is wrong, or None. `first_fault` asks a list of
them in order, so that a rule may rely on the ones before it. A rule of candles can also see at a glance, from their
columns, that all of a series are data: `candle_faults` looks at rows only where it does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import compress
from operator import ge
from typing import TypeVar

from marketflow.domain.interval import Interval
from marketflow.domain.money import comparable
from marketflow.domain.records import ActionKind, Candle, CorporateAction, Price
from marketflow.domain.series import Series

CLOCK_TOLERANCE = timedelta(seconds=60)
"""How far a source's servers may disagree about the time before a row is one from the future."""

LARGEST_POWER = 23
SMALLEST_POWER = -30
"""Powers of ten of the first and the last digit that any market's number needs; beyond them is a broken number."""

LARGEST_COUNT = 2**63 - 1

LARGEST_RATIO = 100_000
"""How many shares one may become, or become one, in a single split; beyond it the number is broken."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a row is not data: `reason` is a short stable code, `detail` says it with the row's values."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class CandleRule:
    """A rule of candles: `fault` says what is wrong with one, `holds` whether it is plain that none of a series is.

    Where `holds` gives True, `fault` gives None for each candle of the series; False only means to look closer.
    """

    fault: Callable[[Candle, datetime], Fault | None]
    holds: Callable[[Series, datetime], bool]

    def __call__(self, candle: Candle, clock: datetime) -> Fault | None:
        """What is wrong with `candle`, None when nothing is; `clock` is the source's, UTC."""
        return self.fault(candle, clock)


PriceRule = Callable[[Price, datetime], Fault | None]
ActionRule = Callable[[CorporateAction, datetime], Fault | None]
_Row = TypeVar("_Row")


def first_fault(row: _Row, clock: datetime, rules: Iterable[Callable[[_Row, datetime], Fault | None]]) -> Fault | None:
    """What the first of `rules` that is broken says; None when `row` is data. `clock` is the source's time, UTC."""
    for rule in rules:
        if (fault := rule(row, clock)) is not None:
            return fault
    return None


def _at_a_glance(
    holds: Callable[[Series, datetime], bool],
) -> Callable[[Callable[[Candle, datetime], Fault | None]], CandleRule]:
    """Makes the rule about one candle, which it decorates, into one that knows `holds` too."""
    return partial(CandleRule, holds=holds)


def candle_faults(candles: Sequence[Candle], clock: datetime, rules: Sequence[CandleRule]) -> dict[int, Fault]:
    """What is wrong with which of `candles`, by their places; empty when all are data. `clock` is the source's, UTC."""
    if isinstance(candles, Series) and candles and all(rule.holds(candles, clock) for rule in rules):
        return {}
    found = ((place, first_fault(candle, clock, rules)) for place, candle in enumerate(candles))
    return {place: fault for place, fault in found if fault is not None}


def _number_fault(name: str, value: Decimal) -> Fault | None:
    if not value.is_finite():
        return Fault("not_finite", f"{name} is {value}.")
    if value.adjusted() > LARGEST_POWER or int(value.as_tuple().exponent) < SMALLEST_POWER:
        return Fault("absurd_number", f"{name} is {value!s:.60}, beyond any market's numbers.")
    return None


def _time_fault(name: str, moment: datetime, clock: datetime) -> Fault | None:
    if moment > clock + CLOCK_TOLERANCE:
        return Fault("future", f"{name} {moment.isoformat()} is later than the source's clock, {clock.isoformat()}.")
    return None


def _plain_numbers(_: Series, __: datetime) -> bool:
    return True  # a series has nothing but plain decimals, which are no longer than that


@_at_a_glance(_plain_numbers)
def candle_numbers(candle: Candle, _: datetime) -> Fault | None:
    """Every number is finite, and of a size that markets have."""
    for name in ("open", "high", "low", "close", "volume", "quote_volume"):
        value: Decimal | None = getattr(candle, name)
        if value is not None and (fault := _number_fault(name, value)) is not None:
            return fault
    return None


def _enclosed(series: Series, _: datetime) -> bool:
    opens, highs, lows, closes = comparable((series.opens, series.highs, series.lows, series.closes))
    above = all(map(ge, highs, opens)) and all(map(ge, highs, closes))
    below = all(map(ge, opens, lows)) and all(map(ge, closes, lows))
    return min(lows) > 0 and above and below


@_at_a_glance(_enclosed)
def candle_prices(candle: Candle, _: datetime) -> Fault | None:
    """Prices are above zero; high is at least and low at most each of the four."""
    prices = (candle.open, candle.high, candle.low, candle.close)
    shown = "open {}, high {}, low {}, close {}".format(*prices)
    if min(prices) <= 0:
        return Fault("not_positive", f"A price is not above zero: {shown}.")
    if candle.high < max(prices) or candle.low > min(prices):
        return Fault("high_low", f"High and low do not enclose the others: {shown}.")
    return None


def _counted(series: Series, _: datetime) -> bool:
    volumes = (*filter(None, series.volumes), *filter(None, series.quote_volumes))
    trades = [number for number in series.trades if number is not None]
    # The text of a number begins with a digit or, if it is negative, with a minus, which sorts before all of them.
    return min(volumes, default="0") >= "0" and min(trades, default=0) >= 0 and max(trades, default=0) <= LARGEST_COUNT


@_at_a_glance(_counted)
def candle_volumes(candle: Candle, _: datetime) -> Fault | None:
    """Volumes and the number of trades are zero or more. Zero is data, and so is a volume that the source lacks."""
    for name in ("volume", "quote_volume", "trades"):
        value: Decimal | int | None = getattr(candle, name)
        if value is not None and value < 0:
            return Fault("negative_volume", f"{name} is {value}.")
    if candle.trades is not None and candle.trades > LARGEST_COUNT:
        return Fault("absurd_number", f"trades is {candle.trades!s:.60}.")
    return None


def _begun(series: Series, clock: datetime) -> bool:
    return series.span[1] <= clock + CLOCK_TOLERANCE


@_at_a_glance(_begun)
def candle_began(candle: Candle, clock: datetime) -> Fault | None:
    """The candle has begun by the source's clock."""
    return _time_fault("open_time", candle.open_time, clock)


def _gridded(series: Series, _: datetime) -> bool:
    length = series.interval.fixed
    return length is not None and _multiples(series.open_times, length)


@_at_a_glance(_gridded)
def on_utc_grid(candle: Candle, _: datetime) -> Fault | None:
    """A market that never closes has candles at whole multiples of their length, weeks from Monday, in UTC.

    Binance's hourly candles of 2018-02-09 opened at 28:15 past after an outage, and a few others did so. They are
    refused: no query by hours, no comparison with another symbol and no count of expected candles could use them. The
    quarantine keeps them, and an answer for the minutes of that day has the same trades on the grid.
    """
    moment = candle.open_time
    length = candle.interval.fixed
    if length is not None:
        fits = (moment - _EPOCH) % length == timedelta(0)
    else:
        fits = (moment - _EPOCH) % timedelta(days=1) == timedelta(0)
        if candle.interval is Interval.W1:
            fits = fits and moment.weekday() == 0
        elif candle.interval is Interval.MO1:
            fits = fits and moment.day == 1
    return None if fits else Fault("off_grid", f"No {candle.interval} candle opens at {moment.isoformat()}.")


def _multiples(seconds: Iterable[int], length: timedelta) -> bool:
    step = length // timedelta(seconds=1)
    return not any(moment % step for moment in seconds)


def _whole_minutes(series: Series, _: datetime) -> bool:
    return _multiples(series.open_times, timedelta(minutes=1))


@_at_a_glance(_whole_minutes)
def on_whole_minute(candle: Candle, _: datetime) -> Fault | None:
    """Sessions of exchanges begin at any minute, and hourly candles with them; no candle begins inside a minute."""
    if candle.open_time.second or candle.open_time.microsecond:
        return Fault("off_grid", f"No candle opens at {candle.open_time.isoformat()}.")
    return None


def _ended(series: Series, clock: datetime) -> bool:
    newest = max(compress(series.open_times, series.finals), default=0)
    return series.interval.next_open(datetime.fromtimestamp(newest, UTC)) <= clock


@_at_a_glance(_ended)
def ended_if_final(candle: Candle, clock: datetime) -> Fault | None:
    """A final candle has ended by the source's clock. For markets that never close: a session may end one early."""
    end = candle.interval.next_open(candle.open_time)
    if candle.final and end > clock:
        return Fault("early_final", f"Called final at {clock.isoformat()}, but it ends at {end.isoformat()}.")
    return None


def price_number(price: Price, _: datetime) -> Fault | None:
    """The price is finite, above zero and of a size that markets have."""
    if (fault := _number_fault("price", price.price)) is not None:
        return fault
    return None if price.price > 0 else Fault("not_positive", f"The price is {price.price}.")


def price_began(price: Price, clock: datetime) -> Fault | None:
    """The price is not of a time that the source's clock has not reached."""
    return _time_fault("as_of", price.as_of, clock)


def action_numbers(action: CorporateAction, _: datetime) -> Fault | None:
    """A dividend has an amount and its currency, a split both sides of its ratio; all are finite and above zero."""
    names = ("amount",) if action.kind is ActionKind.DIVIDEND else ("numerator", "denominator")
    for name in names:
        value: Decimal | None = getattr(action, name)
        if value is None:
            return Fault("incomplete_row", f"A {action.kind} without {name}.")
        if (fault := _number_fault(name, value)) is not None:
            return fault
        if value <= 0:
            return Fault("not_positive", f"{name} is {value}.")
    if action.kind is ActionKind.DIVIDEND and action.currency is None:
        return Fault("no_currency", f"A dividend of {action.amount} in no currency.")
    return None


def action_ratio(action: CorporateAction, _: datetime) -> Fault | None:
    """A split changes the number of shares, and by a factor that can be."""
    new, old = action.numerator, action.denominator
    if action.kind is not ActionKind.SPLIT or new is None or old is None:
        return None
    if new == old or new > old * LARGEST_RATIO or old > new * LARGEST_RATIO:
        return Fault("absurd_ratio", f"A split of {new!s:.40} to {old!s:.40} is none.")
    return None


def action_began(action: CorporateAction, clock: datetime) -> Fault | None:
    """The ex-date has come by the source's clock: an announcement may still change, and no price has it yet."""
    return _time_fault("effective", action.effective, clock)


CANDLE_RULES: Sequence[CandleRule] = (candle_numbers, candle_prices, candle_volumes, candle_began)
"""What holds for a candle of any market."""

PRICE_RULES: Sequence[PriceRule] = (price_number, price_began)
"""What holds for a price of any market."""

ACTION_RULES: Sequence[ActionRule] = (action_numbers, action_ratio, action_began)
"""What holds for a dividend or a split of any share."""
