"""What differs between the markets: one small declared strategy per asset type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from marketflow.domain.rules import (
    ACTION_RULES,
    CANDLE_RULES,
    PRICE_RULES,
    ActionRule,
    CandleRule,
    PriceRule,
    ended_if_final,
    on_utc_grid,
    on_whole_minute,
)
from marketflow.domain.symbol import AssetType


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """How the rows of one kind of market are judged, in this order. Its parser and its symbols come from the source."""

    candle_rules: Sequence[CandleRule] = CANDLE_RULES
    price_rules: Sequence[PriceRule] = PRICE_RULES
    action_rules: Sequence[ActionRule] = ACTION_RULES


STRATEGIES: Mapping[AssetType, Strategy] = {
    # Never closes: candles stand on a grid of UTC, and the clock alone says when one has ended.
    AssetType.CRYPTO: Strategy(candle_rules=(*CANDLE_RULES, on_utc_grid, ended_if_final)),
    # Opens and closes: candles are counted from the session's start, and the last one of a day may be short.
    AssetType.STOCK: Strategy(candle_rules=(*CANDLE_RULES, on_whole_minute)),
    # Published a few times a day, as prices; candles of a session would follow the same calendar as stocks.
    AssetType.FOREX: Strategy(candle_rules=(*CANDLE_RULES, on_whole_minute)),
}
