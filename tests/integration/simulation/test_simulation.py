"""The pipeline under a seeded world: 300 runs without a broken promise, and proof that broken ones are noticed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from local.simulation.backfills import Desk
from local.simulation.fetching import Fetchers
from local.simulation.loading import Rewrite, Worker
from local.simulation.queue import Received
from local.simulation.report import Report
from local.simulation.run import Ground, Result, Run
from marketflow.persistence import gaps_sql

pytestmark = pytest.mark.integration

FEW = (109, 133, *range(1, 25))
"""The first two are among those in which a split makes a source correct what was final."""
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A server of their own for all runs: some of them restart it."""
    opened = Ground(tmp_path_factory.mktemp("simulation"))
    yield opened
    opened.close()


def simulation(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`python -m local.simulation` with `arguments`, in a process of its own."""
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "local.simulation", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "shared:.", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def first_broken(
    ground: Ground, *, worker: type[Worker] = Worker, desk: type[Desk] = Desk, rewrite: Rewrite = str
) -> Result | None:
    """The first of a few seeds in which a pipeline that was broken on purpose is caught."""
    runs = (Run(seed, ground, worker=worker, desk=desk, rewrite=rewrite).execute() for seed in FEW)
    return next((result for result in runs if result.violations), None)


@pytest.mark.timeout(900)
def test_300_seeds_keep_every_promise() -> None:
    """Whatever breaks, the tables end equal to the oracle, nothing is lost, and every kind of fault was in it.

    In processes of their own: the measuring of coverage would make them take twice as long.
    """
    started = time.monotonic()
    done = simulation("--seeds", "300", "--json")
    report = Report.from_json(done.stdout)
    text = report.text(time.monotonic() - started)
    print(text)  # noqa: T201 - what was injected is what the test has to say
    assert (done.returncode, report.violations) == (0, []), text
    assert report.seeds == 300
    assert report.missing() == []


def test_a_seed_always_gives_the_same_run(ground: Ground) -> None:
    """Step by step the same, here and in a process with another order of sets: nothing counts but the seed."""
    seed = 10
    once, twice = (Run(seed, ground).execute() for _ in range(2))
    assert once == twice
    elsewhere = simulation("--seed", str(seed), PYTHONHASHSEED="4711")
    assert once.digest in elsewhere.stdout, elsewhere.stdout[-2000:] + elsewhere.stderr[-2000:]


@pytest.mark.parametrize(
    ("there", "broken"),
    [
        ("NOT c.final AND (\n               g.final OR (", "NOT c.final AND (\n               true OR ("),
        ("c.final IS TRUE AND g.final AND (", "c.final IS TRUE AND (true AND "),
        ("c.final IS TRUE AND g.final AND (", "false AND ("),
        ("FROM runs WHERE kept AND NOT last", "FROM runs WHERE false"),
        ("NOT c.final AND (", "NOT c.final AND c.close <> g.close AND ("),
        ("SELECT symbol_id, as_of, price, CAST", "SELECT symbol_id, as_of, round(price, 3), CAST"),
        ("FROM judged_candles WHERE fresh", "FROM judged_candles WHERE fresh AND extract(minute FROM open_time) <> 7"),
        ("FROM json_to_recordset(CAST(:rejects AS json))", "FROM json_to_recordset(CAST('[]' AS json))"),
        ("judge_candles(:source,", "judge_candles('nobody',"),
        ("judge_prices(:source,", "judge_prices('nobody',"),
    ],
    ids=[
        "older over newer",
        "forming over final",
        "no corrections",
        "no revisions",
        "forming not renewed",
        "rounded",
        "a row left out",
        "no quarantine",
        "any candle",
        "any price",
    ],
)
def test_a_broken_loader_is_caught(ground: Ground, there: str, broken: str) -> None:
    """A loader without one of its rules breaks a promise within a few seeds."""

    def rewrite(statement: str) -> str:
        return statement.replace(there, broken)

    result = first_broken(ground, rewrite=rewrite)
    assert result is not None
    assert f"make simulate SEED={result.seed}" in str(result.violations[0])


class DeletesFirst(Worker):
    """A consumer that takes a message off the queue before its rows are committed."""

    def batch(self, batch: Sequence[Received]) -> Iterator[float]:
        for received in batch:
            self.scene.queue.delete(received)
        yield from super().batch(batch)


class DropsFailures(Worker):
    """A consumer that reports no partial failures: what failed is deleted with the rest."""

    def try_load(self, received: Received) -> bool:
        super().try_load(received)
        return True


@pytest.mark.parametrize("worker", [DeletesFirst, DropsFailures])
def test_a_broken_consumer_is_caught(ground: Ground, worker: type[Worker]) -> None:
    """A consumer that can lose a message breaks a promise within a few seeds."""
    result = first_broken(ground, worker=worker)
    assert result is not None
    assert "No message is lost." in {violation.what for violation in result.violations}


class ForgetsTasks(Desk):
    """A consumer of tasks that deletes each as soon as it was tried."""

    def done(self, fetchers: Fetchers, source: str, received: Received) -> bool:
        super().done(fetchers, source, received)
        return True


def test_a_forgotten_part_of_a_backfill_is_caught(ground: Ground) -> None:
    """A backfill that loses a part says so in no count: the simulation finds it within a few seeds."""
    result = first_broken(ground, desk=ForgetsTasks)
    assert result is not None
    assert any("is accounted for" in violation.what for violation in result.violations)


def test_a_blind_auditor_is_caught(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that does not write down the gaps of one reason breaks the promise that every missing minute has its own."""
    there = "WHERE EXISTS (SELECT FROM audits"
    assert there in gaps_sql.WRITE
    blind = gaps_sql.WRITE.replace(there, f"WHERE e.reason <> 'source_outage' AND {there.removeprefix('WHERE ')}")
    monkeypatch.setattr(gaps_sql, "WRITE", blind)
    result = first_broken(ground)
    assert result is not None
    assert any("The ledger knows why" in str(one) for one in result.violations)
