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
    """`strike` kills something and tells how many processes, after `down` seconds `mend` brings it back.

    Without `mend` it comes back by itself. `queue_gone` says that messages die with it. `answers` says whose a wrong
    status is while the fault lasts; 0 stands for no answer.
    """

    name: str
    what: str
    strike: Callable[[Stand], int]
    mend: Callable[[Stand], None] | None = None
    down: float = 0.0
    queue_gone: bool = False
    answers: Mapping[int, str] = field(default_factory=dict)


def _kill_postgres(stand: Stand) -> int:
    stand.stack.postgres.kill()
    stand.stack.fetch_now()
    return 1


def _restart_postgres(stand: Stand) -> None:
    stand.stack.postgres.restart()


def _kill_busy(stand: Stand, function: str) -> int:
    # What it does waits for the candles when it is hit: it is in the middle of its work for certain.
    with slow.held(stand.stack.facts.database_url, 2 * SHORT_SECONDS):
        time.sleep(SHORT_SECONDS)
        return functions.kill(stand.stack, function)


def _kill_api(stand: Stand) -> int:
    return _kill_busy(stand, "api")


def _kill_etl(stand: Stand) -> int:
    return _kill_busy(stand, "etl")


def _kill_fetchers(stand: Stand) -> int:
    # Sources are asked one request after the other, so that a run takes longer than this.
    stand.stack.fetch_now()
    time.sleep(SHORT_SECONDS / 2)
    return functions.kill(stand.stack, "fetch-binance", "fetch-yahoo")


def _kill_emulator(stand: Stand) -> int:
    burst = stand.minutes(BURST_MINUTES)
    stand.archive(burst)
    stand.send(burst)
    return int(signal_group(stand.stack.emulator.process.pid, signal.SIGKILL))


def _restart_emulator(stand: Stand) -> None:
    stand.stack.restart_emulator()


def _kill_source(stand: Stand) -> int:
    simulator = stand.stack.simulator
    killed = simulator is not None and signal_group(simulator.process.pid, signal.SIGKILL)
    stand.stack.fetch_now()
    return int(killed)


def _restart_source(stand: Stand) -> None:
    stand.stack.restart_simulator()
    stand.stack.fetch_now()


_DATABASE = {503: "MarketFlow's problem document: the database does not answer"}
_WORKER = {502: "the gateway's, as in AWS: the process that worked on the request is gone"}
_EMULATOR = {0: "nobody's: the gateway is what was killed", 404: "the emulator's: the API is not deployed again yet"}

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
