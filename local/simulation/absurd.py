"""An answer in which one number is a hundred times too big or too small, and what the oracle makes of it."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from local.simulation.oracle import Fact, Reading, shortest

NEWEST_ROWS = 5
"""Among so many of the last rows of a page the broken one is chosen: old ones are seldom said again."""

Choose = Callable[[int], int]
"""A number from 0 to before the given one."""


@dataclass(frozen=True, slots=True)
class Absurd:
    """What was broken: the row at `position` or the rate of a `currency`; what it says is `factor` times the truth."""

    factor: Decimal
    position: int | None = None
    currency: str | None = None


def spoil(
    path: str, body: bytes, factor: Decimal, choose: Choose, currencies: list[str]
) -> tuple[bytes, Absurd] | None:
    """The body with one number out of place; None when it has none to break. Vendors' other faults stay in it."""
    try:
        found = json.loads(body)
    except ValueError:
        return None
    absurd = _spoil(path, found, factor, choose, currencies)
    return None if absurd is None else (json.dumps(found, ensure_ascii=False).encode(), absurd)


def _spoil(path: str, found: Any, factor: Decimal, choose: Choose, currencies: list[str]) -> Absurd | None:  # noqa: ANN401
    if path.endswith("/klines") and found:
        place = _newest(len(found), choose)
        found[place][1:5] = [f"{Decimal(text) * factor:f}" for text in found[place][1:5]]
        return Absurd(factor, position=place)
    if path.endswith("/ticker/price"):
        rows = found if isinstance(found, list) else [found]
        place = choose(len(rows))
        rows[place]["price"] = f"{Decimal(rows[place]['price']) * factor:f}"
        return Absurd(factor, position=place)
    if "/chart/" in path:
        return _spoil_chart(found, factor, choose)
    if "base_code" in found and "rates" in found and currencies:
        currency = currencies[choose(len(currencies))]
        found["rates"][currency] = float(Decimal(repr(found["rates"][currency])) * factor)
        return Absurd(factor, currency=currency)
    return None


def _spoil_chart(found: Any, factor: Decimal, choose: Choose) -> Absurd | None:  # noqa: ANN401 - any JSON
    result = (found.get("chart", {}).get("result") or [{}])[0]
    stamps = result.get("timestamp") or []
    quote = (result.get("indicators", {}).get("quote") or [{}])[0]
    columns = [quote.get(name) or [] for name in ("open", "high", "low", "close")]
    if not stamps or any(len(column) != len(stamps) for column in columns):
        return None
    place = _newest(len(stamps), choose)
    if any(column[place] is None for column in columns):
        return None
    for column in columns:
        column[place] = float(_exact(column[place]) * factor)
    return Absurd(factor, position=place)


def _newest(count: int, choose: Choose) -> int:
    return count - 1 - choose(min(count, NEWEST_ROWS))


def _exact(value: float) -> Decimal:
    """The number that a vendor's 32 bits stand for."""
    (widened,) = struct.unpack("<f", struct.pack("<f", value))
    return shortest(value) if widened == value else Decimal(repr(value))


def applied(reading: Reading, absurd: Absurd | None) -> Reading:
    """What the answer says with its broken number."""
    if absurd is None:
        return reading
    return replace(reading, facts=tuple(_applied(fact, absurd) for fact in reading.facts))


def _applied(fact: Fact, absurd: Absurd) -> Fact:
    factor = absurd.factor
    if absurd.currency is not None:
        base, quote = fact.key[1].split("/")
        if absurd.currency not in (base, quote):
            return fact
        factor = factor if absurd.currency == quote else 1 / factor
    elif fact.position != absurd.position:
        return fact
    width = 4 if fact.key[0] == "candles" else 1
    prices = tuple(value * factor for value in fact.values[:width] if value is not None)
    return replace(fact, values=(*prices, *fact.values[width:]))
