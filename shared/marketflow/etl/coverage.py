"""What an answer settles once its rows were judged: where it is complete, and where it came with what is no data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from marketflow.domain.coverage import Asked, Span, without
from marketflow.domain.fetching import FetchRequest
from marketflow.domain.loading import WHOLE_PAYLOAD
from marketflow.domain.records import Reject

_ROW = timedelta(minutes=1)  # no two candles open less apart; a row's span only has to hold its open time


def account(
    asked: Sequence[Asked], rejects: Sequence[Reject], request: FetchRequest, *, clock: datetime
) -> tuple[Asked, ...]:
    """What the source said of `asked`, less the rows that were refused. `clock` is the source's.

    A refused row that tells its open time is refused there alone. One that does not may be any of those that are
    missing: then nothing counts as fetched. An answer that is refused as a whole settles nothing but its window.
    """
    if any(reject.position == WHOLE_PAYLOAD for reject in rejects) and not asked:
        return _whole_window(request, clock)
    return tuple(
        _less(one, [row for row in rejects if row.position >= 0 and row.source_symbol == one.source_symbol])
        for one in asked
    )


def _less(asked: Asked, rows: Iterable[Reject]) -> Asked:
    holes: list[Span] = []
    for row in rows:
        if row.open_time is None:
            return replace(asked, fetched=(), refused=asked.fetched)
        moment = row.open_time.replace(second=0, microsecond=0)
        holes.append((moment, moment + _ROW))
    return replace(asked, fetched=without(asked.fetched, tuple(holes)), refused=tuple(sorted(set(holes))))


def _whole_window(request: FetchRequest, clock: datetime) -> tuple[Asked, ...]:
    """A window that was asked for is refused whole; without one nobody knows how far back the answer would go."""
    if request.interval is None or request.start is None or request.end is None or request.start >= clock:
        return ()
    span = (request.start, min(request.end, clock))
    return tuple(Asked(symbol, request.interval, refused=(span,)) for symbol in request.symbols)
