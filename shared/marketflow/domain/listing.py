"""What makes an instrument fit to be listed, and what of a listed one may still change.

A wrong currency or name does harm that nobody sees: prices would be stored in it for months. So each rule here is one
that a later correction could not make good.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StrictBool,
    WithJsonSchema,
    model_validator,
)

from marketflow.domain.currency import ISO_4217
from marketflow.domain.money import MINOR_UNITS
from marketflow.domain.symbol import AssetType, Symbol
from marketflow.errors import RefusedError

NAME = r"^(?![0-9]+$)[A-Za-z0-9^][A-Za-z0-9.^=_:-]{0,39}$"
NAME_RULE = (
    "a name is 1 to 40 of the characters A-Z a-z 0-9 . ^ = _ : - and begins with a letter, a digit or ^; digits alone "
    "would be taken for a numeric id"
)
CODE = r"^[A-Z0-9]{1,12}$"
EXCHANGE = r"^[A-Z0-9]{4}$"
LONGEST_NAME = 100

FIXED = ("symbol", "source", "source_symbol", "asset_type", "base_currency", "quote_currency")
"""What a symbol's stored history depends on; it stays as it was when the first row came."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A symbol as it is stored: its number, its members, and the JSON with which the read API answers."""

    id: int
    symbol: Symbol
    body: str


def refusal(member: str, reason: str) -> RefusedError:
    """The refusal of what has the form of a symbol and can be none: `member` is to blame."""
    return RefusedError(f"{member}: {reason}.", status=400, code="invalid_symbol", parameter=member)


def _name(text: str) -> str:
    # `$` would let a line break pass.
    if not re.fullmatch(NAME[1:-1], text):
        raise ValueError(NAME_RULE)
    return text


def _currency(code: str) -> str:
    if code in MINOR_UNITS:
        raise ValueError(f"{code} is a unit of {MINOR_UNITS[code][0]}: give that here, and {code} as price_unit")
    if not re.fullmatch(CODE[1:-1], code):
        raise ValueError("expected an ISO 4217 code or a crypto code: 1 to 12 of the characters A-Z 0-9")
    return code


def _exchange(code: str) -> str:
    if not re.fullmatch(EXCHANGE[1:-1], code):
        raise ValueError("expected an ISO 10383 market identifier code of four characters, such as XNAS")
    return code


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _zone(name: str) -> str:
    if name not in _zones():
        raise ValueError("expected an IANA time zone, such as America/New_York or UTC")
    return name


def _title(text: str) -> str:
    if not text.isprintable() or text != text.strip() or not text:
        raise ValueError("expected printable text without spaces around it")
    return text


def _pattern(pattern: str, *examples: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern, "examples": list(examples)})


Name = Annotated[str, AfterValidator(_name), _pattern(NAME, "LTCUSDT")]
Currency = Annotated[str, AfterValidator(_currency), _pattern(CODE, "USDT")]
Exchange = Annotated[str, AfterValidator(_exchange), _pattern(EXCHANGE, "XNAS")]
Zone = Annotated[
    str, AfterValidator(_zone), WithJsonSchema({"type": "string", "maxLength": 60, "examples": ["America/New_York"]})
]
Title = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME), AfterValidator(_title)]
SourceSymbol = Annotated[str, Field(min_length=1, max_length=40)]
Unit = Annotated[str, Field(min_length=1, max_length=12, examples=["GBp"])]


EXAMPLES: tuple[dict[str, JsonValue], ...] = (
    {"symbol": "LTCUSDT", "source": "binance", "base_currency": "LTC", "quote_currency": "USDT"},
    {
        "symbol": "VOD.L",
        "source": "yahoo",
        "quote_currency": "GBP",
        "price_unit": "GBp",
        "exchange": "XLON",
        "timezone": "Europe/London",
        "name": "Vodafone",
    },
    {"symbol": "EURJPY", "source": "exchangerate", "base_currency": "EUR", "quote_currency": "JPY"},
)
"""One of each source, for the documentation."""


