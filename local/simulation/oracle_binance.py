"""The oracle's view of Binance: klines and last prices, from the series of each pair."""

from __future__ import annotations

from decimal import Decimal

from local.simulation.oracle import NO_DATA, Fact, Reading, Served, Values, document, utc
from local.simulator.bars import Bar
from local.simulator.pairs import SCALE, Pair
from local.simulator.world import World

MINUTE = 60
_EIGHT = Decimal(1).scaleb(-8)


def read(world: World, served: Served) -> Reading:
    """What a klines or ticker answer says."""
    found = document(served.body)
    if served.status != 200 or found is None:
        return NO_DATA
    if served.path.endswith("/klines"):
        return _klines(world.binance.pairs[served.params["symbol"]], served, found)
    entries = [found] if isinstance(found, dict) else found
    at = utc(served.at)
    return Reading(
        tuple(
            Fact(("prices", one["symbol"], "", at), (last_price(world, one["symbol"], served),), True, place)
            for place, one in enumerate(entries)
        )
    )


def last_price(world: World, symbol: str, served: Served) -> Decimal:
    """The newest trade's price: of now, of the halt of a pair, or of the moment before an outage."""
    pair = world.binance.pairs[symbol]
    last = served.at if pair.halted is None else min(served.at, pair.halted)
    if served.hole and served.hole[0] <= last < served.hole[1]:
        last = served.hole[0] - 1
    bar = pair.series.between(last, last + 1)
    if bar is None:
        raise AssertionError(f"{symbol} has no trade at {last}.")
    return bar.close * pair.tick8 * _EIGHT


def _klines(pair: Pair, served: Served, rows: list[list[int]]) -> Reading:
    opens = [row[0] // 1000 for row in rows]
    odd = {place for place, row in enumerate(rows) if row[0] % 60_000 or row[6] != row[0] + 59_999}
    good = [start for place, start in enumerate(opens) if place not in odd]
    bars = _bars(pair, good[0], good[-1] + MINUTE) if good else {}
    facts, refused = [], []
    for place, start in enumerate(opens):
        if place in odd:
            refused.append((place, utc(start - start % MINUTE)))
            continue
        last = served.at if pair.halted is None else min(served.at, pair.halted)
        bar = bars[start] if start + MINUTE <= last + 1 else pair.series.between(start, last + 1)
        if bar is None:
            raise AssertionError(f"{pair.symbol} has no minute at {start}.")
        final = start + MINUTE <= served.at
        facts.append(Fact(("candles", pair.symbol, "1m", utc(start)), _values(pair, bar), final, place))
    return Reading(tuple(facts), tuple(refused))


def minute(world: World, symbol: str, start: int) -> Values:
    """The whole minute that opens at `start` (epoch seconds)."""
    pair = world.binance.pairs[symbol]
    return _values(pair, _bars(pair, start, start + MINUTE)[start])


def _bars(pair: Pair, start: int, end: int) -> dict[int, Bar]:
    return {bar.start: bar for bar in pair.series.bars(start, end, MINUTE)}


def _values(pair: Pair, bar: Bar) -> Values:
    prices = (ticks * pair.tick8 * _EIGHT for ticks in (bar.open, bar.high, bar.low, bar.close))
    quote = bar.quote * pair.tick8 * pair.step8 // SCALE  # cut at eight decimals, as the exchange writes it
    return (*prices, bar.volume * pair.step8 * _EIGHT, quote * _EIGHT, bar.trades)
