"""Metrics that a line of a log holds, by CloudWatch's embedded metric format: pure, without the emulator.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MOST_VALUES = 100
MOST_DIMENSIONS = 30


@dataclass(frozen=True, kw_only=True)
class Datum:
    """The values of one metric under one set of dimensions; `timestamp` in seconds since 1970."""

    namespace: str
    name: str
    dimensions: dict[str, str]
    values: tuple[float, ...]
    unit: str
    timestamp: float


def metrics_of(message: str) -> list[Datum]:
    """The metrics of one log event; none for a line that is not of the format, or breaks its rules."""
    if '"CloudWatchMetrics"' not in message:
        return []
    try:
        line = json.loads(message)
        timestamp = line["_aws"]["Timestamp"] / 1000
        return [one for told in line["_aws"]["CloudWatchMetrics"] for one in _directive(line, told, timestamp)]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []


def _directive(line: dict[str, Any], directive: dict[str, Any], timestamp: float) -> Iterator[Datum]:
    # An empty list is a metric without dimensions.
    sets = directive.get("Dimensions") or [[]]
    for definition in directive.get("Metrics", ()):
        values = _numbers(line.get(definition["Name"]))
        for names in sets:
            if values and len(names) <= MOST_DIMENSIONS and all(name in line for name in names):
                yield Datum(
                    namespace=directive["Namespace"],
                    name=definition["Name"],
                    dimensions={name: str(line[name]) for name in names},
                    values=values,
                    unit=definition.get("Unit", "None"),
                    timestamp=timestamp,
                )


def _numbers(target: object) -> tuple[float, ...]:
    """A number, or an array of at most a hundred; nothing for anything else."""
    values = target if isinstance(target, list) else [target]
    numbers = tuple(float(value) for value in values if isinstance(value, int | float) and not isinstance(value, bool))
    return numbers if len(numbers) == len(values) <= MOST_VALUES else ()
