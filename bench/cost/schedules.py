"""How often an EventBridge schedule fires: the few forms that the stacks use, and no others."""

from __future__ import annotations

import re

from bench.cost.prices import PriceError
from bench.workload.flow import MONTH_SECONDS

UNITS = {"minute": 60, "hour": 3600, "day": 86_400}
DAY = 86_400

_rate = re.compile(r"rate\((\d+) (minute|hour|day)s?\)").fullmatch
_cron = re.compile(r"cron\((\S+) (\S+) \* \* \? \*\)").fullmatch


def fires(expression: str) -> float:
    """How often `expression` fires in a month of 730 hours. Raises PriceError for a form that is not known here."""
    if match := _rate(expression):
        return MONTH_SECONDS / (int(match[1]) * UNITS[match[2]])
    if match := _cron(expression):
        return _values(match[1], 60, expression) * _values(match[2], 24, expression) * MONTH_SECONDS / DAY
    raise PriceError(f"The schedule {expression} is of a form that bench/cost/schedules.py cannot count: add it.")


def _values(field: str, size: int, expression: str) -> int:
    """How many of the `size` values of a field are meant."""
    if field == "*":
        return size
    if re.fullmatch(r"\d+(,\d+)*", field):
        return len(set(field.split(",")))
    if match := re.fullmatch(r"(\d+|\*)/(\d+)", field):
        first = 0 if match[1] == "*" else int(match[1])
        return len(range(first, size, int(match[2])))
    raise PriceError(f"The field {field} of {expression} is of a form that cannot be counted here: add it.")
