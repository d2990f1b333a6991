"""Candle intervals and the arithmetic of their open and close times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

_FIXED = {
    "1m": timedelta(minutes=1),
    "5m": timedelta(minutes=5),
    "15m": timedelta(minutes=15),
    "30m": timedelta(minutes=30),
    "1h": timedelta(hours=1),
    "4h": timedelta(hours=4),
}


class Interval(StrEnum):
    """The candle lengths that MarketFlow serves; `1m` is a minute and `1M` a calendar month."""

    M1 = "1m"
    M5 = "5m"
    M15 = "15m"
    M30 = "30m"
    H1 = "1h"
    H4 = "4h"
    D1 = "1d"
    W1 = "1w"
    MO1 = "1M"

    @property
    def stored(self) -> bool:
        """Whether sources are asked for it; the others, and the days of crypto, are rolled up from one that is."""
        return self in (Interval.M1, Interval.D1)

    @property
    def fixed(self) -> timedelta | None:
        """The length when it never varies; None for days, weeks and months, which follow a calendar."""
        return _FIXED.get(self.value)

    def next_open(self, open_time: datetime, zone: ZoneInfo | None = None) -> datetime:
        """The UTC instant at which the candle that opens at `open_time` ends and the next one may begin.

        Days, weeks and months are counted on the calendar of `zone` (UTC when None), so that a day on which
        the clocks change has 23 or 25 hours.
        """
        if (length := self.fixed) is not None:
            return open_time + length
        local = open_time.astimezone(zone or UTC)
        if self is Interval.MO1:
            following = local.replace(year=local.year + local.month // 12, month=local.month % 12 + 1)
        else:
            following = local + timedelta(days=1 if self is Interval.D1 else 7)
        # Wall-clock arithmetic keeps the old offset object; a round trip through the naive time applies the new one.
        return following.replace(tzinfo=None).replace(tzinfo=zone or UTC).astimezone(UTC)
