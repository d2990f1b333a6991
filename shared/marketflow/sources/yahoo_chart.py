"""The envelope of Yahoo's chart answer: whether it is the chart that was asked for, and its parallel arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from marketflow.domain.fetching import FetchRequest
from marketflow.domain.money import shown
from marketflow.errors import MalformedPayloadError, SymbolUnavailableError

_GRANULARITIES = {"60m": "1h"}  # two names for one interval
_COLUMNS = ("open", "high", "low", "close", "volume")

Object = dict[str, object]
Row = tuple[object, object, object, object, object, object]


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart that is what was asked for: `columns` are as long as `stamps`, in the order open to volume.

    `events` is what stands in the place of dividends and splits, as it came.
    """

    meta: Object
    stamps: list[object]
    columns: tuple[list[object], ...]
    events: object = None

    def rows(self) -> Iterator[tuple[int, Row]]:
        """Position and `(stamp, open, high, low, close, volume)` of every row that has a close.

        A row without one is not data: a lunch break, a minute without a trade, a day that is still to be settled.
        """
        for position, row in enumerate(zip(self.stamps, *self.columns, strict=True)):
            if row[4] is not None:
                yield position, row


def read_chart(document: object, request: FetchRequest) -> Chart | None:
    """The chart in the document of an answer with status 200; None when the document holds none.

    Raises MalformedPayloadError (`wrong_shape`, `wrong_symbol`, `wrong_granularity`, `length_mismatch`), or
    SymbolUnavailableError for `{"chart": null}`, which Yahoo says of tickers that it does not know.
    """
    if not isinstance(document, dict) or "chart" not in document:
        raise MalformedPayloadError("The answer has no chart.", reason="wrong_shape")
    if document["chart"] is None:
        raise SymbolUnavailableError(
            f"Yahoo Finance has no chart of {', '.join(request.symbols)}.", symbols=request.symbols
        )
    results = json_object(document["chart"], "chart").get("result")
    if results is None or results == []:
        return None
    if not isinstance(results, list):
        raise MalformedPayloadError("chart.result is no list.", reason="wrong_shape")
    result = json_object(results[0], "chart.result[0]")
    meta = json_object(result.get("meta"), "meta")
    _compare(meta, request)
    stamps = result.get("timestamp") or []
    if not isinstance(stamps, list):
        raise MalformedPayloadError("timestamp is no list.", reason="wrong_shape")
    return Chart(
        meta=meta,
        stamps=stamps,
        columns=_columns(json_object(result.get("indicators"), "indicators"), len(stamps)),
        events=result.get("events"),
    )


def _compare(meta: Object, request: FetchRequest) -> None:
    """Raise MalformedPayloadError unless `meta` is about the symbol and interval that were asked for."""
    symbol, asked = meta.get("symbol"), request.symbols[0]
    if not isinstance(symbol, str) or symbol.casefold() != asked.casefold():
        raise MalformedPayloadError(f"Asked for {asked!r}, got {shown(symbol)}.", reason="wrong_symbol")
    granularity = meta.get("dataGranularity")
    if not isinstance(granularity, str) or _GRANULARITIES.get(granularity, granularity) != request.interval:
        raise MalformedPayloadError(
            f"Asked for {request.interval} candles of {asked!r}, got {shown(granularity)}.", reason="wrong_granularity"
        )


def _columns(indicators: Object, length: int) -> tuple[list[object], ...]:
    """The five arrays, each of `length`; an absent one is all nulls only where there are no rows, or for volume."""
    quote = _first(indicators, "quote")
    adjusted = _first(indicators, "adjclose").get("adjclose")  # unused, but a sign that the answer was cut
    columns: list[list[object]] = []
    for name in _COLUMNS:
        column = quote.get(name)
        if column is None and (name == "volume" or length == 0):
            column = [None] * length
        columns.append(_sized(column, name, length))
    if adjusted is not None:
        _sized(adjusted, "adjclose", length)
    return tuple(columns)


def _sized(column: object, name: str, length: int) -> list[object]:
    if not isinstance(column, list) or len(column) != length:
        found = len(column) if isinstance(column, list) else shown(column)
        raise MalformedPayloadError(f"{name} has {found} values for {length} times.", reason="length_mismatch")
    return column


def _first(indicators: Object, name: str) -> Object:
    """The object in `indicators[name][0]`; empty when that is missing, as on a day without data."""
    entries = indicators.get(name)
    if entries is None or entries == []:
        return {}
    return json_object(entries[0] if isinstance(entries, list) else entries, name)


def json_object(value: object, name: str) -> Object:
    """`value` when it is an object; raises MalformedPayloadError (`wrong_shape`) with its `name` when not."""
    if not isinstance(value, dict):
        raise MalformedPayloadError(f"{name} is {shown(value)} instead of an object.", reason="wrong_shape")
    return value
