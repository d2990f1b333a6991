"""The table of symbols, as those who fetch need it."""

from __future__ import annotations

from marketflow.domain.symbol import Symbol
from marketflow.persistence.connection import Database

_ACTIVE = """
SELECT symbol, source, source_symbol, asset_type, base_currency, quote_currency, price_unit, exchange, timezone, name,
       active
FROM symbols WHERE source = :source AND active ORDER BY symbol
"""


class SymbolRepository:
    """Reads symbols."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def active(self, source: str) -> tuple[Symbol, ...]:
        """The symbols of `source` that are to be fetched, in the order of their names."""
        fields = tuple(Symbol.model_fields)
        return tuple(
            Symbol.model_validate(dict(zip(fields, row, strict=True)))
            for row in self._database.query(_ACTIVE, source=source)
        )
