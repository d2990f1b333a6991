"""The oracle's view of the ECB's reference rates: pairs crossed over the euro, from the fixings of each day."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

from local.simulation.oracle import NO_DATA, Fact, Reading, Served, document, utc
from local.simulation.oracle_rates import crossed
from local.simulator import fixings
from local.simulator.world import World


def read(world: World, served: Served) -> Reading:
    """What a range of days says of the pairs that were asked for."""
    found = document(served.body)
    if served.status == 404 and found == {"message": "not found"}:
        return Reading()
    if served.status != 200 or found is None:
        return NO_DATA
    facts: list[Fact] = []
    for day in (date.fromisoformat(text) for text in sorted(found["rates"])):
        moment = datetime.combine(day, fixings.PUBLICATION, fixings.FRANKFURT).astimezone(UTC)
        if not served.wanted(moment) or moment > utc(served.at):
            continue
        for pair in served.symbols:
            legs = pair.split("/")
            if all(code == "EUR" or fixings.quoted(code, day) for code in legs):
                base, quote = (_per_euro(world, code, day) for code in legs)
                facts.append(Fact(("prices", pair, "", moment), (crossed(base, quote),), True, len(facts)))
    return Reading(tuple(facts))


def _per_euro(world: World, code: str, day: date) -> Decimal:
    if code == "EUR":
        return Decimal(1)
    value = fixings.rate(world.market, code, day)
    return Decimal(f"{value:.6f}")
