"""What everything is worth: one value per asset and instant, so that all vendors and cross pairs agree."""

from __future__ import annotations

from functools import lru_cache

from local.simulator.currencies import CURRENCIES
from local.simulator.noise import Octaves, salt, value_noise

DAY = 86_400

CRYPTO: Octaves = ((90 * DAY, 0.14), (20 * DAY, 0.08), (5 * DAY, 0.045), (DAY, 0.02))
STOCK: Octaves = ((90 * DAY, 0.09), (20 * DAY, 0.05), (5 * DAY, 0.02), (DAY, 0.009))
FLOAT: Octaves = ((90 * DAY, 0.02), (20 * DAY, 0.008), (5 * DAY, 0.003), (DAY, 0.0012))

_CRYPTO_USD = {
    "BTC": 85_000.0,
    "ETH": 3_100.0,
    "BNB": 890.0,
    "SOL": 165.0,
    "XRP": 2.31,
    "ADA": 0.56,
    "DOGE": 0.172,
    "AVAX": 18.4,
    "DOT": 2.94,
    "LINK": 15.6,
    "LTC": 98.0,
    "TRX": 0.291,
    "ATOM": 3.02,
    "UNI": 6.9,
    "SHIB": 0.0000098,
    "VEN": 20.4,
    "这是测试币456": 0.031,
}


class Market:
    """The worth of every asset at every instant, from `seed` alone.

    A cryptocurrency is worth so many US dollars, a currency so many of its units per US dollar, any other asset
    (a share, an index) so many of its own price unit.
    """

    def __init__(self, seed: int, bases: dict[str, float]) -> None:
        self.seed = seed
        self._bases = bases
        self._key = lru_cache(maxsize=1024)(lambda asset: salt(seed, "value", asset))

    def value(self, asset: str, at: int) -> float:
        """What `asset` is worth at `at` (epoch seconds). Raises KeyError for an asset that does not exist."""
        if (currency := CURRENCIES.get(asset)) is not None:
            if currency.peg == asset:
                return currency.rate
            if currency.peg:
                return currency.rate * self.value(currency.peg, at)
            return currency.rate * (1.0 + value_noise(self._key(asset), at, FLOAT))
        if (base := _CRYPTO_USD.get(asset)) is not None:
            return base * (1.0 + value_noise(self._key(asset), at, CRYPTO))
        return self._bases[asset] * (1.0 + value_noise(self._key(asset), at, STOCK))
