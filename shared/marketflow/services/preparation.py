"""Makes a deployment ready for traffic: schema and symbols are there, also after the database was lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from marketflow.domain.symbol import Symbol, SymbolRecord


class SymbolTable(Protocol):
    """The symbols as the database has them, while nobody else can change them."""

    def active(self, source: str) -> Sequence[Symbol]:
        """The active symbols of `source`."""
        ...

    def records(self) -> Sequence[SymbolRecord]:
        """Every symbol."""
        ...

    def restore(self, records: Sequence[SymbolRecord]) -> bool:
        """Make these the symbols of a database that has none but the seeds; whether that was to be done."""
        ...


class SymbolPublisher(Protocol):
    """Where fetchers read their symbols, and where all of them are kept for a database that is lost."""

    def write(self, source: str, symbols: Sequence[Symbol]) -> None:
        """Publish the active symbols of `source`."""
        ...

    def keep(self, records: Sequence[SymbolRecord]) -> None:
        """Keep every symbol."""
        ...

    def kept(self) -> Sequence[SymbolRecord]:
        """Every symbol as it was kept last; none before the first time."""
        ...


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was done: the revisions that were applied, how many symbols each source has active, how many came back."""

    applied: tuple[str, ...]
    published: dict[str, int]
    restored: int


class Preparation:
    """Migrates, restores the symbols of a database that was lost, then publishes; it can be repeated at any time."""

    def __init__(
        self,
        *,
        upgrade: Callable[[], Sequence[str]],
        symbols: Callable[[], AbstractContextManager[SymbolTable]],
        publisher: SymbolPublisher,
        sources: Sequence[str],
    ) -> None:
        self._upgrade = upgrade
        self._symbols = symbols
        self._publisher = publisher
        self._sources = sources

    def run(self) -> Prepared:
        """Bring the schema to the newest revision and publish every source's symbols.

        A database that is new gets the symbols that were kept in the bucket, instead of the seeds.

        Raises DatabaseUnavailableError, or what the migration raised; then nothing of that migration remains.
        """
        applied = tuple(self._upgrade())
        published = {}
        # An operator's change between reading and publishing would be missing from what is published last.
        with self._symbols() as table:
            kept = self._publisher.kept()
            restored = len(kept) if table.restore(kept) else 0
            for source in self._sources:
                symbols = table.active(source)
                self._publisher.write(source, symbols)
                published[source] = len(symbols)
            self._publisher.keep(table.records())
        return Prepared(applied=applied, published=published, restored=restored)
