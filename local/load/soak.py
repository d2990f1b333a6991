"""A soak: half of what the handlers can take, for minutes, while memory, connections, files and threads are watched."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from typing import Any, Self

import psutil

from local.load import functions, report
from local.load.answers import Answer
from local.load.figures import Sample, slope, summarise
from local.load.mix import arrivals, asks
from local.load.saturation import SEED
from local.load.stand import BATCH, Stand
from local.load.workers import Workers, environment
from marketflow.persistence.connection import Database

EVERY_SECONDS = 5.0
SHARE = 0.5
PROBE_SECONDS = 5.0
TURN_SECONDS = 10.0
MB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What counts as flat: at most `growth` an hour by the Theil-Sen slope, or `least` from the first to the last look.

    The second stands for what a run of minutes cannot tell from noise.
    """

    unit: str
    growth: float
    least: float


BOUNDS = {
    "rss_mb": Bound(unit="MB", growth=12.0, least=2.0),
    "files": Bound(unit="", growth=6.0, least=1.0),
    "threads": Bound(unit="", growth=6.0, least=1.0),
    "connections": Bound(unit="", growth=6.0, least=2.0),
}
"""For each process, or for all connections together; an execution environment of Lambda lives for hours, not days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One figure of one process (or of PostgreSQL) at a moment."""

    at: float
    what: str
    figure: str
    value: float


class Observer:
    """Looks at processes and PostgreSQL every five seconds; a context manager."""

    def __init__(self, stand: Stand, pids: dict[str, list[int]]) -> None:
        self.looks: list[Look] = []
        self._pids = pids
        self._url = stand.stack.facts.database_url
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="observer", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        start = time.monotonic()
        with closing(Database(self._url, application_name="marketflow-load")) as database:
            while not self._stop.wait(EVERY_SECONDS):
                at = time.monotonic() - start
                for name, pids in self._pids.items():
                    for number, pid in enumerate(pids, 1):
                        with suppress(psutil.NoSuchProcess):
                            self._look(at, f"{name} {number}", psutil.Process(pid))
                rows = database.query("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")
                self.looks.append(Look(at=at, what="PostgreSQL", figure="connections", value=rows[0][0]))

    def _look(self, at: float, what: str, process: psutil.Process) -> None:
        with process.oneshot():
            values = {
                "rss_mb": process.memory_info().rss / MB,
                "files": float(process.num_fds()),
                "threads": float(process.num_threads()),
            }
        self.looks += [Look(at=at, what=what, figure=figure, value=value) for figure, value in values.items()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """How a figure went in the second half of the run: its slope an hour, and whether that is flat."""

    what: str
    figure: str
    first: float
    last: float
    per_hour: float
    flat: bool

    def row(self) -> list[object]:
        """A line of the table."""
        bound = BOUNDS[self.figure]
        told = "flat" if self.flat else "GROWS"
        return [self.what, self.figure, self.first, self.last, self.per_hour, bound.growth, told]


def trend(looks: Sequence[Look]) -> Trend:
    """The trend of one figure's looks, over their second half: the first one fills caches. Needs four looks."""
    half = looks[len(looks) // 2 :]
    bound = BOUNDS[half[0].figure]
    per_hour = slope([look.at for look in half], [look.value for look in half]) * 3600
    risen = per_hour * (half[-1].at - half[0].at) / 3600
    return Trend(
        what=half[0].what,
        figure=half[0].figure,
        first=round(half[0].value, 1),
        last=round(half[-1].value, 1),
        per_hour=round(per_hour, 2),
        flat=per_hour <= bound.growth or risen <= bound.least,
    )


def trends(looks: Sequence[Look]) -> list[Trend]:
    """The trend of every figure of everything that was looked at."""
    keys = dict.fromkeys((look.what, look.figure) for look in looks)
    return [trend([look for look in looks if (look.what, look.figure) == key]) for key in keys]


def soak(stand: Stand, minutes: float) -> tuple[dict[str, Any], list[str]]:
    """Read and load at half of saturation for so long. Returns the figures and what is wrong with them."""
    some = stand.minutes(60)
    stand.archive(some)
    cores = os.cpu_count() or 1
    with (
        Workers("api", count=cores, variables=environment(stand.stack, "api")) as readers,
        Workers("etl", count=1, variables=environment(stand.stack, "etl")) as loader,
    ):
        drawn = asks(4000, seed=SEED, end=stand.end)
        readers.closed(drawn, seconds=PROBE_SECONDS / 2)
        rate = SHARE * len(readers.closed(drawn, seconds=PROBE_SECONDS)) / PROBE_SECONDS
        pids = {
            "api": readers.pids,
            "etl": loader.pids,
            "emulated etl": [one.pid for one in functions.processes(stand.stack, "etl")],
            "emulated fetch-binance": [one.pid for one in functions.processes(stand.stack, "fetch-binance")],
        }
        with Observer(stand, pids) as observer:
            samples, loads = _drive(readers, loader, stand, some, rate=rate, seconds=minutes * 60)
    found = trends(observer.looks)
    columns = ("process", "figure", "at half", "at end", "an hour", "bound", "")
    report.table(f"A soak of {minutes:g} minutes at {rate:.0f} requests/s", columns, [one.row() for one in found])
    summary = summarise(samples, seconds=minutes * 60)
    latency = summary.latency
    print(
        f"  {summary.requests:,} requests, {summary.wrong} wrong, p50 {latency.p50} ms, p99 {latency.p99} ms; "
        f"{len(loads):,} batches of {BATCH} messages, {sum(not one.expected for one in loads)} failed."
    )
    faults = [f"soak: {one.figure} of {one.what} grows by {one.per_hour} an hour" for one in found if not one.flat]
    faults += [f"soak: {summary.wrong} wrong answers"] if summary.wrong else []
    figures = {
        "rate": round(rate, 1),
        "minutes": minutes,
        "trends": [asdict(one) for one in found],
        "looks": [asdict(look) for look in observer.looks],
        "requests": asdict(summary),
        "batches": len(loads),
    }
    return figures, faults


def _drive(
    readers: Workers, loader: Workers, stand: Stand, some: Sequence[Answer], *, rate: float, seconds: float
) -> tuple[list[Sample], list[Sample]]:
    """Turns of ten seconds of both, until time is up; each message is loaded again and again, which changes nothing."""
    batches = [[one.message for one in some[at : at + BATCH]] for at in range(0, len(some), BATCH)]
    end, turn = time.monotonic() + seconds, 0
    samples: list[Sample] = []
    loads: list[Sample] = []

    def load() -> None:
        while time.monotonic() < end:
            loads.extend(loader.load(batches[:2]))
            batches.append(batches.pop(0))
            time.sleep(0.5)

    thread = threading.Thread(target=load, name="loader")
    thread.start()
    while (left := end - time.monotonic()) > 0:
        count = max(int(rate * min(TURN_SECONDS, left)), 1)
        wanted = asks(count, seed=turn, end=stand.end)
        offsets = arrivals(count, rate=rate, seed=turn)
        samples += readers.opened(wanted, offsets)
        turn += 1
    thread.join()
    return samples, loads
