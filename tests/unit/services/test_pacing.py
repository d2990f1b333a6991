"""The rules of a source's manners."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from local.simulation.clock import VirtualClock, VirtualLoop
from marketflow.services.pacing import Pacer
from tests.fakes import NOON

pytestmark = pytest.mark.unit


def test_no_more_than_the_limit_run_at_once() -> None:
    """Never more requests are under way than the source allows, and all of them get their turn."""
    running = peak = done = 0

    async def one(pacer: Pacer) -> None:
        nonlocal running, peak, done
        async with pacer.place():
            running += 1
            peak = max(peak, running)
            await asyncio.sleep(0)
            running -= 1
            done += 1

    async def all_of_them() -> None:
        pacer = Pacer(max_concurrency=3, min_interval_seconds=0)
        await asyncio.gather(*(one(pacer) for _ in range(20)))

    asyncio.run(all_of_them())
    assert (peak, done) == (3, 20)


def test_two_starts_keep_their_distance() -> None:
    """Two requests never start closer together than the pause, however many places are free."""
    starts: list[float] = []

    async def one(pacer: Pacer) -> None:
        async with pacer.place():
            await pacer.turn()
            starts.append(asyncio.get_running_loop().time())

    async def all_of_them() -> None:
        pacer = Pacer(max_concurrency=5, min_interval_seconds=0.02)
        await asyncio.gather(*(one(pacer) for _ in range(4)))

    asyncio.run(all_of_them())
    # The event loop's clock is coarse: a timer may fire one tick of it early.
    assert all(later - earlier > 0.018 for earlier, later in pairwise(starts))


def test_a_place_alone_waits_for_no_pause() -> None:
    """Who finds out in its place that it does not start needs no turn, and costs the others none."""

    async def scenario() -> float:
        pacer = Pacer(max_concurrency=1, min_interval_seconds=3600)
        loop = asyncio.get_running_loop()
        for _ in range(100):
            async with pacer.place():
                pass
        await asyncio.wait_for(pacer.turn(), timeout=60)
        return loop.time()

    with asyncio.Runner(loop_factory=lambda: VirtualLoop(VirtualClock(NOON))) as runner:
        assert runner.run(scenario()) == 0


def test_a_cancelled_request_gives_its_place_back() -> None:
    """A request that is cancelled while it waits for its turn takes neither a place nor the gate for ever."""

    async def request(pacer: Pacer) -> None:
        async with pacer.place():
            await pacer.turn()

    async def scenario() -> tuple[bool, bool]:
        pacer = Pacer(max_concurrency=1, min_interval_seconds=3600)
        await request(pacer)
        waiting = asyncio.create_task(request(pacer))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        return pacer._places.locked(), pacer._gate.locked()

    assert asyncio.run(scenario()) == (False, False)
