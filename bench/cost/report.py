"""The bill as tables: a column for each case, a line for each item, the cluster beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from bench.cost.cases import Case
from bench.cost.prices import Bill, Prices
from bench.cost.usage import Demand
from bench.scaling.report import table

Take = Callable[[Case], Bill]
TINY = 0.005


def usd(amount: float) -> str:
    """An amount as it stands in a table; less than half a cent is nothing."""
    return "-" if abs(amount) < TINY else f"{amount:,.2f}"


def page(stage: str, found: Sequence[Case], demand: Demand, prices: Prices, *, whole: bool = True) -> str:
    """Everything; without `whole` the totals alone."""
    head = ["USD a month", *(f"{case.symbols:,} {case.name}" for case in found)]
    parts = [
        _introduction(stage, demand, prices),
        "### Together",
        table(head, _totals(found, prices)),
        "### By service",
        table(head, _services(found, lambda case: case.ours, "MarketFlow")),
        table(head, _services(found, lambda case: case.cluster, "container and cluster")),
    ]
    if whole:
        parts += [
            "### MarketFlow, item by item",
            table(head, _lines(found, lambda case: case.ours)),
            "### The container-and-cluster design, item by item",
            table(head, _lines(found, lambda case: case.cluster)),
        ]
    parts += ["### What to know of these columns", _notes(found)]
    return "\n\n".join(parts) + "\n"


def _introduction(stage: str, demand: Demand, prices: Prices) -> str:
    return (
        f"List prices of {prices.region}, on demand, a month of 730 hours, after {demand.months} months of running the "
        f"stage `{stage}`. Busy is {demand.rate:g} requests a second on average ({_shares(demand)}) and "
        f"{demand.people} people; idle is no request at all. The free tier is not taken off."
    )


def _shares(demand: Demand) -> str:
    return ", ".join(f"{share:.0%} {kind}" for kind, share in demand.shares.items())


def _totals(found: Sequence[Case], prices: Prices) -> Iterable[list[str]]:
    def row(name: str, value: Callable[[Case], str]) -> list[str]:
        return [name, *(value(case) for case in found)]

    yield row("MarketFlow", lambda case: usd(case.ours.total))
    yield row("container and cluster", lambda case: usd(case.cluster.total))
    yield row("cluster / MarketFlow", lambda case: f"{case.cluster.total / case.ours.total:.1f}")
    yield row("of MarketFlow, within the free tier (always)", lambda case: usd(-case.ours.free(prices, "always")))
    yield row(
        "of MarketFlow, within the free tier (first 12 months)",
        lambda case: usd(-case.ours.free(prices, "first 12 months")),
    )
    yield row("of MarketFlow, for each symbol", lambda case: usd(case.ours.total / case.symbols))


def _services(found: Sequence[Case], take: Take, name: str) -> Iterable[list[str]]:
    names = dict.fromkeys(service for case in found for service in take(case).services())
    ordered = sorted(names, key=lambda service: -max(take(case).services().get(service, 0) for case in found))
    for service in ordered:
        yield [service, *(usd(take(case).services().get(service, 0)) for case in found)]
    yield [f"**{name}**", *(f"**{usd(take(case).total)}**" for case in found)]


def _lines(found: Sequence[Case], take: Take) -> Iterable[list[str]]:
    names = dict.fromkeys(line for case in found for line in take(case).lines())
    for service, what in sorted(names):
        amounts = [take(case).lines().get((service, what), 0.0) for case in found]
        if max(amounts) >= TINY:
            yield [f"{service}: {what}", *map(usd, amounts)]
    small = [sum(one for one in take(case).lines().values() if one < TINY) for case in found]
    yield ["everything below half a cent in every column", *(f"{one:.3f}" for one in small)]


def _notes(found: Sequence[Case]) -> str:
    notes = dict.fromkeys((case.symbols, note) for case in found for note in (*case.ours.notes, *case.cluster.notes))
    lines = [f"- {symbols:,} symbols: {note}" for symbols, note in notes]
    return "\n".join(lines) if lines else "- The stage carries all of them as it is."
