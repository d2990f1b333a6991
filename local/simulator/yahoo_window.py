"""Which stretch of time and which bars a chart request asks for, and Yahoo's refusals of both."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, time

from local.simulator.assets import DAY
from local.simulator.instruments import Instrument
from local.simulator.wire import Answer, Request, json_answer

JSON_UTF8 = "application/json;charset=utf-8"
INTRADAY: dict[str, int] = {
    "1m": 60,
    "2m": 120,
    "5m": 300,
    "15m": 900,
    "30m": 1800,
    "60m": 3600,
    "90m": 5400,
    "1h": 3600,
    "4h": 14_400,
}
"""The lengths in seconds of the intervals below a day."""
LONG = ("1d", "5d", "1wk", "1mo", "3mo")
VALID_INTERVALS = "[1m, 2m, 5m, 15m, 30m, 60m, 90m, 1h, 4h, 1d, 5d, 1wk, 1mo, 3mo]"
VALID_RANGES = ["1d", "5d", "1mo", "3mo", "6mo", "1y", "2y", "5y", "10y", "ytd", "max"]
_SPAN_DAYS = {"1m": 8}
_REACH_DAYS = {"1m": 30, "1h": 730, "60m": 730, "4h": 730}
_OTHER_REACH_DAYS = 60
_LONG_HISTORY = 5 * 365 * DAY


class YahooError(Exception):
    """A refusal in the `chart` envelope: HTTP status, code and description."""

    def __init__(self, status: int, code: str, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.code = code
        self.description = description

    def answer(self, envelope: str = "chart") -> Answer:
        """The error as Yahoo sends it."""
        document = {envelope: {"result": None, "error": {"code": self.code, "description": self.description}}}
        return json_answer(self.status, document, {"content-type": JSON_UTF8})


def not_found() -> YahooError:
    """The 404 for a symbol that Yahoo does not have, or no longer."""
    return YahooError(404, "Not Found", "No data found, symbol may be delisted")


def bad_interval(interval: str) -> YahooError:
    """The 400 for an interval that does not exist."""
    text = f"Invalid input - interval={interval} is not supported. Valid intervals: {VALID_INTERVALS}"
    return YahooError(400, "Bad Request", text)


def before_listing(start: int, end: int) -> YahooError:
    """The 400 for a window that ends before the first trade."""
    return YahooError(400, "Bad Request", f"Data doesn't exist for startDate = {start}, endDate = {end}")


def too_wide(interval: str, start: int, end: int) -> YahooError:
    """The 422 for a window longer than one request may ask for."""
    text = (
        f"{interval} data not available for startTime={start} and endTime={end}. Only {_SPAN_DAYS.get(interval, 8)} "
        f"days worth of {interval} granularity data are allowed to be fetched per request."
    )
    return YahooError(422, "Unprocessable Entity", text)


def too_old(interval: str, start: int, end: int) -> YahooError:
    """The 422 for a window that begins further back than the interval is kept."""
    text = (
        f"{interval} data not available for startTime={start} and endTime={end}. The requested range must be within "
        f"the last {_REACH_DAYS.get(interval, _OTHER_REACH_DAYS)} days."
    )
    return YahooError(422, "Unprocessable Entity", text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What is asked: bars of `granularity` stamped within [start, end], epoch seconds. `range` is the word for it."""

    start: int
    end: int
    granularity: str
    range: str = ""

    @property
    def seconds(self) -> int | None:
        """The length of a bar below a day; None for a day and longer."""
        return INTRADAY.get(self.granularity)


def read_window(request: Request, instrument: Instrument) -> Window:
    """The window of a chart request. Raises YahooError for an interval, range or reach that Yahoo refuses."""
    span = request.param("range")
    first, second = request.param("period1"), request.param("period2")
    by_periods = first is not None or second is not None
    span = None if by_periods else span or "1d"
    interval = request.param("interval") or ("1m" if span == "1d" else "1d")
    if interval not in INTRADAY and interval not in LONG:
        raise bad_interval(interval)
    if span is None:
        start = _epoch("period1", first or "0")
        end = request.now if second is None else _epoch("period2", second)
        nominal = None
    else:
        start, nominal = _reach(span, instrument, request)
        end = request.now
        start = min(start, end)  # a session that has yet to open has no bars
    if start > end:
        text = f"Invalid input - start date cannot be after end date. startDate = {start}, endDate = {end}"
        raise YahooError(400, "Bad Request", text)
    if end < instrument.first_trade:
        raise before_listing(start, end)
    _check_reach(interval, start, end, days=nominal, now=request.now)
    if span == "max" and interval == "1d" and request.now - instrument.first_trade > _LONG_HISTORY:
        interval = "1mo"
    granularity = "1h" if interval == "60m" else interval
    return Window(start=max(start, instrument.first_trade), end=end, granularity=granularity, range=span or "")


def _epoch(name: str, text: str) -> int:
    if not re.fullmatch(r"-?\d{1,12}", text):
        raise YahooError(400, "Bad Request", f"Invalid input - {name}={text} is not a valid time.")
    return int(text)


def _check_reach(interval: str, start: int, end: int, *, days: int | None, now: int) -> None:
    """Refuse what is too long or too old; `days` is the length of a range, which ends now."""
    if interval in LONG:
        return
    widest = _SPAN_DAYS.get(interval)
    if widest and ((days or 0) > widest or (days is None and end - start > widest * DAY)):
        raise too_wide(interval, start, end)
    reach = _REACH_DAYS.get(interval, _OTHER_REACH_DAYS)
    if (days or 0) > reach or (days is None and start < now - reach * DAY):
        raise too_old(interval, start, end)


def _reach(span: str, instrument: Instrument, request: Request) -> tuple[int, int]:
    """The start of range `span`, and how many days it nominally has."""
    exchange = instrument.exchange
    seen = request.now - exchange.delay
    today = exchange.local_date(seen)

    def midnight(day: date) -> int:
        return exchange.epoch(day, time(0))

    if span == "max":
        return instrument.first_trade, (request.now - instrument.first_trade) // DAY
    if span == "ytd":
        return midnight(today.replace(month=1, day=1)), today.timetuple().tm_yday
    match = re.fullmatch(r"(\d{1,4})(d|mo|y)", span)
    if not match or not int(match[1]):
        valid = f"[{', '.join(VALID_RANGES)}]"
        raise YahooError(400, "Bad Request", f"Invalid input - range={span} is not supported. Valid ranges: {valid}")
    count = int(match[1])
    units: dict[str, Callable[[], tuple[int, int]]] = {
        "d": lambda: (_sessions_back(instrument, seen, count, request), count),
        "mo": lambda: (midnight(_months_back(today, count)), 30 * count),
        "y": lambda: (midnight(_months_back(today, 12 * count)), 365 * count),
    }
    return units[match[2]]()


def _sessions_back(instrument: Instrument, seen: int, count: int, request: Request) -> int:
    """The start of the last `count` sessions; from the pre-market on, today's is one of them."""
    exchange = instrument.exchange
    newest = exchange.last_started(seen)
    today = exchange.session(exchange.local_date(seen))
    if today and exchange.extended_hours(today)[0] <= seen:
        newest = today
    oldest = exchange.before(newest[0], count - 1) if count > 1 else newest
    return exchange.extended_hours(oldest)[0] if request.param("includePrePost") == "true" else oldest[0]


def _months_back(day: date, count: int) -> date:
    """The same day `count` months earlier, or the last day that month has."""
    year, month = divmod(max(12, day.year * 12 + day.month - 1 - count), 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
