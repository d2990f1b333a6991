"""One run from beginning to end: what is measured in which order, and what becomes of it when a part fails."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from bench import assets, cold, etl, fill, machine, memory, reads, scale
from bench.assets import Peers
from bench.database import Server, server
from bench.fill import History
from bench.harness import BenchError, on_one_core, say
from bench.plan import Plan
from bench.report import Measured, NotMeasured, Outcome
from bench.scale import Filled

ROOT = Path(__file__).resolve().parent.parent

T = TypeVar("T")


@dataclass(slots=True)
class Lab:
    """What the parts of a run share; what could not be made is the error that says why, for each part that needs it."""

    plan: Plan
    server: Server | BenchError
    peers: Peers | BenchError
    small: Filled | BenchError
    large: Filled | BenchError


@dataclass(frozen=True, slots=True)
class Part:
    """Some figures that are measured together."""

    name: str
    keys: tuple[str, ...]
    measure: Callable[[Lab], Mapping[str, Measured]]


PARTS = (
    Part(
        "the ETL",
        ("etl_rows_per_s", "etl_vs_copy", "etl_vs_orm"),
        lambda lab: etl.measure(made(lab.server), lab.plan),
    ),
    Part(
        "warm reads",
        ("read_1000_vs_orm", "read_1000_vs_asyncpg", "latest_100_vs_orm"),
        lambda lab: reads.measure(made(lab.small).url, lab.plan),
    ),
    Part(
        "cold starts of the read function",
        ("cold_start_vs_peer", "cold_start_vs_peer_compiled"),
        lambda lab: cold.read(made(lab.small).url, lab.plan, made(lab.peers)),
    ),
    Part(
        "cold starts of the ETL function",
        ("cold_start_etl_vs_peer",),
        lambda lab: cold.etl(made(lab.server), lab.plan, made(lab.peers)),
    ),
    Part("what is shipped", ("read_asset_mb",), lambda _: cold.asset()),
    Part(
        "memory",
        ("memory_read_mb", "memory_etl_mb", "memory_mb"),
        lambda lab: memory.measure(made(lab.server), made(lab.large), lab.plan, made(lab.peers)),
    ),
    Part(
        "reads at both sizes",
        ("scale_read_20m_vs_1m",),
        lambda lab: scale.reads(made(lab.small), made(lab.large), lab.plan),
    ),
    Part("a year of days", ("year_of_days_ms",), lambda lab: scale.year_of_days(made(lab.large), lab.plan)),
    Part(
        "the ETL at both sizes",
        ("scale_ingest_20m_vs_1m",),
        lambda lab: scale.ingest(made(lab.small), made(lab.large), lab.plan),
    ),
)


def made(thing: T | BenchError) -> T:
    """The thing itself. Raises the error that there is instead of it."""
    if isinstance(thing, BenchError):
        raise thing
    return thing


def everything(plan: Plan) -> tuple[dict[str, object], dict[str, Outcome]]:
    """The machine, and every figure or the reason why there is none."""
    load_before = machine.load()
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=build, prefix="bench-", ignore_cleanup_errors=True) as folder:
        say("building the peers …")
        peers = attempt(lambda: assets.peers(Path(folder) / "peers"))
        with on_one_core() as core, lab(plan, Path(folder), peers) as made_lab:
            outcomes = measure(made_lab, PARTS)
            version = made_lab.server.version() if isinstance(made_lab.server, Server) else None
    facts = machine.facts(
        mode=plan.mode,
        run=plan.said(),
        postgres=version,
        shipped_python=assets.interpreter()[1],
        core=core,
        load_before=load_before,
    )
    return facts, outcomes


@contextlib.contextmanager
def lab(plan: Plan, folder: Path, peers: Peers | BenchError) -> Iterator[Lab]:
    """The server with both databases filled, as far as they can be."""
    with contextlib.ExitStack() as stack:
        running = attempt(lambda: stack.enter_context(server(folder)))
        filled = [
            attempt(lambda: _fill(made(running), "large", History.of(plan.large, with_year=True))),
            attempt(lambda: _fill(made(running), "small", History.of(plan.small, with_year=False))),
        ]
        yield Lab(plan=plan, server=running, peers=peers, large=filled[0], small=filled[1])


def measure(lab: Lab, parts: tuple[Part, ...]) -> dict[str, Outcome]:
    """Each part's figures; a part that fails leaves the others alone, and its figures say what went wrong."""
    outcomes: dict[str, Outcome] = {}
    for part in parts:
        started = time.monotonic()
        found = attempt(partial(part.measure, lab))
        if isinstance(found, BenchError):
            say(f"{part.name}: not measured: {found}")
            outcomes |= dict.fromkeys(part.keys, NotMeasured(str(found)))
        else:
            say(f"{part.name}: {time.monotonic() - started:.0f} s")
            outcomes |= found
    return outcomes


def attempt(make: Callable[[], T]) -> T | BenchError:
    """What `make` gives, or the error that says why it does not: nothing that goes wrong ends the whole run."""
    try:
        return make()
    except BenchError as error:
        return error
    except Exception as error:  # noqa: BLE001 - whatever a competitor does is a fact about it, to be shown with the others
        return BenchError(f"{type(error).__name__}: {error}")


def _fill(server: Server, name: str, history: History) -> Filled:
    started = time.monotonic()
    say(f"filling {name}: {history.candles:,} candles …")
    filled = Filled(server.database(name), history)
    fill.fill(server, filled.url, history)
    say(f"filled {name}: {time.monotonic() - started:.0f} s")
    return filled
