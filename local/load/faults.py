"""The faults of the drills: what is killed, and how it comes back."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from local.load import functions, slow
from local.load.stand import Stand
from local.processes import signal_group

OUTAGE_SECONDS = 10.0
BURST_MINUTES = 8
SHORT_SECONDS = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """`strike` breaks something, after `down` seconds `mend` brings it back; None: it comes back by itself.

    `queue_gone` says that messages die with it. `answers` says for each status of 5xx, or 0 for none, whose it is.
    """

    name: str
    what: str
    strike: Callable[[Stand], None]
    mend: Callable[[Stand], None] | None = None
    down: float = 0.0
    queue_gone: bool = False
    answers: Mapping[int, str] = field(default_factory=dict)


def _kill_postgres(stand: Stand) -> None:
    stand.stack.postgres.kill()
    stand.stack.fetch_now()


def _restart_postgres(stand: Stand) -> None:
    stand.stack.postgres.restart()


def _kill_busy(stand: Stand, function: str) -> None:
    # What it does waits for the candles when it is hit: it is in the middle of its work for certain.
    with slow.held(stand.stack.facts.database_url, 2 * SHORT_SECONDS):
        time.sleep(SHORT_SECONDS)
        functions.kill(stand.stack, function)


def _kill_api(stand: Stand) -> None:
    _kill_busy(stand, "api")


def _kill_etl(stand: Stand) -> None:
    _kill_busy(stand, "etl")


def _kill_fetchers(stand: Stand) -> None:
    # Sources are asked one request after the other, so that a run takes longer than this.
    stand.stack.fetch_now()
    time.sleep(SHORT_SECONDS / 2)
    functions.kill(stand.stack, "fetch-binance", "fetch-yahoo")


def _kill_emulator(stand: Stand) -> None:
    burst = stand.minutes(BURST_MINUTES)
    stand.archive(burst)
    stand.send(burst)
    signal_group(stand.stack.emulator.process.pid, signal.SIGKILL)


def _restart_emulator(stand: Stand) -> None:
    stand.stack.restart_emulator()


def _kill_source(stand: Stand) -> None:
    simulator = stand.stack.simulator
    if simulator is not None:
        signal_group(simulator.process.pid, signal.SIGKILL)
    stand.stack.fetch_now()


def _restart_source(stand: Stand) -> None:
    stand.stack.restart_simulator()
    stand.stack.fetch_now()


_DATABASE = {503: "MarketFlow's problem document: the database does not answer"}
_WORKER = {502: "the gateway's, as in AWS: the process that worked on the request is gone"}
_EMULATOR = {0: "nobody: the gateway is what was killed"}

FAULTS = (
    Fault(
        name="PostgreSQL",
        what="ended without a checkpoint, back after 10 s",
        strike=_kill_postgres,
        mend=_restart_postgres,
        down=OUTAGE_SECONDS,
        answers=_DATABASE,
    ),
    Fault(name="api", what="every process killed in the middle of requests", strike=_kill_api, answers=_WORKER),
    Fault(name="etl", what="every process killed in the middle of a batch", strike=_kill_etl),
    Fault(name="fetch", what="two fetchers killed in the middle of a run", strike=_kill_fetchers),
    Fault(
        name="emulator",
        what="killed with its queues and functions, stacks deployed again",
        strike=_kill_emulator,
        mend=_restart_emulator,
        queue_gone=True,
        answers=_EMULATOR,
    ),
    Fault(
        name="sources",
        what="killed, back after 10 s",
        strike=_kill_source,
        mend=_restart_source,
        down=OUTAGE_SECONDS,
    ),
)
