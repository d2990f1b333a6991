"""When the exchanges are open: sessions in local time, weekends, holidays and half days."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)
WEEKDAYS = frozenset(range(5))
EVERY_DAY = frozenset(range(7))


def utc(epoch: int) -> datetime:
    """The instant `epoch` seconds after 1970, UTC; negative ones too."""
    return _EPOCH + timedelta(seconds=epoch)


def easter(year: int) -> date:
    """Easter Sunday of `year` (the anonymous Gregorian computus)."""
    a, b, c = year % 19, year // 100, year % 100
    h = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    k = (32 + 2 * (b % 4) + 2 * (c // 4) - h - c % 4) % 7
    m = (a + 11 * h + 22 * k) // 451
    month, day = divmod(h + k - 7 * m + 114, 31)
    return date(year, month, day + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holidays:
    """The days of the year on which an exchange is closed.

    `fixed` are (month, day); one on a weekend is kept on no other day, on the weekday `nearest` to it, or on the next
    one `following` that is free. `nth` are (month, weekday, number) with -1 for the last one. `around_easter` are days
    from Easter Sunday. On `early`, (month, day), and on the day after Thanksgiving it closes at 13:00.
    """

    fixed: frozenset[tuple[int, int]] = frozenset()
    nth: frozenset[tuple[int, int, int]] = frozenset()
    around_easter: frozenset[int] = frozenset()
    early: frozenset[tuple[int, int]] = frozenset()
    moved: Literal["", "nearest", "following"] = ""

    def closed(self, day: date) -> bool:
        """Whether the exchange stays closed on `day` (weekends are not looked at)."""
        if (day.month, day.day) in self.fixed or (day - easter(day.year)).days in self.around_easter:
            return True
        if self.moved and day in self._substitutes(day.year):
            return True
        last = (day + 7 * _DAY).month != day.month
        number = (day.day + 6) // 7
        return (day.month, day.weekday(), number) in self.nth or (last and (day.month, day.weekday(), -1) in self.nth)

    def _substitutes(self, year: int) -> set[date]:
        """The weekdays on which holidays are kept that fall on a weekend."""
        fixed = {date(year, month, day) for month, day in self.fixed}
        found: set[date] = set()
        for day in sorted(fixed):
            kept = day
            if self.moved == "nearest" and day.weekday() == 5:
                kept -= _DAY
            while kept.weekday() >= 5 or (kept != day and kept in fixed | found):
                kept += _DAY
            # No exchange closes on the last day of a year for a holiday of the next one.
            found |= {kept} if kept != day and kept.year == year else set()
        return found


NONE = Holidays()
NEW_YORK = Holidays(
    fixed=frozenset({(1, 1), (6, 19), (7, 4), (12, 25)}),
    nth=frozenset({(1, 0, 3), (2, 0, 3), (5, 0, -1), (9, 0, 1), (11, 3, 4)}),
    around_easter=frozenset({-2}),
    early=frozenset({(12, 24), (7, 3)}),
    moved="nearest",
)
ISTANBUL = Holidays(fixed=frozenset({(1, 1), (4, 23), (5, 1), (5, 19), (7, 15), (8, 30), (10, 29)}))
LONDON = Holidays(
    fixed=frozenset({(1, 1), (12, 25), (12, 26)}),
    nth=frozenset({(5, 0, 1), (5, 0, -1), (8, 0, -1)}),
    around_easter=frozenset({-2, 1}),
    moved="following",
)
FRANKFURT = Holidays(
    fixed=frozenset({(1, 1), (5, 1), (12, 24), (12, 25), (12, 26), (12, 31)}), around_easter=frozenset({-2, 1})
)
TARGET = Holidays(fixed=frozenset({(1, 1), (5, 1), (12, 25), (12, 26)}), around_easter=frozenset({-2, 1}))
SYDNEY = Holidays(fixed=frozenset({(1, 1), (1, 26), (4, 25), (12, 25), (12, 26)}), around_easter=frozenset({-2, 1}))
MUMBAI = Holidays(fixed=frozenset({(1, 26), (8, 15), (10, 2), (12, 25)}), around_easter=frozenset({-2}))
JOHANNESBURG = Holidays(
    fixed=frozenset({(1, 1), (3, 21), (4, 27), (5, 1), (6, 16), (8, 9), (9, 24), (12, 16), (12, 25), (12, 26)}),
    around_easter=frozenset({-2, 1}),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Exchange:
    """One exchange: vendor codes, IANA zone, local opening hours, and `delay` seconds of its free data.

    `close` None means that a day ends at the next local midnight. `pre` and `post` are the local ends of the extended
    hours; where `extended` is false they only frame the periods in the vendor's `meta`.
    """

    code: str
    name: str
    zone: ZoneInfo
    open: time = time(0)
    close: time | None = None
    pre: time | None = None
    post: time | None = None
    extended: bool = False
    weekdays: frozenset[int] = WEEKDAYS
    holidays: Holidays = field(default=NONE)
    delay: int = 0

    def epoch(self, day: date, at: time) -> int:
        """The epoch seconds of local `at` on `day`."""
        return int(datetime.combine(day, at, tzinfo=self.zone).timestamp())

    def local_date(self, epoch: int) -> date:
        """The local calendar date at `epoch`."""
        return utc(epoch).astimezone(self.zone).date()

    def session(self, day: date) -> tuple[int, int] | None:
        """The regular session of local `day` as (open, close) in epoch seconds; None when it is closed."""
        return _session(self, day)

    def sessions(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The regular sessions that overlap [start, end), in order."""
        day, last = self.local_date(start), self.local_date(end)
        while day <= last:
            session = _session(self, day)
            if session and session[0] < end and session[1] > start:
                yield session
            day += _DAY

    def last_started(self, epoch: int) -> tuple[int, int]:
        """The newest session that began at or before `epoch`."""
        day = self.local_date(epoch)
        while (session := _session(self, day)) is None or session[0] > epoch:
            day -= _DAY
        return session

    def before(self, opening: int, count: int = 1) -> tuple[int, int]:
        """The session that lies `count` sessions before the one that opens at `opening`."""
        session = (opening, opening)
        for _ in range(count):
            session = self.last_started(session[0] - 1)
        return session

    def current(self, epoch: int) -> tuple[int, int]:
        """The session of the local date of `epoch`, or the next one when that date has none."""
        day = self.local_date(epoch)
        while (session := _session(self, day)) is None:
            day += _DAY
        return session

    def extended_hours(self, session: tuple[int, int]) -> tuple[int, int]:
        """The start of the pre-market and the end of the post-market around `session`."""
        day = self.local_date(session[0])
        start = self.epoch(day, self.pre) if self.pre else session[0]
        end = self.epoch(day, self.post) if self.post else session[1]
        return start, end


