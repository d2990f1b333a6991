"""Yahoo's rows: candles and prices in major units, and which of them can no longer change."""

from __future__ import annotations

from datetime import datetime, timedelta

from marketflow.domain.fetching import FetchRequest
from marketflow.domain.interval import Interval
from marketflow.domain.money import exact
from marketflow.domain.records import Candle, ParsedPayload, Price, Reject
from marketflow.errors import MalformedPayloadError
from marketflow.sources import wire
from marketflow.sources.yahoo_actions import read_actions
from marketflow.sources.yahoo_chart import Chart, Object, Row
from marketflow.sources.yahoo_coverage import asked, sessions
from marketflow.sources.yahoo_frame import LONGEST_DELAY, Frame, read_frame

PRICE_POSITION = -1
"""The position of the price that stands in the meta block and not in a row."""

_HALF_HOUR = 1800  # hourly candles start with the session, at half past


def read_rows(chart: Chart, request: FetchRequest, *, clock: int) -> ParsedPayload:
    """Candles, the latest price and corporate actions of `chart`, in the order of their times; bad rows as rejects.

    Raises MalformedPayloadError when the meta block does not tell the currency or, with rows, the time zone.
    """
    if not chart.stamps and chart.meta.get("regularMarketPrice") is None and chart.events is None:
        return ParsedPayload()
    frame = read_frame(chart.meta, request, clock)
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
    # Not cut at the window: the candles inside it are adjusted for the splits behind it.
    actions, refused = read_actions(chart.events, frame)
    return ParsedPayload(
        candles=ordered,
        prices=tuple(prices),
        rejects=(*rejects, *refused),
        actions=actions,
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
