"""What every pricer sees: prices, the month's usage, and all resources, since some cost by what others do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.cost.prices import Item, PriceError, Prices
from bench.cost.templates import Resource, one, referred, written
from bench.cost.usage import FunctionUse, Usage


@dataclass(frozen=True)
class World:
    """One case: so many symbols, idle or busy. `notes` collects what the reader of the bill must know."""

    prices: Prices
    usage: Usage
    resources: Sequence[Resource]
    notes: list[str] = field(default_factory=list)

    def item(self, service: str, what: str, key: str, quantity: float, *, times: float = 1.0) -> Item:
        """A line of the bill."""
        return self.prices.item(service, what, key, quantity, times=times)

    def short(self, name: object) -> str:
        """A physical name without `marketflow-<stage>-`."""
        return written(name).removeprefix(f"marketflow-{self.usage.settings.stage}-")

    def function_of(self, resource: Resource) -> FunctionUse:
        """What an AWS::Lambda::Function does in a month."""
        return self.usage.function(
            self.short(resource.properties.get("FunctionName", resource.logical_id)),
            timeout=int(resource.properties.get("Timeout", 3)),
        )

    def referred(self, source: Resource, value: object) -> Resource:
        """The resource of the same stack to which `value` refers. Raises PriceError when there is none."""
        found = one(self.resources, source.stack, referred(value))
        if found is None:
            raise PriceError(f"{source} refers to {written(value)}, which is not in its stack.")
        return found

    def of_type(self, kind: str) -> list[Resource]:
        """Every resource of one type."""
        return [resource for resource in self.resources if resource.type == kind]