class Draft(BaseModel):
    """A symbol to be added. What can be known from the source is optional."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra={"examples": list(EXAMPLES)})

    symbol: Name = Field(description="Our unique spelling, by which everybody asks for it. Case counts.")
    source: str = Field(max_length=40, description="A source of /v1/sources.", examples=["binance"])
    source_symbol: SourceSymbol | None = Field(
        default=None,
        description="The source's spelling. Binance: base and quote in one, which needs no saying; ExchangeRate: "
        "BASE/QUOTE, the same; Yahoo: its ticker, such as THYAO.IS, without it that is `symbol`.",
    )
    asset_type: AssetType | None = Field(default=None, description="The source's, if given.")
    base_currency: Currency | None = Field(default=None, description="What one unit is; not for stocks.")
    quote_currency: Currency = Field(description="What its prices are in: the major unit, GBP and never GBp.")
    price_unit: Unit | None = Field(
        default=None, description="The unit in which the source quotes, such as GBp; without it the quote currency."
    )
    exchange: Exchange | None = Field(default=None, description="ISO 10383 market identifier code.")
    timezone: Zone | None = Field(default=None, description="The exchange's; a stock needs one, the others have UTC.")
    name: Title | None = Field(default=None, description="For people.")
    active: StrictBool = Field(default=True, description="Whether it is fetched.")


def _optional(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


class Change(BaseModel):
    """A JSON merge patch (RFC 7396) of a symbol: what is not given stays, null takes a value away."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"examples": [{"name": "Litecoin / Tether", "active": False}]}
    )

    name: Title | None = Field(default=None, description="For people.", json_schema_extra=_optional)
    exchange: Exchange | None = Field(
        default=None, description="ISO 10383 market identifier code.", json_schema_extra=_optional
    )
    timezone: Zone = Field(default="UTC", description="The exchange's.", json_schema_extra=_optional)
    price_unit: Unit = Field(
        default="", description="The unit in which the source quotes.", json_schema_extra=_optional
    )
    active: StrictBool = Field(default=True, description="Whether it is fetched.", json_schema_extra=_optional)

    @model_validator(mode="before")
    @classmethod
    def _only_what_history_allows(cls, given: object) -> object:
        fixed = [member for member in FIXED if isinstance(given, Mapping) and member in given]
        if fixed:
            reason = (
                "it cannot change, because the stored history was read by it. Deactivate this symbol and add another"
            )
            raise refusal(fixed[0], reason)
        return given

    def values(self) -> dict[str, str | bool | None]:
        """The members that were given."""
        return self.model_dump(exclude_unset=True)


def listed(draft: Draft, *, asset_type: AssetType, spell: Callable[[Draft], str]) -> Symbol:
    """The symbol that `draft` describes, of a source of `asset_type`; `spell` gives the source's spelling of it.

    Raises RefusedError (400) that names the member that does not fit the others.
    """
    if draft.asset_type not in (None, asset_type):
        raise refusal("asset_type", f"{draft.source} has {asset_type} only")
    _check_currencies(draft, asset_type)
    if draft.timezone is None and asset_type is AssetType.STOCK:
        raise refusal("timezone", "a stock needs the time zone of its exchange, such as America/New_York")
    unit = draft.price_unit or draft.quote_currency
    check_price_unit(unit, quote_currency=draft.quote_currency, asset_type=asset_type)
    return Symbol(
        symbol=draft.symbol,
        source=draft.source,
        source_symbol=spell(draft),
        asset_type=asset_type,
        base_currency=draft.base_currency,
        quote_currency=draft.quote_currency,
        price_unit=unit,
        exchange=draft.exchange,
        timezone=draft.timezone or "UTC",
        name=draft.name,
        active=draft.active,
    )


def _check_currencies(draft: Draft, asset_type: AssetType) -> None:
    base, quote = draft.base_currency, draft.quote_currency
    if asset_type is AssetType.STOCK:
        if base is not None:
            raise refusal("base_currency", "a stock has none: one unit of it is a share")
    elif base is None:
        raise refusal("base_currency", f"it is required for {asset_type}: what one unit is")
    elif base == quote:
        raise refusal("quote_currency", f"it is the base currency too, and {base} in {quote} is always one")
    if asset_type is not AssetType.CRYPTO:
        for member, code in (("base_currency", base), ("quote_currency", quote)):
            if code is not None and code not in ISO_4217:
                raise refusal(member, f"{code} is no currency of ISO 4217")


def check_price_unit(unit: str, *, quote_currency: str, asset_type: AssetType) -> None:
    """Raises RefusedError (400) unless `unit` is the currency itself, or a minor unit in which stocks of it quote."""
    minor = [code for code, (major, _) in MINOR_UNITS.items() if major == quote_currency]
    known = [quote_currency, *(minor if asset_type is AssetType.STOCK else ())]
    if unit not in known:
        raise refusal("price_unit", f"prices in {quote_currency} are quoted in {' or '.join(known)}")
