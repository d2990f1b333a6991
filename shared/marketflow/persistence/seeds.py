"""The symbols of a fresh installation, as plain data. The migration loads them once; then they are the operator's."""

from __future__ import annotations

from typing import TypedDict


class SeedSymbol(TypedDict):
    """The columns of `symbols` that a seed sets."""

    symbol: str
    source: str
    source_symbol: str
    asset_type: str
    base_currency: str | None
    quote_currency: str
    price_unit: str
    exchange: str | None
    timezone: str
    name: str


def _crypto(base: str, quote: str, name: str) -> SeedSymbol:
    return SeedSymbol(
        symbol=base + quote,
        source="binance",
        source_symbol=base + quote,
        asset_type="crypto",
        base_currency=base,
        quote_currency=quote,
        price_unit=quote,
        exchange=None,
        timezone="UTC",
        name=name,
    )


def _stock(symbol: str, exchange: str, name: str) -> SeedSymbol:
    istanbul = exchange == "XIST"
    currency = "TRY" if istanbul else "USD"
    return SeedSymbol(
        symbol=symbol,
        source="yahoo",
        source_symbol=symbol,
        asset_type="stock",
        base_currency=None,
        quote_currency=currency,
        price_unit=currency,
        exchange=exchange,
        timezone="Europe/Istanbul" if istanbul else "America/New_York",
        name=name,
    )


def _pair(base: str, quote: str, name: str) -> SeedSymbol:
    return SeedSymbol(
        symbol=base + quote,
        source="exchangerate",
        source_symbol=f"{base}/{quote}",
        asset_type="forex",
        base_currency=base,
        quote_currency=quote,
        price_unit=quote,
        exchange=None,
        timezone="UTC",
        name=name,
    )


SEED_SYMBOLS: tuple[SeedSymbol, ...] = (
    _crypto("BTC", "USDT", "Bitcoin / Tether"),
    _crypto("ETH", "USDT", "Ether / Tether"),
    _crypto("BNB", "USDT", "BNB / Tether"),
    _crypto("SOL", "USDT", "Solana / Tether"),
    _crypto("XRP", "USDT", "XRP / Tether"),
    _crypto("ADA", "USDT", "Cardano / Tether"),
    _crypto("DOGE", "USDT", "Dogecoin / Tether"),
    _crypto("AVAX", "USDT", "Avalanche / Tether"),
    _crypto("LINK", "USDT", "Chainlink / Tether"),
    _crypto("ETH", "BTC", "Ether / Bitcoin"),
    _crypto("BTC", "TRY", "Bitcoin / Turkish lira"),
    _crypto("USDT", "TRY", "Tether / Turkish lira"),
    _stock("AAPL", "XNAS", "Apple"),
    _stock("MSFT", "XNAS", "Microsoft"),
    _stock("NVDA", "XNAS", "NVIDIA"),
    _stock("AMZN", "XNAS", "Amazon.com"),
    _stock("GOOGL", "XNAS", "Alphabet A"),
    _stock("TSLA", "XNAS", "Tesla"),
    _stock("JPM", "XNYS", "JPMorgan Chase"),
    _stock("BRK-B", "XNYS", "Berkshire Hathaway B"),
    _stock("THYAO.IS", "XIST", "Türk Hava Yolları"),
    _stock("GARAN.IS", "XIST", "Garanti BBVA"),
    _stock("ASELS.IS", "XIST", "Aselsan"),
    _stock("BIMAS.IS", "XIST", "BİM Birleşik Mağazalar"),
    _pair("USD", "TRY", "US dollar / Turkish lira"),
    _pair("EUR", "TRY", "Euro / Turkish lira"),
    _pair("GBP", "TRY", "Pound sterling / Turkish lira"),
    _pair("EUR", "USD", "Euro / US dollar"),
    _pair("GBP", "USD", "Pound sterling / US dollar"),
    _pair("USD", "JPY", "US dollar / Japanese yen"),
    _pair("USD", "CHF", "US dollar / Swiss franc"),
    _pair("USD", "CAD", "US dollar / Canadian dollar"),
    _pair("AUD", "USD", "Australian dollar / US dollar"),
    _pair("EUR", "GBP", "Euro / Pound sterling"),
    _pair("EUR", "CHF", "Euro / Swiss franc"),
    _pair("USD", "CNY", "US dollar / Chinese yuan"),
)
