"""A tradable instrument, as MarketFlow names it and as its source spells it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, StringConstraints

from marketflow.domain.models import STRICT

SymbolName = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^\S+$")]
CurrencyCode = Annotated[str, StringConstraints(min_length=1, max_length=12, pattern=r"^[A-Z0-9]+$")]
"""ISO 4217, or a crypto code, of which some have one letter."""


class AssetType(StrEnum):
    """The kinds of market; each has its own ETL strategy."""

    CRYPTO = "crypto"
    STOCK = "stock"
    FOREX = "forex"


class Symbol(BaseModel):
    """One instrument of one source.

    `symbol` is our unique spelling (`BTCUSDT`, `THYAO.IS`, `USDTRY`), `source_symbol` the vendor's. `price_unit` is
    the unit in which the vendor quotes (`GBp`); stored prices are always in the major unit, `quote_currency` (`GBP`).
    `timezone` is an IANA name; it decides on which date a daily candle falls.
    """

    model_config = STRICT

    symbol: SymbolName
    source: str
    source_symbol: SymbolName
    asset_type: AssetType
    base_currency: CurrencyCode | None = None
    quote_currency: CurrencyCode
    price_unit: str
    exchange: str | None = None
    timezone: str = "UTC"
    name: str | None = None
    active: bool = True


class SymbolRecord(BaseModel):
    """A symbol as the database has it: with its number, which stored rows go by and users may ask by, and its times."""

    model_config = STRICT

    id: int
    symbol: Symbol
    created_at: AwareDatetime
    updated_at: AwareDatetime
