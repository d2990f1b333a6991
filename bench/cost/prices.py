"""List prices and what is made of them: items, and bills whose total is the sum of their items."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from math import fsum
from pathlib import Path
from typing import Any, Self

FILE = Path(__file__).with_name("prices.json")


class PriceError(Exception):
    """Something cannot be priced; the message names it and says where to decide about it."""


@dataclass(frozen=True, slots=True)
class Price:
    """USD for one `unit`, as the page of AWS called `page` had it at `as_of` (year and month)."""

    usd: float
    unit: str
    page: str
    as_of: str
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a bill: `quantity` of what `key` is the price of, `usd` a month."""

    service: str
    what: str
    quantity: float
    key: str
    usd: float


@dataclass(frozen=True, slots=True)
class Free:
    """What AWS gives for nothing of one price: each month for ever (`always`), or only in the first year."""

    quantity: float
    kind: str


@dataclass(frozen=True, slots=True)
class Prices:
    """The table of prices.json, or of another file of its form."""

    region: str
    table: dict[str, Price]
    free: dict[str, Free]

    @classmethod
    def load(cls, path: Path = FILE) -> Self:
        """The table in `path`."""
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            region=document["region"],
            table={key: Price(**entry) for key, entry in document["prices"].items()},
            free={key: Free(**entry) for key, entry in document["free"].items()},
        )

    def item(self, service: str, what: str, key: str, quantity: float, *, times: float = 1.0) -> Item:
        """`quantity` at the price `key`, `times` over. Raises PriceError for a price that the table does not have."""
        if key not in self.table:
            raise PriceError(f"There is no price {key!r} in bench/cost/prices.json: add it with its page and date.")
        return Item(service, what, quantity, key, quantity * times * self.table[key].usd)


@dataclass(frozen=True, slots=True)
class Bill:
    """One month. `notes` say what the bill had to assume, and where the stage is too small for what is asked of it."""

    items: tuple[Item, ...]
    notes: tuple[str, ...] = ()

    @property
    def total(self) -> float:
        """USD a month, the free tier not taken off."""
        return fsum(item.usd for item in self.items)

    def lines(self) -> dict[tuple[str, str], float]:
        """USD by service and line, in the order of the items; those of one name added up."""
        found: dict[tuple[str, str], float] = defaultdict(float)
        for item in self.items:
            found[item.service, item.what] += item.usd
        return dict(found)

    def services(self) -> dict[str, float]:
        """USD by service."""
        found: dict[str, float] = defaultdict(float)
        for item in self.items:
            found[item.service] += item.usd
        return dict(found)

    def free(self, prices: Prices, kind: str) -> float:
        """How much of the total AWS' free tier of that `kind` would take off in an account that has nothing else."""
        return fsum(
            min(1.0, free.quantity / quantity) * usd
            for key, free in prices.free.items()
            if free.kind == kind
            for quantity, usd in [_of(self.items, key)]
            if quantity
        )


def _of(items: Iterable[Item], key: str) -> tuple[float, float]:
    mine = [item for item in items if item.key == key]
    return fsum(item.quantity for item in mine), fsum(item.usd for item in mine)
