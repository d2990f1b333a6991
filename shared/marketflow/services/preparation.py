"""Makes a deployment ready for traffic: the schema is current, and fetchers know their symbols."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from marketflow.domain.symbol import Symbol


class SymbolTable(Protocol):
    """The symbols as the database has them, while nobody else can change them."""

    def active(self, source: str) -> Sequence[Symbol]:
        """The active symbols of `source`."""
        ...


class SymbolPublisher(Protocol):
    """Where fetchers read their symbols."""

    def write(self, source: str, symbols: Sequence[Symbol]) -> None:
        """Publish the active symbols of `source`."""
        ...


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was done: the revisions that were applied, and how many symbols each source has."""

    applied: tuple[str, ...]
    published: dict[str, int]


class Preparation:
    """Migrates, then publishes; both can be repeated at any time."""

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

        Raises DatabaseUnavailableError, or what the migration raised; then nothing of that migration remains.
        """
        applied = tuple(self._upgrade())
        published = {}
        # An operator's change between reading and publishing would be missing from what is published last.
        with self._symbols() as table:
            for source in self._sources:
                symbols = table.active(source)
                self._publisher.write(source, symbols)
                published[source] = len(symbols)
        return Prepared(applied=applied, published=published)
