"""How much the handlers take in process: saturation, latency at shares of it, recovery from more than they can take."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from local.load import report
from local.load.answers import Answer
from local.load.figures import Sample, Summary, recovery, summarise
from local.load.mix import arrivals, asks
from local.load.stand import BATCH, Stand
from local.load.workers import Workers, environment

WORKERS = (1, 2, 4, 8)
GROWTH = 1.05
"""More workers count as more throughput from here on."""

RAMP_SECONDS = 4.0
WARM_SECONDS = 1.5
STAGE_SECONDS = 12.0
OVERLOAD_SECONDS = 8.0
RECOVERY_SECONDS = 15.0
RECOVERED = 1.5
"""Recovered is a p99 of at most so many times what it was before."""

SHARES = (0.5, 0.9, 1.2)
DRAWN = 4000
SEED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The figures of one stage: with how many workers, and at what rate (None: as fast as they are answered)."""

    name: str
    workers: int
    offered: float | None
    summary: Summary

    def row(self) -> list[object]:
        """A line of the table."""
        latency = self.summary.latency
        wrong, statuses = self.summary.wrong, self.summary.statuses
        spread = [latency.p50, latency.p95, latency.p99, latency.max]
        return [self.name, self.workers, self.offered, self.summary.per_second, *spread, wrong, statuses]


COLUMNS = ("stage", "workers", "offered/s", "done/s", "p50 ms", "p95", "p99", "max", "wrong", "statuses")


def api(stand: Stand) -> tuple[dict[str, Any], list[str]]:
    """The read API by the mix. Returns the figures and what is wrong with them."""
    drawn = asks(DRAWN, seed=SEED, end=stand.end)
    variables = environment(stand.stack, "api")
    stages: list[Stage] = []
    best = 0.0
    for count in WORKERS:
        with Workers("api", count=count, variables=variables) as workers:
            workers.closed(drawn, seconds=WARM_SECONDS)
            summary = summarise(workers.closed(drawn, seconds=RAMP_SECONDS), seconds=RAMP_SECONDS)
        stages.append(Stage(name="closed loop", workers=count, offered=None, summary=summary))
        if summary.per_second < best * GROWTH:
            break
        best = summary.per_second
    top = max(stages, key=lambda stage: stage.summary.per_second)
    with Workers("api", count=top.workers, variables=variables) as workers:
        workers.closed(drawn, seconds=WARM_SECONDS)
        opened = [_open(workers, stand, share, top.summary.per_second) for share in SHARES]
        seconds, limit, after = _recover(workers, stand, top.summary.per_second)
    stages += [*opened, after]
    report.table("The read API in process, by the mix", COLUMNS, [stage.row() for stage in stages])
    told = "not within the run" if seconds is None else f"after {seconds:.0f} s"
    print(f"  Back below {limit * 1000:.1f} ms at p99 (1.5 times that at 50 %): {told}.")
    figures = {"stages": [asdict(stage) for stage in stages], "recovery_seconds": seconds, "recovery_limit_s": limit}
    return figures, _faults("read API", stages, recovered=seconds is not None)


def _open(workers: Workers, stand: Stand, share: float, saturation: float) -> Stage:
    rate = share * saturation
    samples, seconds = _offered(workers, stand, [(rate, STAGE_SECONDS)])
    summary = summarise(samples, seconds=seconds)
    return Stage(name=f"open loop {share:.0%}", workers=workers.count, offered=round(rate, 1), summary=summary)


def _recover(workers: Workers, stand: Stand, saturation: float) -> tuple[float | None, float, Stage]:
    """Half of what they can take, then more than that for a while, then half again: how long the latter suffers."""
    calm, hot = 0.5 * saturation, 1.2 * saturation
    samples, _ = _offered(
        workers, stand, [(calm, STAGE_SECONDS / 2), (hot, OVERLOAD_SECONDS), (calm, RECOVERY_SECONDS)]
    )
    start = samples[0].due
    begin, end = start + STAGE_SECONDS / 2, start + STAGE_SECONDS / 2 + OVERLOAD_SECONDS
    before = summarise([one for one in samples if one.due < begin], seconds=STAGE_SECONDS / 2)
    limit = RECOVERED * before.latency.p99 / 1000
    seconds = recovery(samples, since=end, limit=limit)
    after = summarise([one for one in samples if one.due >= end], seconds=RECOVERY_SECONDS)
    stage = Stage(name="50% after 120%", workers=workers.count, offered=round(calm, 1), summary=after)
    return seconds, limit, stage


def _offered(workers: Workers, stand: Stand, phases: Sequence[tuple[float, float]]) -> tuple[list[Sample], float]:
    """Offer requests at each rate for its seconds; the samples, and the seconds until the last one was answered."""
    offsets: list[float] = []
    begin = 0.0
    for number, (rate, seconds) in enumerate(phases):
        drawn = arrivals(int(rate * seconds), rate=rate, seed=SEED + number)
        # The draw ends near the phase's end; stretched to end at it.
        offsets += [begin + offset * seconds / drawn[-1] for offset in drawn]
        begin += seconds
    wanted = asks(len(offsets), seed=SEED, end=stand.end)
    samples = workers.opened(wanted, offsets)
    return samples, max(sample.ended for sample in samples) - samples[0].due


def etl(stand: Stand, some: Sequence[Answer]) -> tuple[dict[str, Any], list[str]]:
    """The ETL with 1, 2 and 4 workers, each on a third of the archived answers `some`."""
    stages: list[Stage] = []
    messages: list[float] = []
    counts = WORKERS[:3]
    for number, count in enumerate(counts):
        share = some[number :: len(counts)]
        batches = [[one.message for one in share[at : at + BATCH]] for at in range(0, len(share), BATCH)]
        with Workers("etl", count=count, variables=environment(stand.stack, "etl")) as workers:
            workers.load(batches[:count])  # connects, and imports what the first message needs
            started = time.monotonic()
            samples = workers.load(batches)
            taken = time.monotonic() - started
        summary = summarise(samples, seconds=taken)
        stages.append(Stage(name="batches of ten", workers=count, offered=None, summary=summary))
        messages.append(round(len(share) / taken, 1))
    rows = [[*stage.row(), rate] for stage, rate in zip(stages, messages, strict=True)]
    report.table("The ETL in process", (*COLUMNS, "messages/s"), rows)
    figures = {"stages": [asdict(stage) for stage in stages], "messages_per_second": messages}
    return figures, _faults("ETL", stages, recovered=True)


def _faults(what: str, stages: Sequence[Stage], *, recovered: bool) -> list[str]:
    found = [f"{what}: {stage.summary.wrong} wrong answers in {stage.name}" for stage in stages if stage.summary.wrong]
    return found if recovered else [*found, f"{what}: it did not recover from more than it can take"]
