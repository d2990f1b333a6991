"""Where the simulated vendors take the time from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the vendors' time."""

    def now(self) -> datetime:
        """The current instant, timezone-aware."""
        ...


class SystemClock:
    """The machine's clock, moved by a fixed `offset` (so that a demo can be given at another hour)."""

    def __init__(self, offset: timedelta = timedelta()) -> None:
        self._offset = offset

    def now(self) -> datetime:
        """The machine's UTC time plus the offset."""
        return datetime.now(UTC) + self._offset


class SteppedClock:
    """A clock that stands still until it is told to move."""

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError("The clock needs a timezone-aware start, such as datetime(2026, 1, 5, tzinfo=UTC).")
        self._now = start

    def now(self) -> datetime:
        """The instant at which the clock stands."""
        return self._now

    def advance(self, **parts: float) -> datetime:
        """Move on by `timedelta(**parts)` and return the new instant."""
        self._now += timedelta(**parts)
        return self._now

    def set(self, instant: datetime) -> None:
        """Jump to `instant`."""
        self._now = instant
