"""Candles as columns: a page of one symbol without an object for each of its rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import compress, pairwise
from operator import eq
from typing import overload

from marketflow.domain.coverage import Span
from marketflow.domain.interval import Interval
from marketflow.domain.records import Candle

_EPOCH = datetime.fromtimestamp(0, UTC)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Series(Sequence[Candle]):
    """Candles of one symbol, interval and currency: equal to any sequence of the same ones, each made when asked for.

    Every column has an entry for each candle, in the order of the payload. `open_times` are unix seconds. Prices and
    volumes are plain decimal texts (`money.plain_decimal`): exact, and mostly nobody has to read them as numbers.
    """

    source_symbol: str
    interval: Interval
    currency: str | None
    open_times: Sequence[int]
    opens: Sequence[str]
    highs: Sequence[str]
    lows: Sequence[str]
    closes: Sequence[str]
    volumes: Sequence[str | None]
    quote_volumes: Sequence[str | None]
    trades: Sequence[int | None]
    finals: Sequence[bool]
    positions: Sequence[int]

    def __len__(self) -> int:
        return len(self.open_times)

    @overload
    def __getitem__(self, place: int) -> Candle: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Candle]: ...
    def __getitem__(self, place: int | slice) -> Candle | Sequence[Candle]:
        if isinstance(place, slice):
            return tuple(self[one] for one in range(*place.indices(len(self))))
        return Candle(
            source_symbol=self.source_symbol,
            interval=self.interval,
            open_time=datetime.fromtimestamp(self.open_times[place], UTC),
            open=Decimal(self.opens[place]),
            high=Decimal(self.highs[place]),
            low=Decimal(self.lows[place]),
            close=Decimal(self.closes[place]),
            volume=_decimal(self.volumes[place]),
            final=self.finals[place],
            currency=self.currency,
            quote_volume=_decimal(self.quote_volumes[place]),
            trades=self.trades[place],
            position=self.positions[place],
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(map(eq, self, other))

    __hash__ = None  # type: ignore[assignment]  # columns may be lists

    @property
    def span(self) -> Span:
        """The first and the last open time, both inclusive, UTC. Raises ValueError when there is no candle."""
        return datetime.fromtimestamp(min(self.open_times), UTC), datetime.fromtimestamp(max(self.open_times), UTC)

    def final_runs(self, step: timedelta) -> list[Span]:
        """The half-open ranges that the final candles fill when each reaches `step` far; in order, without overlap."""
        seconds = step // _SECOND
        moments = sorted(compress(self.open_times, self.finals))
        if not moments:
            return []
        breaks = [(one + seconds, two) for one, two in pairwise(moments) if two - one > seconds]
        starts = [moments[0], *(start for _, start in breaks)]
        ends = [*(end for end, _ in breaks), moments[-1] + seconds]
        return [
            (datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC))
            for start, end in zip(starts, ends, strict=True)
        ]


def series_of(candles: Sequence[Candle]) -> list[Series]:
    """`candles`, which open at whole seconds, as one series for each symbol, interval and currency; none is empty."""
    if isinstance(candles, Series):
        return [candles] if candles else []
    groups: dict[tuple[str, Interval, str | None], list[Candle]] = {}
    for candle in candles:
        groups.setdefault((candle.source_symbol, candle.interval, candle.currency), []).append(candle)
    return [
        Series(
            source_symbol=symbol,
            interval=interval,
            currency=currency,
            open_times=[(one.open_time - _EPOCH) // _SECOND for one in group],
            opens=[f"{one.open:f}" for one in group],
            highs=[f"{one.high:f}" for one in group],
            lows=[f"{one.low:f}" for one in group],
            closes=[f"{one.close:f}" for one in group],
            volumes=_texts(one.volume for one in group),
            quote_volumes=_texts(one.quote_volume for one in group),
            trades=[one.trades for one in group],
            finals=[one.final for one in group],
            positions=[one.position for one in group],
        )
        for (symbol, interval, currency), group in groups.items()
    ]


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _texts(numbers: Iterable[Decimal | None]) -> list[str | None]:
    return [None if number is None else f"{number:f}" for number in numbers]
