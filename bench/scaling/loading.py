"""The second half of the simulation: the queue, so many ETL functions at once, and the vCPUs of the database."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from random import Random

from bench.scaling import timing
from bench.scaling.settings import Settings
from bench.workload.flow import BATCH
from bench.workload.measured import DATABASE_ROUND_SECONDS, LOAD_ROUNDS, Message, vcpus

MINUTE = 60.0
UNEVEN = 0.15
"""Sigma of CPU times, which are log-normal."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One message in the queue: when it came, which minutes' candles are new in it, and what it costs."""

    at: float
    minutes: range
    message: Message


@dataclass(slots=True)
class Seen:
    """What the simulation counts, in seconds; `ages` are those of messages when they were taken from the queue."""

    minutes: int
    ages: list[float] = field(default_factory=list)
    fresh: list[float] = field(default_factory=list)
    asked: int = 0
    longest_run: float = 0.0
    etl_busy: float = 0.0
    database_busy: float = 0.0
    left: int = 0


@dataclass(slots=True)
class _Worker:
    """One ETL function at work on a batch, of which `batch[place]` is the next message."""

    since: float
    batch: list[Sent]
    place: int = 0


def load(queue: list[Sent], settings: Settings, rng: Random, seen: Seen) -> None:
    """Load what is in `queue` (in the order of its times) until the last minute is over.

    The pollers divide what is there among themselves, ten messages an invocation at most. What is not loaded by then
    is `left`, and counts with the age that it has.
    """
    end, taken, arrived = seen.minutes * MINUTE, 0, 0
    cores = [0.0] * settings.instance.vcpus
    free = settings.etl_concurrency
    # Statements in the order in which they reach the database: (when, which one, whose).
    reaching: list[tuple[float, int, _Worker]] = []
    numbers = 0
    while True:
        arrives = queue[arrived].at if arrived < len(queue) else end
        if reaching and reaching[0][0] <= arrives:
            now, _, worker = heapq.heappop(reaching)
            if now > end:
                break
            now = _store(worker, now, cores, seen)
            if worker.place == len(worker.batch):
                seen.etl_busy += now - worker.since
                free += 1
            else:
                numbers += 1
                heapq.heappush(reaching, (now + _own_seconds(worker, settings, rng), numbers, worker))
                continue
        elif arrived < len(queue):
            now = arrives
            if now > end:
                break
            arrived += 1
        else:
            break
        while free and taken < arrived:
            share = max(1, -(-(arrived - taken) // timing.POLLERS))
            batch = queue[taken : min(arrived, taken + min(BATCH, share))]
            taken += len(batch)
            free -= 1
            seen.ages += [now - one.at for one in batch]
            worker = _Worker(now, batch)
            numbers += 1
            heapq.heappush(reaching, (now + _own_seconds(worker, settings, rng), numbers, worker))
    seen.left = len(queue) - taken
    seen.ages += [end - one.at for one in queue[taken:] if one.at < end]
    seen.etl_busy += sum(max(0.0, end - worker.since) for _, _, worker in reaching)


def _own_seconds(worker: _Worker, settings: Settings, rng: Random) -> float:
    """Seconds until the next message's statements reach the database: the function's own CPU, and the way."""
    own = worker.batch[worker.place].message.function_ms / 1000 / vcpus(settings.etl_memory)
    return own * rng.lognormvariate(0, UNEVEN) + LOAD_ROUNDS * DATABASE_ROUND_SECONDS


def _store(worker: _Worker, now: float, cores: list[float], seen: Seen) -> float:
    """Store the worker's next message on the first core that is free; when that is done."""
    one = worker.batch[worker.place]
    work = one.message.database_ms / 1000
    done = max(heapq.heappop(cores), now) + work
    heapq.heappush(cores, done)
    worker.place += 1
    seen.database_busy += work
    seen.fresh += [done - minute * MINUTE for minute in one.minutes]
    return done