@lru_cache(maxsize=16_384)
def _session(exchange: Exchange, day: date) -> tuple[int, int] | None:
    if day.weekday() not in exchange.weekdays or exchange.holidays.closed(day):
        return None
    start = exchange.epoch(day, exchange.open)
    if exchange.close is None:
        return start, exchange.epoch(day + _DAY, time(0))
    early = (day.month, day.day) in exchange.holidays.early or _after_thanksgiving(exchange.holidays, day)
    return start, exchange.epoch(day, time(13) if early else exchange.close)


def _after_thanksgiving(holidays: Holidays, day: date) -> bool:
    return bool(holidays.early) and day.month == 11 and day.weekday() == 4 and holidays.closed(day - _DAY)


EXCHANGES: dict[str, Exchange] = {
    exchange.code: exchange
    for exchange in (
        *(
            Exchange(
                code=code,
                name=name,
                zone=ZoneInfo("America/New_York"),
                open=time(9, 30),
                close=time(16),
                pre=time(4),
                post=time(20),
                extended=True,
                holidays=NEW_YORK,
            )
            for code, name in (("NMS", "NasdaqGS"), ("NYQ", "NYSE"), ("PCX", "NYSEArca"))
        ),
        Exchange(
            code="IST",
            name="Istanbul",
            zone=ZoneInfo("Europe/Istanbul"),
            open=time(10),
            close=time(18),
            pre=time(9, 40),
            post=time(18, 10),
            holidays=ISTANBUL,
            delay=900,
        ),
        Exchange(
            code="LSE",
            name="LSE",
            zone=ZoneInfo("Europe/London"),
            open=time(8),
            close=time(16, 30),
            pre=time(7, 15),
            post=time(17, 15),
            holidays=LONDON,
            delay=900,
        ),
        Exchange(
            code="GER",
            name="XETRA",
            zone=ZoneInfo("Europe/Berlin"),
            open=time(9),
            close=time(17, 30),
            pre=time(8),
            post=time(20),
            holidays=FRANKFURT,
            delay=900,
        ),
        Exchange(
            code="TLV",
            name="Tel Aviv",
            zone=ZoneInfo("Asia/Jerusalem"),
            open=time(10),
            close=time(17, 15),
            weekdays=frozenset({0, 1, 2, 3, 6}),
            delay=900,
        ),
        Exchange(
            code="JNB",
            name="Johannesburg",
            zone=ZoneInfo("Africa/Johannesburg"),
            open=time(9),
            close=time(17),
            holidays=JOHANNESBURG,
            delay=900,
        ),
        Exchange(
            code="ASX",
            name="ASX",
            zone=ZoneInfo("Australia/Sydney"),
            open=time(10),
            close=time(16),
            pre=time(7),
            holidays=SYDNEY,
            delay=1200,
        ),
        Exchange(
            code="NSI",
            name="NSE",
            zone=ZoneInfo("Asia/Kolkata"),
            open=time(9, 15),
            close=time(15, 30),
            pre=time(9),
            holidays=MUMBAI,
        ),
        Exchange(code="CCC", name="CCC", zone=ZoneInfo("UTC"), weekdays=EVERY_DAY),
        Exchange(code="CCY", name="CCY", zone=ZoneInfo("Europe/London")),
    )
}
"""The exchanges of the known symbols, by the vendor's code."""
