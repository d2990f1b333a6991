"""Some minutes of the pipeline, event by event: ticks, paced requests, the payload queue, the ETL, the database's vCPUs.

Seeded: the same seed, symbols and settings give the same minutes. Only Binance grows with the symbols, so only it is
simulated; the other sources' messages of a minute are given to the queue at its tick.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from bench.scaling import timing
from bench.scaling.loading import MINUTE, UNEVEN, Seen, Sent, load
from bench.scaling.settings import Fetching, Settings
from bench.workload.asked import Mix
from bench.workload.flow import BATCH, Flow
from bench.workload.measured import (
    S3_PUT_SECONDS,
    SQS_SEND_SECONDS,
    VENDOR_SECONDS,
    Measured,
    vcpus,
)

PRICES_A_CALL = 200
"""Symbols of one call for last prices (marketflow.sources.binance)."""

@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One number of symbols on one deployment. Ages in seconds; utilisations are shares of all that there is.

    `starved` is how many symbols are asked for in no run at all. `freshness_p95` is infinite when those are more than
    one in twenty.
    """

    symbols: int
    starved: int
    run_seconds: float
    queue_age_p95: float
    freshness_p95: float
    etl_busy: float
    database_busy: float
    left: int


def simulate(settings: Settings, symbols: int, measured: Measured, *, seed: int, minutes: int = 10) -> Outcome:
    """Simulate `minutes` minutes, after as many as it takes to start."""
    rng = Random(seed)  # noqa: S311 - a simulation wants a seed
    mix = Mix.of(symbols)
    seen = Seen(minutes=minutes)
    queue = sorted(_fetched(settings, mix, measured, rng, seen), key=lambda one: one.at)
    load(queue, settings, rng, seen)
    starved = max(0, mix.binance - seen.asked // minutes)
    return Outcome(
        symbols=symbols,
        starved=starved,
        run_seconds=seen.longest_run,
        queue_age_p95=percentile(seen.ages, 0.95),
        freshness_p95=float("inf") if starved > 0.05 * mix.binance else percentile(seen.fresh, 0.95),
        etl_busy=seen.etl_busy / (minutes * MINUTE * settings.etl_concurrency),
        database_busy=seen.database_busy / (minutes * MINUTE * settings.instance.vcpus),
        left=seen.left,
    )


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` of all lie, by nearest rank; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def _fetched(settings: Settings, mix: Mix, measured: Measured, rng: Random, seen: Seen) -> Iterator[Sent]:
    """The messages of every minute, as the fetchers send them."""
    flow = Flow.of(mix, measured)
    others = [
        (one.number / max(1.0, tick.schedule.every_seconds / MINUTE), measured.message(one.kind, one.symbols))
        for tick in flow.ticks
        if tick.source.name != "binance"
        for one in tick.calls
    ]
    fetching = settings.fetching["binance"]
    shares = [mix.binance * (one + 1) // fetching.fetchers - mix.binance * one // fetching.fetchers
              for one in range(fetching.fetchers)]
    late = [False] * fetching.fetchers
    for minute in range(seen.minutes):
        for number, message in others:
            for _ in range(int(number) + (rng.random() < number % 1)):
                yield Sent(minute * MINUTE + rng.uniform(1, 10), None, message)
        for one, share in enumerate(shares):
            sent, late[one] = _run(fetching, share, minute, measured, rng, seen, catching_up=late[one])
            yield from sent


def _run(
    fetching: Fetching, share: int, minute: int, measured: Measured, rng: Random, seen: Seen, *, catching_up: bool
) -> tuple[list[Sent], bool]:
    """One run: its messages, and whether it ended before every request was made.

    The candles come first, in the catalogue's order, and then the last prices. After an incomplete run each answer
    reaches back as far as one call can, because the state remembers complete runs only.
    """
    tick = minute * MINUTE
    start = tick + timing.before_requests(fetching, measured, share)
    wanted = share + -(-share // PRICES_A_CALL)
    client = _Client(fetching, measured, rng, start)
    made = 0
    while made < wanted and client.begins_before(tick + fetching.usable_seconds):
        client.begin()
        made += 1
    last = client.finish()
    klines = measured.message("binance.klines_1m catching up" if catching_up else "binance.klines_1m")
    prices = measured.message("binance.ticker_price", min(PRICES_A_CALL, share))
    sent = [
        Sent(
            last + (place // BATCH + 1) * SQS_SEND_SECONDS,
            minute if place < share else None,
            klines if place < share else prices,
        )
        for place in range(made)
    ]
    ended = last + timing.after_requests(made)
    sent.append(Sent(ended, None, measured.message("report")))
    seen.asked += min(made, share)
    seen.longest_run = max(seen.longest_run, ended - tick)
    return sent, made < wanted


class _Client:
    """The requests of one run: so many places, a pause between two starts, one processor for whatever was answered."""

    def __init__(self, fetching: Fetching, measured: Measured, rng: Random, start: float) -> None:
        self._pause = fetching.min_interval_seconds
        self._latency = VENDOR_SECONDS[fetching.source]
        self._cpu = measured.fetch_request_ms / 1000 / vcpus(fetching.memory)
        self._rng = rng
        self._free = [start] * fetching.max_concurrency
        self._answers: list[float] = []
        self._next_start = self._processor = self._last = start

    def begins_before(self, moment: float) -> bool:
        """Whether the next request can begin by `moment`; every answer until then is worked on first."""
        while self._answers and (not self._free or self._answers[0] <= max(self._free[0], self._next_start)):
            self._take()
        return max(self._free[0], self._next_start) <= moment

    def begin(self) -> None:
        """Begin the next request, as `begins_before` found it."""
        start = max(heapq.heappop(self._free), self._next_start)
        self._next_start = start + self._pause
        heapq.heappush(self._answers, start + self._latency * self._rng.lognormvariate(0, timing.LONG_TAIL))

    def finish(self) -> float:
        """When the last answer is in the archive."""
        while self._answers:
            self._take()
        return self._last

    def _take(self) -> None:
        answered = heapq.heappop(self._answers)
        self._processor = max(self._processor, answered) + self._cpu * self._rng.lognormvariate(0, UNEVEN)
        self._last = max(self._last, self._processor + S3_PUT_SECONDS)
        heapq.heappush(self._free, self._processor + S3_PUT_SECONDS)


