"""The simulated Binance's exchangeInfo and tickers."""

from __future__ import annotations

from typing import Any

from local.simulator.assets import DAY
from local.simulator.binance_klines import Tape
from local.simulator.binance_limits import WEIGHT_LIMIT
from local.simulator.noise import mix
from local.simulator.pairs import SCALE, Pair, decimal8

_ORDER_TYPES = ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"]
_TRADES_PER_DAY = 4_000_000  # trade ids grow by this each day, more than any pair trades

RATE_LIMITS = [
    {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": WEIGHT_LIMIT},
    {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 100},
    {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": 200_000},
    {"rateLimitType": "RAW_REQUESTS", "interval": "MINUTE", "intervalNum": 5, "limit": 300_000},
]


def exchange_symbol(pair: Pair, *, permission_sets: bool) -> dict[str, Any]:
    """The entry of `pair` in exchangeInfo."""
    return {
        "symbol": pair.symbol,
        "status": pair.status,
        "baseAsset": pair.base,
        "baseAssetPrecision": 8,
        "quoteAsset": pair.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": _ORDER_TYPES,
        "icebergAllowed": True,
        "ocoAllowed": True,
        "otoAllowed": True,
        "opoAllowed": True,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": True,
        "cancelReplaceAllowed": True,
        "amendAllowed": True,
        "pegInstructionsAllowed": True,
        # Delisted pairs have been seen to keep this flag: only the status says that they do not trade.
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": pair.halted is None,
        "filters": _filters(pair),
        "permissions": [],
        **({"permissionSets": [["SPOT", "MARGIN", "TRD_GRP_004"]]} if permission_sets else {}),
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT"],
    }


def _filters(pair: Pair) -> list[dict[str, Any]]:
    tick, step = decimal8(pair.tick8), decimal8(pair.step8)
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": tick,
            "maxPrice": decimal8(pair.tick8 * 100_000_000),
            "tickSize": tick,
        },
        {"filterType": "LOT_SIZE", "minQty": step, "maxQty": decimal8(pair.step8 * 900_000_000), "stepSize": step},
        {"filterType": "ICEBERG_PARTS", "limit": 10},
        {"filterType": "MARKET_LOT_SIZE", "minQty": "0.00000000", "maxQty": step, "stepSize": "0.00000000"},
        {
            "filterType": "TRAILING_DELTA",
            "minTrailingAboveDelta": 10,
            "maxTrailingAboveDelta": 2000,
            "minTrailingBelowDelta": 10,
            "maxTrailingBelowDelta": 2000,
        },
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": "5",
            "bidMultiplierDown": "0.2",
            "askMultiplierUp": "5",
            "askMultiplierDown": "0.2",
            "avgPriceMins": 5,
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": "5.00000000",
            "applyMinToMarket": True,
            "maxNotional": "9000000.00000000",
            "applyMaxToMarket": False,
            "avgPriceMins": 5,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
        {"filterType": "MAX_NUM_ORDER_LISTS", "maxNumOrderLists": 20},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5},
        {"filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": 10},
    ]


def last_price(tape: Tape) -> str:
    """The price of the newest trade, in the exchange's text form."""
    bar = tape.pair.series.between(tape.last, tape.last + 1)
    return decimal8((bar.close if bar else 0) * tape.pair.tick8)


def ticker_24h(tape: Tape, *, last_ms: int, mini: bool, unit: int) -> dict[str, Any]:
    """The rolling 24 hours up to `last_ms`; `unit` is how many wire time units a second has (1000 or 1000000)."""
    pair, series = tape.pair, tape.pair.series
    start = max(pair.listed, tape.last + 1 - DAY)
    bar = series.between(start, tape.last + 1)
    newest = series.between(tape.last, tape.last + 1)
    before = series.between(start - 1, start)
    if bar is None or newest is None or before is None:
        raise AssertionError(f"{pair.symbol} has no trades before {tape.last}, though its days have no gaps.")
    tick, step = pair.tick8, pair.step8
    scale = unit // 1000
    last_id = (tape.last - pair.listed) * _TRADES_PER_DAY // DAY + bar.trades
    change = bar.close - bar.open
    full = {
        "symbol": pair.symbol,
        "priceChange": decimal8(change * tick),
        "priceChangePercent": f"{change * 100 / bar.open:.3f}",
        "weightedAvgPrice": decimal8(bar.quote * tick // bar.volume if bar.volume else 0),
        "prevClosePrice": decimal8(before.close * tick),
        "lastPrice": decimal8(bar.close * tick),
        "lastQty": decimal8(max(1, newest.volume // max(1, newest.trades)) * step),
        **_book(pair, bar.close, tape.last),
        "openPrice": decimal8(bar.open * tick),
        "highPrice": decimal8(bar.high * tick),
        "lowPrice": decimal8(bar.low * tick),
        "volume": decimal8(bar.volume * step),
        "quoteVolume": decimal8(bar.quote * tick * step // SCALE),
        "openTime": (last_ms - DAY * 1000) * scale,
        "closeTime": last_ms * scale,
        "firstId": last_id - bar.trades + 1 if bar.trades else -1,
        "lastId": last_id if bar.trades else -1,
        "count": bar.trades,
    }
    if not mini:
        return full
    return {name: value for name, value in full.items() if name not in _NOT_IN_MINI}


_NOT_IN_MINI = frozenset(
    [
        "priceChange",
        "priceChangePercent",
        "weightedAvgPrice",
        "prevClosePrice",
        "lastQty",
        "bidPrice",
        "bidQty",
        "askPrice",
        "askQty",
    ]
)


def _book(pair: Pair, price: int, at: int) -> dict[str, str]:
    """The best bid and ask; zero for a pair that was delisted."""
    if pair.halted is not None:
        return dict.fromkeys(("bidPrice", "bidQty", "askPrice", "askQty"), decimal8(0))
    draw = mix(at)
    return {
        "bidPrice": decimal8(max(1, price - draw % 2) * pair.tick8),
        "bidQty": decimal8((1 + draw % 9973) * pair.step8),
        "askPrice": decimal8((max(1, price - draw % 2) + 1) * pair.tick8),
        "askQty": decimal8((1 + draw % 7919) * pair.step8),
    }
