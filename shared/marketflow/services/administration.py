"""What the operator does to symbols: add, change, deactivate. Each change is in the catalog of the fetchers with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from marketflow.domain.listing import Change, Draft, Listed, check_price_unit, listed, refusal
from marketflow.domain.symbol import AssetType, Symbol, SymbolRecord
from marketflow.errors import RefusedError
from marketflow.services.market_data import unknown_symbol

_ASKABLE = re.compile(r"[!-~]{1,40}")
"""Another name is no symbol's, and the database could not even receive some of them."""

Condition = Callable[[str], bool]
"""Whether the JSON that a symbol has now is the one that the caller knows."""


class Register(Protocol):
    """The symbols inside one transaction that nobody else can interleave with."""

    def find(self, name: str) -> Listed | None:
        """The symbol of this name or numeric id; a name wins."""
        ...

    def clash(self, symbol: Symbol) -> tuple[str, str] | None:
        """The member by which `symbol` is there already, and the name of the symbol that has it."""
        ...

    def add(self, symbol: Symbol) -> str:
        """Store a new symbol; the JSON with which the read API answers."""
        ...

    def change(self, id_: int, values: Mapping[str, object]) -> str:
        """Store new values of a symbol; the JSON with which the read API answers."""
        ...

    def active(self, source: str) -> Sequence[Symbol]:
        """The symbols of `source` that are to be fetched."""
        ...

    def records(self) -> Sequence[SymbolRecord]:
        """Every symbol."""
        ...

    def has_zone(self, name: str) -> bool:
        """Whether the database can tell the time in this zone."""
        ...


class Registry(Protocol):
    """Opens transactions on the symbols."""

    def transaction(self) -> AbstractContextManager[Register]:
        """Commits at the end, or nothing is done when something is raised inside.

        Raises DatabaseUnavailableError when there is no database.
        """
        ...


class Catalog(Protocol):
    """Where fetchers find their symbols."""

    def write(self, source: str, symbols: Sequence[Symbol]) -> None:
        """Publish the active symbols of `source`; raises CatalogUnavailableError when that fails."""
        ...

    def keep(self, records: Sequence[SymbolRecord]) -> None:
        """Keep every symbol where the database can be restored from; raises CatalogUnavailableError."""
        ...


class Administration:
    """Changes symbols.

    `sources` are the asset types by source, `spellings` how each source spells a symbol. Every method raises
    DatabaseUnavailableError or CatalogUnavailableError when nothing was done; then the same may be tried again.
    """

    def __init__(
        self,
        *,
        registry: Registry,
        catalog: Catalog,
        sources: Mapping[str, AssetType],
        spellings: Mapping[str, Callable[[Draft], str]],
    ) -> None:
        self._registry = registry
        self._catalog = catalog
        self._sources = sources
        self._spellings = spellings

    def add(self, draft: Draft) -> str:
        """List a symbol; its JSON. Raises RefusedError: 400 names the member that is wrong, 409 what is there."""
        if draft.source not in self._sources:
            raise refusal("source", f"there is no {draft.source!r}; there are {', '.join(sorted(self._sources))}")
        symbol = listed(draft, asset_type=self._sources[draft.source], spell=self._spellings[draft.source])
        with self._registry.transaction() as register:
            if clash := register.clash(symbol):
                raise _exists(symbol, *clash)
            _check_zone(register, symbol.timezone)
            body = register.add(symbol)
            self._publish(register, symbol.source)
        return body

    def change(self, name: str, change: Change, *, condition: Condition) -> str:
        """Change what `change` names; the symbol's JSON afterwards. Equal values change nothing, not even a time.

        Raises RefusedError: 404 no such symbol, 412 when `condition` does not hold for it, 400 for a value that does
        not fit the symbol.
        """
        return self._change(name, change.values(), condition)

    def deactivate(self, name: str, *, condition: Condition) -> None:
        """Stop fetching a symbol. What was stored stays and is served. Raises RefusedError as `change` does."""
        self._change(name, {"active": False}, condition)

    def _change(self, name: str, values: Mapping[str, object], condition: Condition) -> str:
        if not _ASKABLE.fullmatch(name):
            raise unknown_symbol(name)
        with self._registry.transaction() as register:
            found = register.find(name)
            if found is None:
                raise unknown_symbol(name)
            if not condition(found.body):
                detail = f"{found.symbol.symbol} is not what you know any more: get it again, and its ETag."
                raise RefusedError(detail, status=412, code="precondition_failed")
            symbol = found.symbol
            if "price_unit" in values:
                check_price_unit(
                    str(values["price_unit"]), quote_currency=symbol.quote_currency, asset_type=symbol.asset_type
                )
            if "timezone" in values:
                _check_zone(register, str(values["timezone"]))
            new = {member: value for member, value in values.items() if value != getattr(symbol, member)}
            body = register.change(found.id, new) if new else found.body
            # Also when nothing is new: so a catalog that was lost comes back.
            self._publish(register, symbol.source)
        return body

    def _publish(self, register: Register, source: str) -> None:
        """Write the catalog of `source` as it will be after the commit.

        The transaction has the table to itself, so catalogs appear in the order of the changes, and the last one shows
        all of them. If the commit fails after this, the catalog is ahead of the table: the same request again, or
        any other change, puts it right, and until then the ETL quarantines what it does not know.
        """
        self._catalog.write(source, register.active(source))
        self._catalog.keep(register.records())


def _check_zone(register: Register, name: str) -> None:
    # Its list of zones may be older than ours, and a query about this symbol would fail for good.
    if not register.has_zone(name):
        raise refusal("timezone", f"the database does not know {name}; another name of the same zone may do")


def _exists(symbol: Symbol, member: str, name: str) -> RefusedError:
    value = getattr(symbol, member)
    detail = (
        f"There is a symbol {name} already."
        if member == "symbol"
        else f"{symbol.source} has {value} under the symbol {name} already."
    )
    return RefusedError(detail, status=409, code="symbol_exists", parameter=member)
