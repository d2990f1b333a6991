"""For which open times a chart is complete, and the sessions that it tells of."""

from __future__ import annotations

from collections.abc import Iterable
from zoneinfo import ZoneInfo

from marketflow.domain.coverage import Asked, Session
from marketflow.domain.fetching import FetchRequest
from marketflow.domain.interval import Interval
from marketflow.sources import wire

_MINUTE = 60


def asked(request: FetchRequest, *, zone: ZoneInfo, first: int | None, over: int) -> tuple[Asked, ...]:
    """What a chart settles: the window that was asked for, or from where it begins (`first`), up to `over`.

    A row without prices, or none at all, is Yahoo's word for a time without a trade. Both are unix seconds; `over` is
    where the source's clock has left the last settled candle behind.
    """
    end = over - over % _MINUTE
    if request.end is not None:
        end = min(end, int(request.end.timestamp()))
    if request.start is not None:
        start = int(request.start.timestamp())
    elif first is None:
        return ()
    else:
        start = first
        if request.interval is Interval.D1:
            # The stamp is the session's open; the day's candle opens at the midnight before.
            midnight = wire.instant(first).astimezone(zone).replace(hour=0, minute=0, second=0)
            start = int(midnight.replace(tzinfo=None).replace(tzinfo=zone).timestamp())
    if start >= end or request.interval is None:
        return ()
    return (Asked(request.symbols[0], request.interval, fetched=((wire.instant(start), wire.instant(end)),)),)


def nothing_there(request: FetchRequest, clock: int) -> tuple[Asked, ...]:
    """What the answer settles that there is no data in the window: all of it that is over for a day."""
    end = None if request.end is None else min(request.end, wire.instant(clock - clock % _MINUTE - 86_400))
    if request.interval is None or request.start is None or end is None or request.start >= end:
        return ()
    return (Asked(request.symbols[0], request.interval, fetched=((request.start, end),)),)


def sessions(symbol: str, periods: Iterable[tuple[int, int]]) -> tuple[Session, ...]:
    """The regular sessions; one that ends before it begins is none."""
    return tuple(
        Session(symbol, wire.instant(start), wire.instant(end)) for start, end in sorted(set(periods)) if start < end
    )
