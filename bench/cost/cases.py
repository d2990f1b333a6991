"""The columns of the bill: so many symbols, idle and busy, each priced on a stage that carries them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bench.cost import container, inventory
from bench.cost.prices import Bill, Prices
from bench.cost.templates import Resource
from bench.cost.usage import Demand, Usage
from bench.cost.world import World
from bench.scaling.settings import Settings
from bench.scaling.turning import Step, turn_up
from bench.workload.asked import Mix
from bench.workload.flow import Flow
from bench.workload.measured import Measured

MONEY = ("storage", "database")
"""Limits whose turning the bill's own notes tell of: they stand in the template."""


@dataclass(frozen=True, slots=True)
class Case:
    """One column: ours and the cluster's."""

    symbols: int
    name: str
    ours: Bill
    cluster: Bill


def cases(
    resources: Sequence[Resource],
    settings: Settings,
    symbols: Sequence[int],
    demand: Demand,
    *,
    prices: Prices,
    measured: Measured,
) -> Iterator[Case]:
    """Idle and busy for each number of symbols. Raises PriceError for what cannot be priced."""
    for number in symbols:
        months = settings.history_months or demand.months
        turned = turn_up(replace(settings, history_months=min(months, demand.months)), number, measured)
        flow = Flow.of(Mix.of(number), measured)
        for name, rate in (("idle", 0.0), ("busy", demand.rate)):
            asked = replace(demand, rate=rate, people=demand.people if rate else 0)
            world = World(prices, Usage(flow, turned.settings, asked), resources, list(_said(turned.steps)))
            ours = inventory.bill(world)
            yield Case(number, name, ours, container.bill(world, ours))


def _said(steps: Sequence[Step]) -> Iterator[str]:
    for step in steps:
        if not step.limit.name.startswith(MONEY):
            yield f"Turned up: {step.change}{'' if step.ours else ', which is NOT BUILT (docs/scale.md)'}."
