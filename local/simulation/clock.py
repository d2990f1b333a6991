"""Virtual time: a clock that only the simulation moves, and an event loop that waits by moving it."""

from __future__ import annotations

import asyncio
import math
import selectors
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = 1_000_000
"""A second in the microseconds in which the simulation counts."""

T = TypeVar("T")


class VirtualClock:
    """The simulated world's true time. It never goes back; what stands wrong are the clocks of those who read it."""

    def __init__(self, start: datetime) -> None:
        self.micros = (start - EPOCH) // timedelta(microseconds=1)

    def now(self) -> datetime:
        """The instant, UTC."""
        return EPOCH + timedelta(microseconds=self.micros)

    def advance(self, seconds: float) -> None:
        """Let `seconds` go by."""
        self.micros += max(0, math.ceil(seconds * SECOND))

    def reach(self, micros: int) -> None:
        """Let time go by until `micros` after 1970; nothing when that is over."""
        self.micros = max(self.micros, micros)


class _Selector(selectors.DefaultSelector):
    """A selector that never waits: it moves the clock instead."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready now; nothing can become ready by waiting, because there is nobody else."""
        if timeout is None:
            raise RuntimeError("The simulated fetcher waits for something that will never happen.")
        self._clock.advance(timeout)
        ready: list[tuple[selectors.SelectorKey, int]] = super().select(0)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on `clock` without threads: `asyncio.to_thread` runs its function at once, in its place."""

    def __init__(self, clock: VirtualClock) -> None:
        self._virtual, self._origin = clock, clock.micros
        super().__init__(_Selector(clock))

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return (self._virtual.micros - self._origin) / SECOND

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]  # noqa: ANN401 - as the base class has them
        """A future that is done: `func` ran before this returned."""
        del executor
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits, as a thread would
            future.set_exception(error)
        return future
