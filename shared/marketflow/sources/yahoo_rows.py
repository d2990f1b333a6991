"""Yahoo's rows: candles and prices in major units, and the sessions that say what has closed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from marketflow.domain.fetching import FetchRequest
from marketflow.domain.interval import Interval
from marketflow.domain.money import exact, float32_decimal, major_unit, shown, to_major
from marketflow.domain.records import Candle, ParsedPayload, Price, Reject
from marketflow.errors import MalformedPayloadError
from marketflow.sources import wire
from marketflow.sources.yahoo_chart import Chart, Object, Row, json_object
from marketflow.sources.yahoo_coverage import asked, sessions

PRICE_POSITION = -1
"""The position of the price that stands in the meta block and not in a row."""

LONGEST_DELAY = 1800
"""Seconds by which Yahoo shows an exchange late, at most: 15 or 20 minutes where it may not show it at once."""

_HALF_HOUR = 1800  # hourly candles start with the session, at half past
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


def read_rows(chart: Chart, request: FetchRequest, *, clock: int) -> ParsedPayload:
    """Candles and the latest price of `chart`, in the order of their times; bad rows as rejects.

    Raises MalformedPayloadError when the meta block does not tell the currency or, with rows, the time zone.
    """
    if not chart.stamps and chart.meta.get("regularMarketPrice") is None:
        return ParsedPayload()
    frame = _frame(chart.meta, request, clock)
    candles: dict[datetime, Candle] = {}  # of two rows for one time the later one counts
    prices, rejects = _read_price(chart.meta, frame)
    rows = list(chart.rows())
    for index, (position, row) in enumerate(rows):
        try:
            stamp = wire.epoch(row[0], latest=clock)
            if frame.interval is not Interval.D1 and _is_noise(frame, stamp, row[5], last=index == len(rows) - 1):
                continue
            candle = _candle(frame, stamp, row, position)
        except MalformedPayloadError as error:
            rejects.append(
                wire.reject(
                    error,
                    position=position,
                    row=row,
                    source_symbol=frame.symbol,
                    open_time=_open_time(frame, row[0]),
                )
            )
            continue
        if _inside(candle.open_time, request):
            candles[candle.open_time] = candle
    ordered = tuple(candles[moment] for moment in sorted(candles))
    return ParsedPayload(
        candles=ordered,
        prices=tuple(prices),
        rejects=tuple(rejects),
        asked=asked(request, zone=frame.zone, first=_first(chart, frame), over=_over(frame)),
        sessions=sessions(frame.symbol, frame.sessions),
    )


def _first(chart: Chart, frame: Frame) -> int | None:
    """When the chart begins: with the first session or day that it shows."""
    stamps = [stamp for stamp in chart.stamps if type(stamp) is int and abs(stamp) < wire.LATEST]
    if frame.interval is Interval.D1:
        return min(stamps, default=None)
    return min((start for start, _ in frame.sessions), default=min(stamps, default=None))


def _over(frame: Frame) -> int:
    """Until when everything that ended has settled; for days the beginning of the running one."""
    if frame.interval is Interval.D1:
        return int(frame.midnight(frame.day(frame.clock)).timestamp())
    return max(min(frame.clock, frame.market_time or 0), frame.clock - LONGEST_DELAY)


def _open_time(frame: Frame, stamp: object) -> datetime | None:
    """The open time of a row that was refused, when its stamp is one."""
    if type(stamp) is not int or abs(stamp) >= wire.LATEST:
        return None
    return frame.midnight(frame.day(stamp)) if frame.interval is Interval.D1 else wire.instant(stamp)


def _frame(meta: Object, request: FetchRequest, clock: int) -> Frame:
    """What all rows share. Raises MalformedPayloadError: `no_currency`, `bad_timezone`, `wrong_shape`."""
    unit = meta.get("currency")
    if not isinstance(unit, str) or not _is_unit(unit):
        # Without it pence cannot be told from pounds, and a guess would be wrong a hundredfold.
        raise MalformedPayloadError(f"The unit of the prices is {shown(unit)}.", reason="no_currency")
    currency, power = major_unit(unit)
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


def _is_noise(frame: Frame, stamp: int, volume: object, *, last: bool) -> bool:
    """Whether an intraday row is no candle: the live snapshot at the end, or outside of the regular sessions."""
    off_grid = stamp % min(_step(frame), _HALF_HOUR) != 0
    if last and (off_grid or (stamp == frame.market_time and (volume is None or volume == 0))):
        return True
    return bool(frame.sessions) and not any(start <= stamp < end for start, end in frame.sessions)


def _step(frame: Frame) -> int:
    """The length of an intraday candle in seconds."""
    length = frame.interval.fixed
    return 60 if length is None else int(length / timedelta(seconds=1))


def _candle(frame: Frame, stamp: int, row: Row, position: int) -> Candle:
    """One candle; raises MalformedPayloadError for a row that is none."""
    open_, high, low, close, volume = row[1:]
    if open_ is None or high is None or low is None:
        raise MalformedPayloadError("The row has a close but not all of open, high and low.", reason="incomplete_row")
    if frame.interval is Interval.D1:
        open_time, final = _daily(frame, stamp)
    elif stamp % min(_step(frame), _HALF_HOUR):
        raise MalformedPayloadError(f"{stamp} is not the start of a {frame.interval} candle.", reason="off_grid")
    else:
        open_time, final = wire.instant(stamp), frame.settled(stamp + _step(frame))
    return Candle(
        source_symbol=frame.symbol,
        interval=frame.interval,
        open_time=open_time,
        open=frame.price(open_),
        high=frame.price(high),
        low=frame.price(low),
        close=frame.price(close),
        volume=None if volume is None else exact(volume),
        final=final,
        currency=frame.currency,
        position=position,
    )


def _daily(frame: Frame, stamp: int) -> tuple[datetime, bool]:
    """Open time and finality of the day at `stamp`.

    The running day is final half an hour after its session, since closing auctions and delayed exchanges still change
    it; any other day at its midnight in exchange time.
    """
    day = frame.day(stamp)
    if frame.session and frame.day(frame.session[0]) == day:
        end = frame.session[1] + LONGEST_DELAY
    else:
        end = int(frame.midnight(day + timedelta(days=1)).timestamp())
    return frame.midnight(day), end <= frame.clock


def _read_price(meta: Object, frame: Frame) -> tuple[list[Price], list[Reject]]:
    """The latest price of the meta block, at the time of the last trade."""
    value = meta.get("regularMarketPrice")
    if value is None:
        return [], []
    try:
        moment = wire.instant(wire.epoch(meta.get("regularMarketTime"), latest=frame.clock))
        price = frame.price(value)
        if price <= 0:
            raise MalformedPayloadError(f"A price of {price} is none.", reason="not_positive")  # noqa: TRY301 - one row's refusal
    except MalformedPayloadError as error:
        row = {"regularMarketPrice": value, "regularMarketTime": meta.get("regularMarketTime")}
        return [], [wire.reject(error, position=PRICE_POSITION, row=row, source_symbol=frame.symbol)]
    return [Price(frame.symbol, moment, price, currency=frame.currency, position=PRICE_POSITION)], []


def _inside(moment: datetime, request: FetchRequest) -> bool:
    """Whether `moment` is in the window that was asked for; Yahoo adds the candle at its very end."""
    return (request.start is None or request.start <= moment) and (request.end is None or moment < request.end)
