"""A user's API key."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from marketflow.domain.plans import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key. `last4` are the last characters of its value, `created_at` is in UTC to the second.

    `value` is there only where the key has just been made or was asked for by its id; it is never listed.
    """

    id: str
    owner: str
    name: str
    plan: Plan
    created_at: datetime
    last4: str
    value: str | None = field(default=None, repr=False)
