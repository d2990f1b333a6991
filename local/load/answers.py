"""Answers of the simulated vendors, made in this process: what fetchers would have archived and sent."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

import httpx

from local.simulator.clock import SteppedClock
from local.simulator.transport import transport
from local.simulator.world import World
from marketflow.domain.fetching import FetchRequest, FetchTask, RawResponse
from marketflow.messaging.archive import pack, raw_key
from marketflow.messaging.envelope import PayloadMessage
from marketflow.persistence.seeds import SEED_SYMBOLS
from marketflow.sources import factory

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: the key and the bytes of its object in the archive, and the message about it."""

    key: str
    archived: bytes
    message: str

    @classmethod
    def of(cls, request: FetchRequest, response: RawResponse) -> Self:
        """What a fetcher makes of it."""
        key = raw_key(request, response)
        message = PayloadMessage.of(request, response, raw_key=key, correlation_id="load").to_json()
        return cls(key, pack(request, response), message)


@dataclass(frozen=True, slots=True)
class Tick:
    """One run of a fetcher at `moment` (UTC): what it asks for, having last asked `since` before, or for a window."""

    source: str
    task: FetchTask
    moment: datetime
    since: timedelta = 2 * MINUTE


def symbols_of(source: str) -> list[str]:
    """The seeds of a source, as the vendor spells them."""
    return [seed["source_symbol"] for seed in SEED_SYMBOLS if seed["source"] == source]


def live(moment: datetime) -> list[Tick]:
    """What is fetched in a minute: klines and last prices of each pair, a chart of each share."""
    return [
        Tick("binance", FetchTask(dataset="klines_1m"), moment),
        Tick("binance", FetchTask(dataset="ticker_price"), moment),
        Tick("yahoo", FetchTask(dataset="chart_1m"), moment),
    ]


def history(symbols: Sequence[str], *, start: datetime, end: datetime, asked_at: datetime) -> list[Tick]:
    """The backfill of minutes of some pairs in `[start, end)` (UTC), a thousand an answer."""
    task = FetchTask(dataset="klines_1m", symbols=tuple(symbols), start=start, end=end)
    return [Tick("binance", task, asked_at)]


def answers(seed: int, ticks: Sequence[Tick]) -> list[Answer]:
    """What the vendors of the world `seed` answer to `ticks`, in order, as fetchers hand it on."""
    return [Answer.of(request, response) for request, response in fetched(seed, ticks)]


def fetched(seed: int, ticks: Sequence[Tick]) -> list[tuple[FetchRequest, RawResponse]]:
    """The requests of `ticks` and what they are answered, received at the very moment."""
    return asyncio.run(_fetched(seed, ticks))


async def _fetched(seed: int, ticks: Sequence[Tick]) -> list[tuple[FetchRequest, RawResponse]]:
    clock = SteppedClock(ticks[0].moment)
    found = []
    async with httpx.AsyncClient(transport=transport(World(seed, clock))) as client:
        for tick in ticks:
            clock.set(tick.moment)
            source = factory.create(tick.source)
            for request in _requests(tick):
                response = await source.fetch(client, request)
                found.append((request, response.model_copy(update={"received_at": tick.moment})))
    return found


def _requests(tick: Tick) -> Iterator[FetchRequest]:
    symbols = tick.task.symbols or symbols_of(tick.source)
    yield from factory.create(tick.source).build_requests(
        tick.task, symbols, now=tick.moment, since=tick.moment - tick.since
    )
