"""The `meta` block of a chart: what the instrument is, what it costs now, and when its market is open."""

from __future__ import annotations

from typing import Any

from local.simulator.assets import DAY
from local.simulator.calendars import Exchange, utc
from local.simulator.instruments import Instrument
from local.simulator.yahoo_rows import View
from local.simulator.yahoo_window import VALID_RANGES, Window

_LAST_MINUTE = 60  # a day round the clock ends at 23:59 in the vendor's periods
_ABBREVIATIONS = {("Europe/Istanbul", "+03"): "TRT"}


def meta(view: View, window: Window, *, extended: bool) -> dict[str, Any]:
    """The block in the vendor's order; `gmtoffset` and `timezone` are those of the moment of the request."""
    instrument, exchange = view.instrument, view.instrument.exchange
    today = view.day(view.session)
    previous = instrument.series.root(*exchange.before(view.session[0])).close
    high, low = _year_extremes(instrument, view.session)
    price = _plain(view, today.close)
    change = view.price(today.close) - view.price(previous)
    percent = round(change / view.price(previous) * 100, 3)
    is_intraday = window.seconds is not None
    block: dict[str, Any] = {
        "currency": instrument.currency,
        "symbol": instrument.symbol,
        "exchangeName": exchange.code,
        "fullExchangeName": exchange.name,
        "instrumentType": instrument.kind,
        "firstTradeDate": instrument.first_trade,
        "regularMarketTime": view.market_time,
        "hasPrePostMarketData": exchange.extended,
        **_zone(exchange, view.now),
        "exchangeTimezoneName": str(exchange.zone),
        "regularMarketPrice": price,
        "regularMarketChangePercent": percent,
        "fulldayPrice": price,
        "fulldayChange": round(change, 4),
        "fulldayChangePercent": percent,
        "fiftyTwoWeekHigh": _plain(view, max(high, today.high)),
        "fiftyTwoWeekLow": _plain(view, min(low, today.low)),
        "regularMarketDayHigh": _plain(view, today.high),
        "regularMarketDayLow": _plain(view, today.low),
        "regularMarketVolume": today.volume if instrument.has_volume else 0,
        "longName": instrument.name,
        "shortName": instrument.name,
        "chartPreviousClose": _plain(view, _close_before(view, window)),
        **({"previousClose": _plain(view, previous), "scale": 3} if is_intraday else {}),
        "priceHint": instrument.price_hint,
        "currentTradingPeriod": _current_period(view),
    }
    if is_intraday and (periods := _trading_periods(view, window, extended=extended)):
        block["tradingPeriods"] = periods
    return {**block, "dataGranularity": window.granularity, "range": window.range, "validRanges": VALID_RANGES}


def _plain(view: View, ticks: int) -> float:
    return round(view.price(ticks), max(3, view.instrument.price_hint))


def _zone(exchange: Exchange, at: int) -> dict[str, Any]:
    local = utc(at).astimezone(exchange.zone)
    offset = local.utcoffset()
    name = local.tzname() or ""
    return {
        "gmtoffset": int(offset.total_seconds()) if offset else 0,
        "timezone": _ABBREVIATIONS.get((str(exchange.zone), name), name),
    }


def _year_extremes(instrument: Instrument, session: tuple[int, int]) -> tuple[int, int]:
    """The highest and lowest price in ticks of the 52 weeks before `session`."""

    def compute() -> tuple[int, int]:
        bars = instrument.series.roots(session[0] - 364 * DAY, session[0])
        return max(bar.high for bar in bars), min(bar.low for bar in bars)

    return instrument.once_a_session("year", session, compute)


def _close_before(view: View, window: Window) -> int:
    """The last close in ticks before the first bar of `window`."""
    exchange = view.instrument.exchange
    first = next(exchange.sessions(window.start, window.end + 8 * DAY), view.session)
    return view.instrument.series.root(*exchange.before(first[0])).close


def _period(exchange: Exchange, start: int, end: int) -> dict[str, Any]:
    zone = _zone(exchange, start)
    return {"timezone": zone["timezone"], "start": start, "end": end, "gmtoffset": zone["gmtoffset"]}


def _periods(exchange: Exchange, session: tuple[int, int]) -> dict[str, dict[str, Any]]:
    start, end = session
    if exchange.close is None:
        end -= _LAST_MINUTE
    first, last = exchange.extended_hours((start, end))
    return {
        "pre": _period(exchange, first, start),
        "regular": _period(exchange, start, end),
        "post": _period(exchange, end, last),
    }


def _current_period(view: View) -> dict[str, dict[str, Any]]:
    exchange = view.instrument.exchange
    return _periods(exchange, exchange.current(view.now))


_Lists = list[list[dict[str, Any]]]


def _trading_periods(view: View, window: Window, *, extended: bool) -> _Lists | dict[str, _Lists] | None:
    """The sessions of the window: a list per day, or an object of three such lists with extended hours."""
    exchange = view.instrument.exchange
    spans = [span for span in exchange.sessions(window.start, min(window.end, view.seen) + 1) if span[0] <= view.seen]
    days = [_periods(exchange, span) for span in spans]
    if not days:
        return None
    if extended:
        return {name: [[day[name]] for day in days] for name in ("pre", "post", "regular")}
    return [[day["regular"]] for day in days]
