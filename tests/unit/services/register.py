"""Symbols in memory, with the transactions of the real ones: all or nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from marketflow.domain.listing import Listed
from marketflow.domain.symbol import AssetType, Symbol, SymbolRecord
from marketflow.errors import CatalogUnavailableError
from marketflow.services.administration import Administration
from marketflow.sources.spelling import SPELLINGS

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SOURCES = {"binance": AssetType.CRYPTO, "yahoo": AssetType.STOCK, "exchangerate": AssetType.FOREX}


@dataclass
class FakeRegistry:
    """Keeps symbols by number; `failure` is raised instead of opening a transaction."""

    rows: dict[int, Symbol] = field(default_factory=dict)
    writes: int = 0
    failure: Exception | None = None

    @contextmanager
    def transaction(self) -> Iterator[FakeRegistry]:
        """Puts everything back when something is raised inside."""
        if self.failure is not None:
            raise self.failure
        before = dict(self.rows)
        try:
            yield self
        except BaseException:
            self.rows = before
            raise

    def find(self, name: str) -> Listed | None:
        """By name, then by number."""
        for id_, symbol in self.rows.items():
            if symbol.symbol == name:
                return Listed(id=id_, symbol=symbol, body=self._body(id_))
        number = int(name) if name.isdecimal() else 0
        return Listed(id=number, symbol=self.rows[number], body=self._body(number)) if number in self.rows else None

    def clash(self, symbol: Symbol) -> tuple[str, str] | None:
        """By name, then by spelling."""
        for one in self.rows.values():
            if one.symbol == symbol.symbol:
                return "symbol", one.symbol
        for one in self.rows.values():
            if (one.source, one.source_symbol) == (symbol.source, symbol.source_symbol):
                return "source_symbol", one.symbol
        return None

    def add(self, symbol: Symbol) -> str:
        """Under the next number."""
        id_ = len(self.rows) + 1
        self.rows[id_] = symbol
        return self._body(id_)

    def change(self, id_: int, values: Mapping[str, object]) -> str:
        """The new values in place of the old."""
        self.writes += 1
        self.rows[id_] = self.rows[id_].model_copy(update=dict(values))
        return self._body(id_)

    def active(self, source: str) -> Sequence[Symbol]:
        """Those that are to be fetched."""
        return [symbol for symbol in self.rows.values() if symbol.source == source and symbol.active]

    def records(self) -> Sequence[SymbolRecord]:
        """All of them, as old as the world."""
        return [
            SymbolRecord(id=id_, symbol=symbol, created_at=EPOCH, updated_at=EPOCH) for id_, symbol in self.rows.items()
        ]

    def has_zone(self, name: str) -> bool:
        """One zone is too new for it."""
        return name != "America/Coyhaique"

    def _body(self, id_: int) -> str:
        return json.dumps({"id": id_, **self.rows[id_].model_dump(mode="json")})


@dataclass
class FakeCatalog:
    """Keeps the names that were published; `broken` takes none."""

    published: dict[str, list[str]] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    broken: bool = False

    def write(self, source: str, symbols: Sequence[Symbol]) -> None:
        """Keep the names."""
        if self.broken:
            raise CatalogUnavailableError("S3 is away.")
        self.published[source] = [symbol.symbol for symbol in symbols]

    def keep(self, records: Sequence[SymbolRecord]) -> None:
        """Keep the names of all."""
        self.kept = [record.symbol.symbol for record in records]


@dataclass
class FakeOnce:
    """Remembers answers by operation, owner and key; `asked` keeps what it was told."""

    answers: dict[tuple[str, str, str], str] = field(default_factory=dict)
    asked: list[tuple[str, str, str | None, bytes]] = field(default_factory=list)

    def __call__(self, *, operation: str, owner: str, key: str | None, payload: bytes, work: Callable[[], str]) -> str:
        """The first answer to the key."""
        self.asked.append((operation, owner, key, payload))
        if key is None:
            return work()
        name = (operation, owner, key)
        if name not in self.answers:
            self.answers[name] = work()
        return self.answers[name]


def administration(registry: FakeRegistry, catalog: FakeCatalog) -> Administration:
    """The service over these fakes, with the real sources' spellings."""
    return Administration(registry=registry, catalog=catalog, sources=SOURCES, spellings=SPELLINGS)
