"""One seed from its first tick to rest, and the database that all seeds share."""

from __future__ import annotations

import heapq
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from local import postgres
from local.simulation import auditing, checks
from local.simulation.backfills import Desk, check_parts
from local.simulation.catalogue import install, symbols_of
from local.simulation.clock import EPOCH, SECOND, VirtualClock
from local.simulation.fetching import BUCKET, Fetchers, Scene
from local.simulation.ledger import Ledger
from local.simulation.loading import LOADER_NAME, Link, Rewrite, Worker, loading
from local.simulation.log import Log, Violation
from local.simulation.mishaps import Mishaps
from local.simulation.queue import MemoryQueue
from local.simulation.scenario import SUPPLIERS, plan
from local.simulation.storage import MemoryS3
from local.simulator.world import World
from marketflow.messaging.state import SymbolCatalog
from marketflow.persistence import migrate
from marketflow.persistence.connection import Database

TICKS_OF_CALM = 3
MOST_TICKS_TO_REST = 60
LONGEST_STOP_HOURS = {"binance": 12.0, "yahoo": 70.0, "exchangerate": 70.0}
"""What one answer of a source reaches back, less the time of a block on top (Binance gives 1000 minutes)."""
DATASETS = {
    "binance": ("klines_1m", "ticker_price"),
    "yahoo": ("chart_1m",),
    "exchangerate": ("latest",),
}
DAILY = ("chart_1d",)
_KEPT = ("symbols", "alembic_version")
_TABLES = """
SELECT string_agg(quote_ident(tablename), ', ') FROM pg_tables
WHERE schemaname = 'public' AND tablename <> ALL(CAST(:kept AS text[]))
"""
_MONTHS = """
SELECT string_agg(CAST(CAST(inhrelid AS regclass) AS text), ', ') FROM pg_inherits
WHERE inhparent = ANY(CAST('{candles_1m,rollups_minutes,prices}' AS regclass[]))
  AND inhrelid <> CAST('prices_past' AS regclass)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of a seed: broken promises, what was injected by kind, the hash of everything that happened."""

    seed: int
    violations: tuple[Violation, ...]
    mishaps: Counter[str]
    faults: Counter[str]
    digest: str
    steps: int
    lines: tuple[str, ...]


class Ground:
    """A server with a migrated database, used by one seed after the other."""

    def __init__(self, folder: Path) -> None:
        self._server = postgres.start(folder, disposable=True)
        migrate.upgrade(self._server.url)
        self.loader = Database(self._server.url, application_name=LOADER_NAME)
        self.reader = Database(self._server.url, application_name="marketflow-simulated-reader")
        install(self.reader)
        (row,) = self.reader.query(_TABLES, kept="{" + ",".join(_KEPT) + "}")
        self._truncate = f"TRUNCATE {row[0]}"

    def clear(self) -> None:
        """Empty every table but the symbols, and leave no month: each seed has its loads make them."""
        self.reader.query(self._truncate)
        if months := self.reader.query(_MONTHS)[0][0]:
            self.reader.query(f"DROP TABLE {months}")

    def restart(self) -> None:
        """Restart the server; whoever has a connection finds it broken."""
        self._server.restart()

    def close(self) -> None:
        """Stop the server."""
        self.loader.close()
        self.reader.close()
        self._server.stop()


