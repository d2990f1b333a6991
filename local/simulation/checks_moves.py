"""Absurd moves: what is held back is what the rule says of the stored rows in the order of their times."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from decimal import Decimal

from local.simulation.fetching import Scene
from local.simulation.ledger import Reader
from marketflow.domain.interval import Interval
from marketflow.domain.moves import LOOK_BACKS, PRICE_LOOK_BACK, Point, Split, verdicts
from marketflow.domain.symbol import AssetType

BOUND = Decimal(3)
"""Below the simulated split of 4:1, which nobody may take for a move."""

MAX_MOVES = dict.fromkeys(AssetType, BOUND)

_ROWS = """
SELECT s.source_symbol, CAST(c.interval AS text), c.open_time, c.low, c.high, c.close, c.final, c.observed_at, c.held
FROM candles AS c JOIN symbols AS s ON s.id = c.symbol_id
UNION ALL
SELECT s.source_symbol, '', p.as_of, p.price, p.price, p.price, true, p.observed_at, p.held
FROM prices AS p JOIN symbols AS s ON s.id = p.symbol_id
ORDER BY 1, 2, 3
"""
_SPLITS = """
SELECT s.source_symbol, a.effective, a.numerator, a.denominator
FROM actions AS a JOIN symbols AS s ON s.id = a.symbol_id WHERE a.kind = 'split'
"""


def check(scene: Scene, reader: Reader) -> None:
    """Compare every row's `held` with the rule; that the rows themselves are right is checked elsewhere."""
    splits: dict[str, list[Split]] = defaultdict(list)
    for symbol, effective, up, down in reader.query(_SPLITS):
        splits[symbol].append(Split(effective=effective, numerator=up, denominator=down))
    series: dict[tuple[str, str], list[tuple[Point, bool]]] = defaultdict(list)
    for symbol, interval, moment, low, high, close, final, seen, held in reader.query(_ROWS):
        point = Point(moment=moment, low=low, high=high, close=close, final=final, observed_at=seen)
        series[symbol, interval].append((point, held))
    for (symbol, interval), rows in series.items():
        points = [point for point, _ in rows]
        look_back = LOOK_BACKS[Interval(interval)] if interval else PRICE_LOOK_BACK
        wanted = verdicts(points, bound=BOUND, look_back=look_back, splits=splits[symbol])
        for (point, held), verdict in zip(rows, wanted, strict=True):
            if held != verdict:
                what = f"{symbol} {interval or 'price'} {_text(point.moment)} is held back when the rule says so."
                scene.log.violate(what, verdict, held)


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
