"""Whether a minute is missing after the drills: each is stored by then, or fetched by a later run, or explained."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

from local.client import ApiClient
from local.load.answers import MINUTE, symbols_of
from local.stack import LocalStack

PATIENCE_SECONDS = 200.0
PAUSE_SECONDS = 10.0


@dataclass(slots=True, kw_only=True)
class Minutes:
    """The minutes of every pair from `start` to `end` (UTC): expected, present, and the missing ones by reason."""

    start: datetime
    end: datetime
    expected: int = 0
    present: int = 0
    missing: Counter[str] = field(default_factory=Counter)
    waited_seconds: float = 0.0
    """How long it was waited for repairs."""


def missing_minutes(stack: LocalStack, start: datetime) -> Minutes:
    """Look at all minutes from `start` to this one, again until none is missing or patience is at an end."""
    end = datetime.now(UTC).replace(second=0, microsecond=0)
    started = time.monotonic()
    with ApiClient(stack.facts) as client:
        while True:
            found = _look(client, start.replace(second=0, microsecond=0), max(end, start + MINUTE))
            found.waited_seconds = round(time.monotonic() - started, 1)
            if not found.missing or found.waited_seconds > PATIENCE_SECONDS:
                return found
            time.sleep(PAUSE_SECONDS)


def _look(client: ApiClient, start: datetime, end: datetime) -> Minutes:
    found = Minutes(start=start, end=end)
    for pair in symbols_of("binance"):
        told = client.json(f"/coverage/{pair}", interval="1m", start=start.isoformat(), end=end.isoformat())
        found.expected += told["expected"]
        found.present += told["present"]
        found.missing.update({reason: count for reason, count in told["missing_by_reason"].items() if count})
    return found
