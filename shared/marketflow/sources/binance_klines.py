"""Binance's klines: rows `[open time ms, open, high, low, close, volume, close time ms, quote volume, trades, …]`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from marketflow.domain.interval import Interval
from marketflow.domain.money import are_plain, plain_decimal, shown
from marketflow.domain.records import Reject
from marketflow.domain.series import Series
from marketflow.errors import MalformedPayloadError
from marketflow.sources import wire

_Columns = Sequence[tuple[Any, ...]]

_FIELDS = 12
_NOTHING: _Columns = ((),) * _FIELDS
_OPEN, _CLOSE, _TRADES = 0, 6, 8
_DECIMALS = (1, 2, 3, 4, 5, 7)
_MINUTE_MS = 60_000
_DAY_MS = 86_400_000
_LARGEST_COUNT = 2**63


def read_klines(rows: Sequence[Any], symbol: str, *, now_ms: int) -> tuple[Series, tuple[Reject, ...]]:
    """The candles of `rows` and those rows that are none, both in their order. `now_ms` is the source's clock.

    The forming candle, whose close time is still ahead of the clock, is not final. All rows are looked at together,
    column by column; one by one only when something is wrong with one of them.
    """
    positions: Sequence[int] = range(len(rows))
    rejects: list[Reject] = []
    columns = _columns(rows)
    if columns is None or not _all_sound(columns, now_ms):
        rejects = [reject for position, row in enumerate(rows) if (reject := _refused(row, symbol, now_ms, position))]
        refused = {reject.position for reject in rejects}
        positions = [position for position in positions if position not in refused]
        columns = _columns([rows[position] for position in positions]) or _NOTHING
    return Series(
        source_symbol=symbol,
        interval=Interval.M1,
        currency=None,
        open_times=[opened // 1000 for opened in columns[_OPEN]],
        opens=columns[1],
        highs=columns[2],
        lows=columns[3],
        closes=columns[4],
        volumes=columns[5],
        quote_volumes=columns[7],
        trades=columns[_TRADES],
        finals=[closed < now_ms for closed in columns[_CLOSE]],
        positions=positions,
    ), tuple(rejects)


def _columns(rows: Sequence[Any]) -> _Columns | None:
    """The fields that all of `rows` have; None when there are no rows, or one is none."""
    if set(map(type, rows)) != {list} or min(map(len, rows)) < _FIELDS:
        return None
    return list(zip(*rows, strict=False))  # a row may have more fields than another


def _all_sound(columns: _Columns, now_ms: int) -> bool:
    """Whether `_check` would find nothing wrong with any of the rows: the same rules, a column at a time."""
    opened, trades = columns[_OPEN], columns[_TRADES]
    return (
        set(map(type, opened)) == set(map(type, trades)) == {int}
        and min(opened) >= 0
        and max(opened) <= now_ms + _DAY_MS
        and not any(moment % _MINUTE_MS for moment in opened)
        and list(columns[_CLOSE]) == [moment + _MINUTE_MS - 1 for moment in opened]
        and min(trades) >= 0
        and max(trades) < _LARGEST_COUNT
        and all(are_plain(columns[field]) for field in _DECIMALS)
    )


def _refused(row: object, symbol: str, now_ms: int, position: int) -> Reject | None:
    try:
        _check(row, now_ms)
    except MalformedPayloadError as error:
        return wire.reject(error, position=position, row=row, source_symbol=symbol, open_time=_open_time(row))
    return None


def _check(row: object, now_ms: int) -> None:
    """Raise MalformedPayloadError for a row that is no candle, with the reason that comes first."""
    if type(row) is not list or len(row) < _FIELDS:
        raise MalformedPayloadError("A kline has twelve fields.", reason="wrong_shape")
    opened, closed, trades = row[_OPEN], row[_CLOSE], row[_TRADES]
    if type(opened) is not int or not 0 <= opened <= now_ms + _DAY_MS:
        raise MalformedPayloadError(f"{shown(opened)} is not an open time in milliseconds.", reason="bad_time")
    if opened % _MINUTE_MS or closed != opened + _MINUTE_MS - 1:
        raise MalformedPayloadError(f"{opened} to {shown(closed)} is not a whole minute.", reason="wrong_granularity")
    if type(trades) is not int or not 0 <= trades < _LARGEST_COUNT:
        raise MalformedPayloadError(f"{shown(trades)} is not a number of trades.", reason="not_a_number")
    for field in _DECIMALS:
        plain_decimal(row[field])


def _open_time(row: object) -> datetime | None:
    """The open time of a row that was refused, when it tells one."""
    first = row[_OPEN] if isinstance(row, list) and row else None
    if type(first) is not int or not 0 <= first <= wire.LATEST * 1000:
        return None
    return datetime.fromtimestamp(first // 1000, UTC)
