"""Holds requests to a source's manners: so many at once, and never two starts too close together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from contextlib import AbstractAsyncContextManager


class Pacer:
    """`async with pacer.place():` holds one of the places; in it, `await pacer.turn()` before each start."""

    def __init__(self, *, max_concurrency: int, min_interval_seconds: float) -> None:
        self._places = asyncio.Semaphore(max_concurrency)
        self._gate = asyncio.Lock()
        self._pause = min_interval_seconds
        self._next_start = 0.0

    def place(self) -> AbstractAsyncContextManager[None]:
        """A free place, for as long as the context lasts; whoever waited longest has the next one."""
        return self._places

    async def turn(self) -> None:
        """Wait until the pause since the previous start is over."""
        async with self._gate:
            clock = asyncio.get_running_loop().time
            if (wait := self._next_start - clock()) > 0:
                await asyncio.sleep(wait)
            self._next_start = clock() + self._pause


async def all_of(pieces: Iterable[Awaitable[None]]) -> None:
    """Wait for every piece, also when one fails, so that nothing runs on behind a run that has ended.

    Raises the first error.
    """
    for result in await asyncio.gather(*pieces, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result
