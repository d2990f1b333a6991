"""The oracle's view of ExchangeRate-API: pairs crossed over the dollar, from what each currency is worth."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal

from local.simulation.oracle import NO_DATA, Fact, Reading, Served, document, utc
from local.simulator.assets import DAY
from local.simulator.wire import plain_number
from local.simulator.world import World

BASE = "USD"
_TEN_DIGITS = Context(prec=10, rounding=ROUND_HALF_EVEN)


def read(world: World, served: Served) -> Reading:
    """What the answer of the open endpoint says of the pairs that were asked for."""
    found = document(served.body)
    if served.status != 200 or found is None or found["result"] != "success":
        return NO_DATA
    published = found["time_last_update_unix"]
    rates = world.exchangerate.rates(BASE, published // DAY * DAY, lambda value: plain_number(value, 6))
    facts = []
    for place, pair in enumerate(served.symbols):
        base, quote = (Decimal(rates[code]) for code in pair.split("/"))
        facts.append(Fact(("prices", pair, "", utc(published)), (crossed(base, quote),), True, place))
    return Reading(tuple(facts))


def crossed(base: Decimal, quote: Decimal) -> Decimal:
    """Units of the quote currency per one of the base, from how many of each a third currency buys."""
    return quote if base == 1 else _TEN_DIGITS.divide(quote, base)
