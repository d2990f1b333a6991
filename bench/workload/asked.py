"""What the schedules ask of the sources: counted by the sources' own `build_requests`, for any number of symbols."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache

from marketflow.domain.fetching import FetchRequest, FetchTask
from marketflow.persistence.seeds import SEED_SYMBOLS
from marketflow.sources import factory
from marketflow.sources.catalog import CATALOG

NOW = datetime(2026, 11, 25, 18, 30, tzinfo=UTC)
"""Any moment does: what is asked for depends on how long ago it was asked for last."""

BLOCK = 1000
"""So many symbols are asked for like so many others: every number of symbols in one call divides it."""

KLINES_WEIGHT = 2
TICKER_WEIGHT = {True: 2, False: 4}
"""Binance's request weights (rest-api.md): klines 2; last prices 2 for one symbol, 4 for several."""


@dataclass(frozen=True, slots=True)
class Mix:
    """How many symbols each source has."""

    binance: int
    yahoo: int
    exchangerate: int

    @classmethod
    def of(cls, symbols: int) -> Mix:
        """The seeds' own mix as far as it goes; whatever is beyond is crypto, which alone can be asked so often."""
        if symbols < 1:
            raise ValueError(f"{symbols} symbols are none: name a number from 1 on.")
        seeds = Counter(seed["source"] for seed in SEED_SYMBOLS)
        share = min(1.0, symbols / len(SEED_SYMBOLS))
        stocks, pairs = int(seeds["yahoo"] * share), int(seeds["exchangerate"] * share)
        return cls(binance=symbols - stocks - pairs, yahoo=stocks, exchangerate=pairs)

    def names(self, source: str) -> int:
        """The number of symbols of `source`; one without symbols of its own has none."""
        return int(getattr(self, source, 0))


def numbers_of(text: str, default: Sequence[int]) -> tuple[int, ...]:
    """Numbers of symbols, as a command line names them: with commas; `default` where it names none.

    Raises ValueError that says how to write them.
    """
    if not text:
        return tuple(default)
    try:
        return tuple(int(number) for number in text.split(","))
    except ValueError:
        raise ValueError(f"{text!r} are no numbers of symbols: write them with commas, such as 36,500.") from None


@dataclass(frozen=True, slots=True)
class Calls:
    """So many requests of one dataset at one tick, each about `symbols` symbols, of `weight` in all at Binance."""

    source: str
    dataset: str
    number: float
    symbols: int
    weight: int

    @property
    def kind(self) -> str:
        """The kind of message that each of them becomes."""
        return f"{self.source}.{self.dataset}"


def calls(source: str, dataset: str, symbols: int, *, every_seconds: int) -> tuple[Calls, ...]:
    """What one tick of a schedule asks for, its last complete run being one tick ago.

    A source with one rate a day says itself when the next is due: its other ticks ask nothing.
    """
    if CATALOG[source].calendar == "rates":
        share = every_seconds / 86_400
        return tuple(replace(one, number=share * one.number) for one in _once(source, dataset, symbols, every_seconds))
    blocks, rest = divmod(symbols, BLOCK)
    found: dict[int, Calls] = {}
    for times, size in ((blocks, BLOCK), (1, rest)):
        for one in _once(source, dataset, size, every_seconds) if times else ():
            known = found.get(one.symbols, replace(one, number=0, weight=0))
            found[one.symbols] = replace(
                one, number=known.number + times * one.number, weight=known.weight + times * one.weight
            )
    return tuple(found.values())


@cache
def _once(source: str, dataset: str, symbols: int, every_seconds: int) -> tuple[Calls, ...]:
    """The same for so many symbols that the source's own code is asked."""
    if not symbols:
        return ()
    requests = factory.create(source).build_requests(
        FetchTask(dataset=dataset), _names(source, symbols), now=NOW, since=NOW - timedelta(seconds=every_seconds)
    )
    sizes = Counter(len(request.symbols) for request in requests)
    weights = Counter[int]()
    for request in requests:
        weights[len(request.symbols)] += _weight(request)
    return tuple(Calls(source, dataset, number, size, weights[size]) for size, number in sizes.items())


def _names(source: str, symbols: int) -> list[str]:
    if source == "exchangerate":
        return [f"A{number:02d}/B{number:02d}" for number in range(symbols)]
    return [f"S{number:06d}" for number in range(symbols)]


def _weight(request: FetchRequest) -> int:
    if request.source != "binance":
        return 0
    return TICKER_WEIGHT[len(request.symbols) == 1] if request.dataset == "ticker_price" else KLINES_WEIGHT
