"""The statement that judges what was loaded: run behind the load, in its transaction, with the symbols locked.

The rule is `marketflow.domain.moves.verdicts`, the functions are those of migration 0008. They look at what was loaded
and the neighbours on both sides, and walk along the rows only where two of them are far from each other, one is held,
or a split lies between them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from marketflow.domain.interval import Interval
from marketflow.domain.moves import LOOK_BACKS, PRICE_LOOK_BACK, Move
from marketflow.domain.records import ActionKind, ParsedPayload
from marketflow.domain.series import Series
from marketflow.domain.symbol import AssetType

Statement = tuple[str, Mapping[str, object]]
_Key = TypeVar("_Key")

_JUDGE = "SELECT * FROM {}(:source, CAST(:spans AS json), CAST(:bounds AS json), CAST(:raw_id AS bigint))"
CANDLES, PRICES = _JUDGE.format("judge_candles"), _JUDGE.format("judge_prices")

ROLL_UP = "SELECT roll_up(:source, CAST(:spans AS json), CAST(:raw_id AS bigint))"

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
"""What PostgreSQL has no text for: no symbol is spelled with it."""


def judgements(
    series: Sequence[Series], payload: ParsedPayload, *, source: str, raw_id: int, bounds: Mapping[AssetType, Decimal]
) -> list[Statement]:
    """The statements that judge `series` and the other rows of their `payload`, whose symbols are those of `source`.

    Each gives a row for `move` of everything that is held since this answer was loaded, and of what of it is held.
    """
    params = {
        "source": source,
        "raw_id": raw_id,
        "bounds": json.dumps({kind.value: str(bound) for kind, bound in bounds.items()}),
    }
    splits = _split_names(payload)
    of_tables = (
        (CANDLES, [*_candle_spans(series), *(_whole(name, interval) for name in splits for interval in LOOK_BACKS)]),
        (PRICES, [*_price_spans(payload), *(_whole(name) for name in splits)]),
    )
    return [(sql, {**params, "spans": json.dumps(spans)}) for sql, spans in of_tables if spans]


def roll_ups(judged: Sequence[Statement], *, whole: bool = False) -> list[Statement]:
    """The statement that rolls up what this answer changed among the candles that were `judged`.

    A correction also brings back what other answers said: then all of their spans as a `whole`.
    """
    return [
        (ROLL_UP, {**params, "raw_id": None if whole else params["raw_id"]}) for sql, params in judged if sql == CANDLES
    ]


def move(row: Sequence[Any]) -> Move:
    """What a row of the statement says."""
    symbol, interval, moment, price, reference, raw_key = row
    return Move(
        symbol=symbol,
        interval=None if interval is None else Interval(interval),
        moment=moment,
        price=price,
        reference=reference,
        raw_key=raw_key,
    )


def _candle_spans(series: Iterable[Series]) -> Iterable[dict[str, str]]:
    ends = _ends(((one.source_symbol, one.interval), moment) for one in series for moment in one.span)
    for (name, interval), (first, until) in ends.items():
        if interval in LOOK_BACKS and not _UNSTORABLE.search(name):
            moments = {"first": first.isoformat(), "until": until.isoformat()}
            yield {"source_symbol": name, "interval": interval.value, **moments, **_look_back(LOOK_BACKS[interval])}


def _price_spans(payload: ParsedPayload) -> Iterable[dict[str, str]]:
    for name, (first, until) in _ends((one.source_symbol, one.as_of) for one in payload.prices).items():
        if not _UNSTORABLE.search(name):
            moments = {"first": first.isoformat(), "until": until.isoformat()}
            yield {"source_symbol": name, **moments, **_look_back(PRICE_LOOK_BACK)}


def _split_names(payload: ParsedPayload) -> list[str]:
    names = {one.source_symbol for one in payload.actions if one.kind is ActionKind.SPLIT}
    return sorted(name for name in names if not _UNSTORABLE.search(name))


def _whole(name: str, interval: Interval | None = None) -> dict[str, str]:
    """All that is stored of a symbol, if this answer was the first to tell one of its splits."""
    span = {"source_symbol": name, "first": "-infinity", "until": "infinity", "by_split": "true"}
    if interval is None:
        return {**span, **_look_back(PRICE_LOOK_BACK)}
    return {**span, "interval": interval.value, **_look_back(LOOK_BACKS[interval])}


def _ends(moments: Iterable[tuple[_Key, datetime]]) -> dict[_Key, tuple[datetime, datetime]]:
    """The first and the last time of each key."""
    ends: dict[_Key, tuple[datetime, datetime]] = {}
    for key, moment in moments:
        if (known := ends.get(key)) is None:
            ends[key] = (moment, moment)
        elif not known[0] <= moment <= known[1]:
            ends[key] = (min(known[0], moment), max(known[1], moment))
    return ends


def _look_back(span: timedelta) -> dict[str, str]:
    return {"look_back": f"{span.total_seconds():.0f} seconds"}
