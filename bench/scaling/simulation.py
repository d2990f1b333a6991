"""Some minutes of the pipeline, event by event: ticks, paced requests, the queue, the ETL, the database's vCPUs.

Seeded: the same seed, symbols and settings give the same minutes. Only Binance grows with the symbols, so only it is
simulated; the other sources' messages of a minute are given to the queue at its tick.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from bench.scaling.fetching import Fetcher
from bench.scaling.loading import MINUTE, Seen, Sent, load
from bench.scaling.settings import Settings
from bench.workload.asked import Mix
from bench.workload.flow import Flow
from bench.workload.measured import Measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One number of symbols on one deployment. Ages in seconds; utilisations are shares of all that there is.

    `left_out` is how many symbols a run does not deliver, on average; `starved` how many no run delivers at all.
    `freshness_p95` is infinite when the starved ones are more than one in twenty.
    """

    symbols: int
    left_out: int
    starved: int
    run_seconds: float
    queue_age_p95: float
    freshness_p95: float
    etl_busy: float
    database_busy: float
    left: int


def simulate(settings: Settings, symbols: int, measured: Measured, *, seed: int, minutes: int = 10) -> Outcome:
    """Simulate `minutes` minutes, the first of which finds everything idle."""
    rng = Random(seed)
    mix = Mix.of(symbols)
    seen = Seen(minutes=minutes)
    fetchers = [Fetcher(settings.fetching["binance"], share, measured, rng) for share in shares(settings, mix)]
    queue = sorted(_fetched(fetchers, mix, measured, rng, seen), key=lambda one: one.at)
    load(queue, settings, rng, seen)
    starved = sum(fetcher.due.count(0) for fetcher in fetchers)
    return Outcome(
        symbols=symbols,
        left_out=mix.binance - seen.asked // minutes,
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


def _fetched(fetchers: list[Fetcher], mix: Mix, measured: Measured, rng: Random, seen: Seen) -> Iterator[Sent]:
    """The messages of every minute, as the fetchers send them."""
    flow = Flow.of(mix, measured)
    others = [
        (one.number / max(1.0, tick.schedule.every_seconds / MINUTE), measured.message(one.kind, one.symbols))
        for tick in flow.ticks
        if tick.source.name != "binance"
        for one in tick.calls
    ]
    for minute in range(seen.minutes):
        for number, message in others:
            for _ in range(int(number) + (rng.random() < number % 1)):
                yield Sent(minute * MINUTE + rng.uniform(1, 10), range(0), message)
        for fetcher in fetchers:
            yield from fetcher.run(minute, seen)


def shares(settings: Settings, mix: Mix) -> list[int]:
    """How many symbols of Binance each of its fetchers has."""
    number = settings.fetching["binance"].fetchers
    return [mix.binance * (one + 1) // number - mix.binance * one // number for one in range(number)]
