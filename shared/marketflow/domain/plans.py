"""The plans that API keys are on, and what a key's own value says of its plan."""

from __future__ import annotations

import re
from enum import StrEnum

from pydantic import BaseModel, PositiveInt

from marketflow.domain.models import STRICT

OPERATOR = "operator"
"""The plan of the key that the deployment makes for its operator; such a key has no prefix."""


class Plan(StrEnum):
    """The plans that a user may put a key on."""

    FREE = "free"
    PRO = "pro"


_OURS = re.compile(f"mf({'|'.join(Plan)})")


class Limits(BaseModel):
    """What a plan allows one key: requests a second on average (`rate`), at once (`burst`), and a day in UTC."""

    model_config = STRICT

    rate: PositiveInt
    burst: PositiveInt
    quota_per_day: PositiveInt


def key_value(plan: Plan, secret: str) -> str:
    """The value of a key on `plan`: the prefix lets secret scanners find one that leaked, and tells the plan.

    AWS documents the values of keys as alphanumeric, so nothing stands between the parts.
    """
    return f"mf{plan}{secret}"


def plan_of(value: str) -> str:
    """The plan that the value of a key tells, which the gateway found good; `operator` without our prefix."""
    found = _OURS.match(value)
    return found[1] if found else OPERATOR
