"""The euro reference rates of the simulated ECB: currencies, publication days, and the rate of each."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from local.simulator.assets import Market
from local.simulator.calendars import TARGET

FRANKFURT = ZoneInfo("Europe/Berlin")
FIRST_DAY = date(1999, 1, 4)
CONCERTATION = time(14, 15)
PUBLICATION = time(16)
_DAY = timedelta(days=1)
_FOREVER = date(9999, 12, 31)

_ALWAYS = (
    "USD",
    "JPY",
    "CZK",
    "DKK",
    "GBP",
    "HUF",
    "PLN",
    "SEK",
    "CHF",
    "ISK",
    "NOK",
    "AUD",
    "CAD",
    "HKD",
    "KRW",
    "NZD",
    "SGD",
    "ZAR",
)
_LIVES: dict[str, tuple[date, date]] = dict.fromkeys(_ALWAYS, (FIRST_DAY, _FOREVER)) | {
    "BGN": (date(2000, 7, 19), date(2025, 12, 31)),
    "HRK": (date(2000, 12, 1), date(2022, 12, 30)),
    "RUB": (date(2005, 4, 1), date(2022, 3, 1)),
    "INR": (date(2000, 1, 13), _FOREVER),
    "CNY": (date(2000, 1, 13), _FOREVER),
    "BRL": (date(2000, 1, 13), _FOREVER),
    "IDR": (date(2000, 1, 13), _FOREVER),
    "ILS": (date(2000, 1, 13), _FOREVER),
    "MXN": (date(2000, 1, 13), _FOREVER),
    "MYR": (date(2000, 1, 13), _FOREVER),
    "PHP": (date(2000, 1, 13), _FOREVER),
    "THB": (date(2000, 1, 13), _FOREVER),
    "TRY": (date(2005, 1, 3), _FOREVER),
    "RON": (date(2005, 7, 1), _FOREVER),
}
CODES = tuple(_LIVES)
"""Every currency that ever had a reference rate here, in the order of the ECB's files."""


def quoted(code: str, day: date) -> bool:
    """Whether the ECB gives a rate of `code` on `day`."""
    first, last = _LIVES.get(code, (_FOREVER, FIRST_DAY))
    return first <= day <= last


def published(day: date) -> bool:
    """Whether `day` is one on which rates appear: no weekend, no TARGET holiday."""
    return day >= FIRST_DAY and day.weekday() < 5 and not TARGET.closed(day)


def on_or_before(day: date) -> date:
    """The newest publication day up to `day`."""
    while not published(day):
        day -= _DAY
    return day


def newest(now: datetime) -> date:
    """The publication day whose rates are the newest at `now`; they appear at 16:00 in Frankfurt."""
    local = now.astimezone(FRANKFURT)
    return on_or_before(local.date() if local.time() >= PUBLICATION else local.date() - _DAY)


def decimals(code: str, value: float) -> int:
    """How many decimals the ECB gives a rate of this size."""
    if value < 1:
        return 5
    return 2 if value >= 100 and code != "INR" else 4


def rate(market: Market, code: str, day: date) -> float:
    """How much of `code` one euro buys at the concertation of `day`, in the ECB's precision."""
    at = int(datetime.combine(day, CONCERTATION, tzinfo=FRANKFURT).timestamp())
    value = market.value(code, at) / market.value("EUR", at)
    return round(value, decimals(code, value))
