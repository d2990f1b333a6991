"""What everything in a chart of Yahoo's shares: the unit of its prices, the exchange's calendar, the source's clock."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from marketflow.domain.fetching import FetchRequest
from marketflow.domain.interval import Interval
from marketflow.domain.money import float32_decimal, major_unit, shown, to_major
from marketflow.errors import MalformedPayloadError
from marketflow.sources import wire
from marketflow.sources.yahoo_chart import Object, json_object

LONGEST_DELAY = 1800
"""Seconds by which Yahoo shows an exchange late, at most: 15 or 20 minutes where it may not show it at once."""

_FULL_DAY = 86_340  # a market that never closes has sessions from 00:00 to 23:59, and a candle at 23:59
_is_unit = re.compile(r"[A-Za-z]{2,8}").fullmatch


@dataclass(frozen=True, slots=True)
class Frame:
    """What all rows of a chart share. Times are unix seconds; `clock` is the source's, `market_time` the last trade."""

    symbol: str
    interval: Interval
    currency: str
    power: int
    zone: ZoneInfo
    clock: int
    market_time: int | None
    sessions: tuple[tuple[int, int], ...]
    session: tuple[int, int] | None

    def settled(self, end: int) -> bool:
        """Whether what ended at `end` can no longer change.

        The clock alone does not tell, because delayed exchanges show at 12:20 a candle of 12:05 that is still forming:
        a trade at or after `end` tells, or the longest delay gone by.
        """
        traded = self.market_time is not None and end <= self.market_time
        return end <= self.clock and (traded or end + LONGEST_DELAY <= self.clock)

    def midnight(self, day: date) -> datetime:
        """00:00 of `day` in exchange time, as UTC."""
        return datetime(day.year, day.month, day.day, tzinfo=self.zone).astimezone(UTC)

    def day(self, stamp: int) -> date:
        """The exchange's date at `stamp`."""
        return wire.instant(stamp).astimezone(self.zone).date()

    def price(self, value: object) -> Decimal:
        """A price of the document in the major unit, without the noise of a widened float32."""
        return to_major(float32_decimal(value), self.power)


def read_frame(meta: Object, request: FetchRequest, clock: int) -> Frame:
    """What all rows share. Raises MalformedPayloadError: `no_currency`, `bad_timezone`, `wrong_shape`."""
    unit = meta.get("currency")
    currency, power = read_unit(unit)
    market_time = meta.get("regularMarketTime")
    current = meta.get("currentTradingPeriod")
    regular = current.get("regular") if isinstance(current, dict) else None
    return Frame(
        symbol=request.symbols[0],
        interval=request.interval or Interval.M1,
        currency=currency,
        power=power,
        zone=_zone(meta.get("exchangeTimezoneName")),
        clock=clock,
        market_time=market_time if type(market_time) is int else None,
        sessions=_sessions(meta.get("tradingPeriods")),
        session=None if regular is None else _period(regular),
    )


def read_unit(unit: object) -> tuple[str, int]:
    """The major currency of what the document calls `unit`, and the power of ten between the two.

    Raises MalformedPayloadError (`no_currency`): without it pence cannot be told from pounds, and a guess would be
    wrong a hundredfold.
    """
    if not isinstance(unit, str) or not _is_unit(unit):
        raise MalformedPayloadError(f"The unit of the prices is {shown(unit)}.", reason="no_currency")
    return major_unit(unit)


def _zone(name: object) -> ZoneInfo:
    """The exchange's time zone. `gmtoffset` is that of the moment of asking, and wrong half of the year."""
    try:
        if isinstance(name, str):
            return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # what zoneinfo raises for unknown names, odd ones, and folders
        pass
    raise MalformedPayloadError(f"{shown(name)} is not a time zone.", reason="bad_timezone")


def _sessions(periods: object) -> tuple[tuple[int, int], ...]:
    """The regular sessions in `tradingPeriods`: a list per day, or an object of such lists with pre and post market."""
    if isinstance(periods, dict):
        periods = periods.get("regular")
    if periods is None:
        return ()
    if not isinstance(periods, list) or not all(isinstance(day, list) for day in periods):
        raise MalformedPayloadError("tradingPeriods is not a list of days.", reason="wrong_shape")
    return tuple(_period(period) for day in periods for period in day)


def _period(period: object) -> tuple[int, int]:
    """Start and end of one session, unix seconds, half-open."""
    bounds = json_object(period, "a trading period")
    start, end = (wire.epoch(bounds.get(name), latest=wire.LATEST) for name in ("start", "end"))
    return start, end + 60 if end - start == _FULL_DAY else end
