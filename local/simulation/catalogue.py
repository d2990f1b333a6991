"""The symbols of the simulation: the seeds of a deployment, and those that show what is odd about a vendor."""

from __future__ import annotations

from collections.abc import Iterable

from marketflow.domain.symbol import Symbol
from marketflow.persistence.connection import Database
from marketflow.persistence.seeds import SEED_SYMBOLS


def _pair(symbol: str, quote: str) -> Symbol:
    return Symbol(
        symbol=symbol,
        source="binance",
        source_symbol=symbol,
        asset_type="crypto",
        quote_currency=quote,
        price_unit=quote,
    )


def _share(symbol: str, unit: str, currency: str, zone: str) -> Symbol:
    return Symbol(
        symbol=symbol,
        source="yahoo",
        source_symbol=symbol,
        asset_type="stock",
        quote_currency=currency,
        price_unit=unit,
        timezone=zone,
    )


ODD = (
    _pair("SHIBUSDT", "USDT"),  # prices of many decimals
    _pair("VENBTC", "BTC"),  # halted for good
    _pair("这是测试币456USDT", "USDT"),  # a name beyond ASCII
    _share("VOD.L", "GBp", "GBP", "Europe/London"),
    _share("POLI.TA", "ILA", "ILS", "Asia/Jerusalem"),
    _share("NPN.JO", "ZAc", "ZAR", "Africa/Johannesburg"),
)

_ALL = {(one.source, one.source_symbol): one for one in (*(Symbol.model_validate(one) for one in SEED_SYMBOLS), *ODD)}

_INSERT = """
INSERT INTO symbols (symbol, source, source_symbol, asset_type, quote_currency, price_unit, timezone)
VALUES (:symbol, :source, :source_symbol, :asset_type, :quote_currency, :price_unit, :timezone)
ON CONFLICT DO NOTHING
"""


def symbols_of(source: str, names: Iterable[str]) -> list[Symbol]:
    """The symbols of `source` with these vendor's names."""
    return [_ALL[source, name] for name in names]


def install(database: Database) -> None:
    """Put the odd ones beside the seeds of a migrated database."""
    for one in ODD:
        database.query(
            _INSERT,
            symbol=one.symbol,
            source=one.source,
            source_symbol=one.source_symbol,
            asset_type=one.asset_type.value,
            quote_currency=one.quote_currency,
            price_unit=one.price_unit,
            timezone=one.timezone,
        )
