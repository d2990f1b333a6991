"""The instruments of the simulated Yahoo: what they are, where they trade, what they pay, and their price history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any, TypeVar

from local.simulator.assets import Market
from local.simulator.calendars import EXCHANGES, Exchange
from local.simulator.series import SESSION, Series, Shape

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Instrument:
    """One instrument. `first_trade` is epoch seconds; `dividend` is paid in each of `dividend_months`.

    `splits` are (day, numerator, denominator) of splits that lie in the past of the whole price history.
    """

    symbol: str
    exchange: Exchange
    kind: str
    currency: str
    name: str
    first_trade: int
    series: Series
    price_hint: int = 2
    dividend: float = 0.0
    dividend_months: tuple[int, ...] = ()
    splits: tuple[tuple[date, int, int], ...] = ()
    _held: dict[str, tuple[tuple[int, int], Any]] = field(default_factory=dict)

    def once_a_session(self, name: str, session: tuple[int, int], compute: Callable[[], T]) -> T:
        """The result of `compute`, kept until another session is asked for."""
        held = self._held.get(name)
        if held is None or held[0] != session:
            held = self._held[name] = (session, compute())
        result: T = held[1]
        return result

    @property
    def has_volume(self) -> bool:
        """Whether the vendor gives a volume; it has none for currencies."""
        return self.kind != "CURRENCY"


# symbol, exchange, kind, currency, price, tick, shares a day, first trade, name
_TABLE: tuple[tuple[str, str, str, str, float, str, float, int, str], ...] = (
    ("AAPL", "NMS", "EQUITY", "USD", 212.0, "0.0001", 48_000_000, 345_479_400, "Apple Inc."),
    ("MSFT", "NMS", "EQUITY", "USD", 478.0, "0.0001", 21_000_000, 511_108_200, "Microsoft Corporation"),
    ("GOOGL", "NMS", "EQUITY", "USD", 246.0, "0.0001", 31_000_000, 1_092_922_200, "Alphabet Inc."),
    ("AMZN", "NMS", "EQUITY", "USD", 221.0, "0.0001", 39_000_000, 863_703_000, "Amazon.com, Inc."),
    ("NVDA", "NMS", "EQUITY", "USD", 176.0, "0.0001", 178_000_000, 917_015_400, "NVIDIA Corporation"),
    ("META", "NMS", "EQUITY", "USD", 661.0, "0.0001", 14_000_000, 1_337_347_800, "Meta Platforms, Inc."),
    ("TSLA", "NMS", "EQUITY", "USD", 352.0, "0.0001", 84_000_000, 1_277_818_200, "Tesla, Inc."),
    ("AMD", "NMS", "EQUITY", "USD", 182.0, "0.0001", 41_000_000, 322_151_400, "Advanced Micro Devices, Inc."),
    ("NFLX", "NMS", "EQUITY", "USD", 1140.0, "0.001", 3_600_000, 1_022_160_600, "Netflix, Inc."),
    ("JPM", "NYQ", "EQUITY", "USD", 298.0, "0.0001", 8_400_000, 322_151_400, "JPMorgan Chase & Co."),
    ("V", "NYQ", "EQUITY", "USD", 341.0, "0.0001", 6_100_000, 1_205_933_400, "Visa Inc."),
    ("KO", "NYQ", "EQUITY", "USD", 69.4, "0.0001", 15_000_000, -252_322_200, "The Coca-Cola Company"),
    ("DIS", "NYQ", "EQUITY", "USD", 111.0, "0.0001", 9_200_000, -252_322_200, "The Walt Disney Company"),
    ("XOM", "NYQ", "EQUITY", "USD", 113.0, "0.0001", 14_500_000, -252_322_200, "Exxon Mobil Corporation"),
    ("WMT", "NYQ", "EQUITY", "USD", 103.0, "0.0001", 16_200_000, 83_601_000, "Walmart Inc."),
    ("BRK-B", "NYQ", "EQUITY", "USD", 492.0, "0.0001", 4_300_000, 831_565_800, "Berkshire Hathaway Inc. New"),
    ("SPY", "PCX", "ETF", "USD", 664.0, "0.0001", 71_000_000, 728_317_800, "SPDR S&P 500 ETF Trust"),
    ("^GSPC", "NYQ", "INDEX", "USD", 6640.0, "0.001", 2_900_000_000, -1_325_583_000, "S&P 500"),
    ("THYAO.IS", "IST", "EQUITY", "TRY", 312.0, "0.25", 29_000_000, 957_852_000, "Türk Hava Yolları Anonim Ortaklığı"),
    ("GARAN.IS", "IST", "EQUITY", "TRY", 141.0, "0.1", 27_000_000, 957_852_000, "Türkiye Garanti Bankası A.Ş."),
    ("ASELS.IS", "IST", "EQUITY", "TRY", 206.0, "0.1", 33_000_000, 957_852_000, "Aselsan Elektronik Sanayi ve Ticaret"),
    ("BIMAS.IS", "IST", "EQUITY", "TRY", 541.0, "0.5", 5_100_000, 1_122_012_000, "BİM Birleşik Mağazalar A.Ş."),
    ("AKBNK.IS", "IST", "EQUITY", "TRY", 66.2, "0.05", 61_000_000, 957_852_000, "Akbank T.A.Ş."),
    ("KCHOL.IS", "IST", "EQUITY", "TRY", 178.0, "0.1", 19_000_000, 957_852_000, "Koç Holding A.Ş."),
    ("SISE.IS", "IST", "EQUITY", "TRY", 38.7, "0.02", 44_000_000, 957_852_000, "Türkiye Şişe ve Cam Fabrikaları A.Ş."),
    ("EREGL.IS", "IST", "EQUITY", "TRY", 28.4, "0.02", 131_000_000, 957_852_000, "Ereğli Demir ve Çelik Fabrikaları"),
    ("TUPRS.IS", "IST", "EQUITY", "TRY", 184.0, "0.1", 17_000_000, 957_852_000, "Türkiye Petrol Rafinerileri A.Ş."),
    ("ISCTR.IS", "IST", "EQUITY", "TRY", 13.9, "0.01", 340_000_000, 957_852_000, "Türkiye İş Bankası A.Ş."),
    ("SAHOL.IS", "IST", "EQUITY", "TRY", 92.0, "0.05", 27_000_000, 957_852_000, "Hacı Ömer Sabancı Holding A.Ş."),
    ("XU100.IS", "IST", "INDEX", "TRY", 10_900.0, "0.1", 3_100_000_000, 867_744_000, "BIST 100"),
    ("VOD.L", "LSE", "EQUITY", "GBp", 88.4, "0.02", 49_000_000, 583_743_600, "Vodafone Group Public Limited Company"),
    ("BP.L", "LSE", "EQUITY", "GBp", 428.0, "0.05", 36_000_000, 583_743_600, "BP p.l.c."),
    ("SAP.DE", "GER", "EQUITY", "EUR", 231.0, "0.02", 1_400_000, 820_483_200, "SAP SE"),
    ("SIE.DE", "GER", "EQUITY", "EUR", 233.0, "0.05", 960_000, 820_483_200, "Siemens Aktiengesellschaft"),
    ("POLI.TA", "TLV", "EQUITY", "ILA", 6_420.0, "1", 2_600_000, 820_483_200, "Bank Hapoalim B.M."),
    ("NPN.JO", "JNB", "EQUITY", "ZAc", 118_400.0, "1", 1_100_000, 820_483_200, "Naspers Limited"),
    ("CBA.AX", "ASX", "EQUITY", "AUD", 168.0, "0.01", 1_700_000, 684_284_400, "Commonwealth Bank of Australia"),
    ("RELIANCE.NS", "NSI", "EQUITY", "INR", 1_402.0, "0.1", 9_400_000, 820_467_900, "Reliance Industries Limited"),
    ("BTC-USD", "CCC", "CRYPTOCURRENCY", "USD", 0.0, "0.01", 41_000_000_000, 1_410_912_000, "Bitcoin USD"),
    ("ETH-USD", "CCC", "CRYPTOCURRENCY", "USD", 0.0, "0.001", 22_000_000_000, 1_510_185_600, "Ethereum USD"),
    ("EURUSD=X", "CCY", "CURRENCY", "USD", 0.0, "0.00001", 900_000, 1_070_236_800, "EUR/USD"),
    ("GBPUSD=X", "CCY", "CURRENCY", "USD", 0.0, "0.00001", 900_000, 1_070_236_800, "GBP/USD"),
    ("TRY=X", "CCY", "CURRENCY", "TRY", 0.0, "0.0001", 900_000, 1_070_236_800, "USD/TRY"),
    ("USDTRY=X", "CCY", "CURRENCY", "TRY", 0.0, "0.0001", 900_000, 1_070_236_800, "USD/TRY"),
    ("EURTRY=X", "CCY", "CURRENCY", "TRY", 0.0, "0.0001", 900_000, 1_070_236_800, "EUR/TRY"),
    ("JPY=X", "CCY", "CURRENCY", "JPY", 0.0, "0.001", 900_000, 1_070_236_800, "USD/JPY"),
)

# What the values of which assets, to which power, multiply to the price; every other instrument has a value of its own.
_FACTORS: dict[str, tuple[tuple[str, int], ...]] = {
    "BTC-USD": (("BTC", 1),),
    "ETH-USD": (("ETH", 1),),
    "EURUSD=X": (("EUR", -1),),
    "GBPUSD=X": (("GBP", -1),),
    "TRY=X": (("TRY", 1),),
    "USDTRY=X": (("TRY", 1),),
    "EURTRY=X": (("TRY", 1), ("EUR", -1)),
    "JPY=X": (("JPY", 1),),
}
_PATHS = {"BTC-USD": "BTC", "ETH-USD": "ETH", "USDTRY=X": "TRY=X"}
_SPLITS = {
    "AAPL": ((date(2020, 8, 31), 4, 1),),
    "NVDA": ((date(2021, 7, 20), 4, 1), (date(2024, 6, 10), 10, 1)),
    "TSLA": ((date(2022, 8, 25), 3, 1),),
    "GOOGL": ((date(2022, 7, 18), 20, 1),),
    "AMZN": ((date(2022, 6, 6), 20, 1),),
}
_DIVIDENDS = {
    "AAPL": (0.26, (2, 5, 8, 11)),
    "MSFT": (0.83, (2, 5, 8, 11)),
    "JPM": (1.4, (1, 4, 7, 10)),
    "KO": (0.51, (3, 6, 9, 11)),
    "XOM": (0.99, (2, 5, 8, 11)),
    "SPY": (1.8, (3, 6, 9, 12)),
    "GARAN.IS": (4.37, (5,)),
    "VOD.L": (2.25, (6, 11)),
    "SAP.DE": (2.35, (5,)),
}

PRICE_BASES: dict[str, float] = {row[0]: row[4] for row in _TABLE if row[0] not in _FACTORS}
"""About what each instrument with a value of its own is worth, in its own price unit."""


def load_instruments(market: Market) -> dict[str, Instrument]:
    """Every instrument of the simulated Yahoo by its symbol."""
    instruments = {}
    for symbol, code, kind, currency, _, tick, volume, first_trade, name in _TABLE:
        exchange = EXCHANGES[code]
        shape = Shape(
            path=_PATHS.get(symbol, symbol),
            factors=_FACTORS.get(symbol, ((symbol, 1),)),
            tick=Fraction(tick),
            step=Fraction(1),
            volume=volume,
            trades=max(20_000, min(round(volume / 90), 2_000_000)),
            swing={"CURRENCY": 0.002, "CRYPTOCURRENCY": 0.016}.get(kind, 0.008),
            idle=0.01 if code in {"LSE", "TLV", "JNB", "NSI"} else 0.0,
        )
        dividend, months = _DIVIDENDS.get(symbol, (0.0, ()))
        instruments[symbol] = Instrument(
            symbol=symbol,
            exchange=exchange,
            kind=kind,
            currency=currency,
            name=name,
            first_trade=first_trade,
            series=Series(shape, market=market, spans=exchange.sessions, plan=SESSION),
            price_hint=4 if kind == "CURRENCY" else 2,
            dividend=dividend,
            dividend_months=months,
            splits=_SPLITS.get(symbol, ()),
        )
    return instruments