class Run:
    """One seed on `ground`. A test may break the pipeline with `rewrite`, another `worker` or another `desk`."""

    def __init__(
        self,
        seed: int,
        ground: Ground,
        *,
        worker: type[Worker] = Worker,
        desk: type[Desk] = Desk,
        rewrite: Rewrite = str,
        whole_log: bool = False,
    ) -> None:
        scenario = plan(seed)
        clock = VirtualClock(scenario.start)
        mishaps = Mishaps(seed, scenario.rates)
        log = Log(seed, clock, whole=whole_log)
        self._scene = Scene(
            scenario=scenario,
            world=World(seed, clock, faults=scenario.faults),
            clock=clock,
            mishaps=mishaps,
            log=log,
            ledger=Ledger(ground.reader, log),
            s3=MemoryS3(lambda: mishaps.strikes("state_conflict")),
            queue=MemoryQueue(clock, mishaps),
            tasks={source: MemoryQueue(clock, mishaps) for source in _asked(scenario.symbols)},
        )
        self._desk = desk.of(self._scene, ground.reader)
        self._ground = ground
        self._ticks = 0
        self._order = 0
        self._agenda: list[tuple[int, int, Iterator[float | None]]] = []
        self._resting: list[Iterator[float | None]] = []
        link = Link(self._scene, ground.loader, reader=ground.reader, restart=ground.restart, rewrite=rewrite)
        load = loading(self._scene, link).load
        for name in ("etl-1", "etl-2"):
            self._resting.append(worker(self._scene, load, name).steps())

    def execute(self) -> Result:
        """Run it all."""
        scene = self._scene
        self._ground.clear()
        self._prepare()
        fetchers = Fetchers(scene)
        try:
            self._storm(fetchers)
            self._calm(fetchers)
        finally:
            fetchers.close()
        checks.check(scene, self._ground.reader)
        check_parts(scene, self._ground.reader)
        auditing.check(scene, self._ground.reader)
        injected = {name: int(str(facts["injected"])) for name, facts in scene.world.faults.report().items()}
        return Result(
            seed=scene.scenario.seed,
            violations=tuple(scene.log.violations),
            mishaps=scene.mishaps.counts,
            faults=Counter({name: count for name, count in injected.items() if count}),
            digest=scene.log.digest(),
            steps=scene.log.step,
            lines=tuple(scene.log.tail),
        )

    def _prepare(self) -> None:
        """Publish the symbols; sources that are not cold have fetched everything a minute ago."""
        scene = self._scene
        catalog = SymbolCatalog(bucket=BUCKET, client=scene.s3)  # type: ignore[arg-type]  # the calls that it makes
        before = (scene.scenario.start - timedelta(seconds=45)).isoformat()
        for source in scene.tasks:
            names = scene.scenario.symbols.get(source, ())
            catalog.write(source, symbols_of(source, names))
            if source in DATASETS and not scene.scenario.cold:
                standing = {"last_complete_at": before, "symbols": names}
                datasets = dict.fromkeys((*DATASETS[source], *DAILY), standing)
                scene.s3.objects[f"state/{source}.json"] = json.dumps({"datasets": datasets}).encode()

    def _storm(self, fetchers: Fetchers) -> None:
        """The ticks of the scenario, with everything that goes wrong."""
        scene = self._scene
        for pause in scene.scenario.pauses:
            self._step_clock()
            self._tick(fetchers)
            if scene.mishaps.strikes("tick_doubled"):
                self._tick(fetchers)
            if scene.mishaps.strikes("poison_message"):
                scene.queue.put('{"kind": "payload", "version": 99}')
            if scene.mishaps.strikes("tick_missed"):
                pause *= scene.mishaps.below("tick_missed", 5) + 2  # noqa: PLW2901 - a pause that grew
            if scene.mishaps.strikes("schedule_stopped"):
                pause += self._stopped()  # noqa: PLW2901 - the same
            self._work(scene.clock.micros + int(pause * SECOND))

    def _stopped(self) -> float:
        """For how many seconds the schedule stops."""
        longest = min(LONGEST_STOP_HOURS[source] for source in self._scene.scenario.symbols)
        return self._scene.mishaps.between("schedule_stopped", 1.0, longest) * 3600

    def _calm(self, fetchers: Fetchers) -> None:
        """Nothing goes wrong any more; the schedule ticks on until all sources delivered and the queue is empty."""
        scene = self._scene
        scene.log.note("calm")
        scene.calm, scene.mishaps.active, scene.skew = True, False, 0.0
        for name in scene.scenario.faults:
            if name != "yahoo.split":  # a split is no fault: it stays
                scene.world.faults.clear(name)
        if scene.scenario.redrives:
            queues = (scene.queue, *scene.tasks.values())
            scene.log.note("redriven", str(sum(queue.redrive() for queue in queues)))
        good = 0
        for _ in range(MOST_TICKS_TO_REST):
            self._tick(fetchers)
            self._work(scene.clock.micros + 61 * SECOND)
            good += 1
            # First those who sent us away, then the symbols that they did not know: all shall be asked once more.
            waits = self._moments("not_before") or (
                self._moments("unavailable") if scene.scenario.patient and good >= TICKS_OF_CALM else []
            )
            if waits:
                self._work(max(waits) + SECOND)
                good = 0
            elif good >= TICKS_OF_CALM and not scene.queue.letters and not self._desk.waiting:
                return
        scene.log.violate(
            "Everything comes to rest.",
            "empty queues",
            f"{len(scene.queue.letters)} messages and {self._desk.waiting} tasks",
        )

    def _moments(self, name: str) -> list[int]:
        """The times to come, in microseconds, that the states of the sources have under `name`."""
        found = []
        for source in self._scene.tasks:
            value = json.loads(self._scene.s3.objects.get(f"state/{source}.json", b"{}")).get(name)
            texts = [value] if isinstance(value, str) else list((value or {}).values())
            found += [(datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1) for text in texts]
        return [moment for moment in found if moment > self._scene.clock.micros]

    def _step_clock(self) -> None:
        """The fetchers' clock is set, a little forward or back."""
        scene = self._scene
        if scene.mishaps.strikes("clock_forward"):
            scene.skew = min(60.0, scene.skew + scene.mishaps.between("clock_forward", 1.0, 45.0))
        if scene.mishaps.strikes("clock_back"):
            scene.skew = max(-30.0, scene.skew - scene.mishaps.between("clock_back", 1.0, 30.0))

    def _tick(self, fetchers: Fetchers) -> None:
        """One tick of every source's schedule."""
        self._ticks += 1
        for source in self._scene.scenario.symbols:
            datasets = DATASETS[source]
            if source == "yahoo" and self._ticks % self._scene.scenario.days_every == 0:
                datasets += DAILY
            fetchers.tick(source, datasets, self._ticks)
        for number, backfill in enumerate(self._scene.scenario.backfills):
            if backfill.tick == self._ticks:
                self._desk.begin(backfill, number)
        self._desk.work(fetchers)
        for steps in self._resting:
            self._plan(steps, 0.0)
        self._resting.clear()

    def _work(self, until: int) -> None:
        """Let the workers work until the clock shows `until` (microseconds)."""
        clock = self._scene.clock
        while self._agenda and self._agenda[0][0] <= until:
            at, _, steps = heapq.heappop(self._agenda)
            clock.reach(at)
            pause = next(steps)
            if pause is None:
                self._resting.append(steps)
            else:
                self._plan(steps, pause)
        clock.reach(until)

    def _plan(self, steps: Iterator[float | None], pause: float) -> None:
        self._order += 1
        heapq.heappush(self._agenda, (self._scene.clock.micros + int(pause * SECOND), self._order, steps))


def _asked(symbols: Iterable[str]) -> list[str]:
    """The sources with symbols, and those that have their past."""
    return [name for source in symbols for name in (source, SUPPLIERS.get(source)) if name is not None]
