"""The bench on a real PostgreSQL, tiny: that what it measures is right. How fast it is, is no matter of a test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import etl, fill
from bench.database import Server, connected, make_months, server
from bench.fill import History
from bench.harness import BenchError
from bench.plan import Plan
from marketflow.persistence.connection import Database

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
TINY = Plan(
    mode="quick",
    rounds=1,
    cold_rounds=1,
    pages=2,
    batches=2,
    starts=1,
    bodies=2,
    orm_bodies=1,
    scale_bodies=1,
    large=52_000,
    small=52_000,
)
DAY = History.of(TINY.small, with_year=False)

READS = """
import json, sys
from bench import reads, scale
from bench.harness import BenchError
from tests.integration.test_bench import DAY, TINY
found = {key: [one.value, one.floor] for key, one in reads.measure(sys.argv[1], TINY).items()}
filled = scale.Filled(sys.argv[1], DAY)
found |= {key: [one.value, one.floor] for key, one in scale.reads(filled, filled, TINY).items()}
try:
    scale.year_of_days(filled, TINY)
except BenchError as error:
    print(json.dumps([found, str(error)]))
"""


@pytest.fixture(scope="module")
def bench_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of the bench's own making."""
    with server(tmp_path_factory.mktemp("bench")) as running:
        yield running


@pytest.fixture(scope="module")
def filled(bench_server: Server) -> str:
    """The DATABASE_URL of a day of every symbol."""
    url = bench_server.database("filled")
    fill.fill(bench_server, url, DAY)
    return url


def test_every_loader_stores_the_same_rows(bench_server: Server) -> None:
    """COPY, the ORM and the pipeline end with the same candles, or there is no figure."""
    figures = etl.measure(bench_server, TINY)
    assert set(figures) == {"etl_rows_per_s", "etl_vs_copy", "etl_vs_orm"}


def test_a_loader_that_stores_something_else_is_found_out(bench_server: Server) -> None:
    """One digit of one candle is enough."""
    with connected(bench_server.database("ours")) as ours:
        theirs = bench_server.database("theirs")
        etl.check(ours, theirs, [(1, "BTCUSDT")])
        with connected(theirs) as other:
            _store(other, "1.0")
        with pytest.raises(BenchError, match="other candles"):
            etl.check(ours, theirs, [(1, "BTCUSDT")])
        _store(ours, "1.00")
        with pytest.raises(BenchError, match="other candles"):
            etl.check(ours, theirs, [(1, "BTCUSDT")])


def _store(database: Database, price: str) -> None:
    make_months(database, etl.START, etl.START)
    database.query(
        "INSERT INTO candles (symbol_id, interval, open_time, open, high, low, close, final, observed_at, raw_id)"
        " VALUES (1, '1m', :at, CAST(:price AS numeric), 1, 1, 1, true, :at, 1)",
        at=etl.START,
        price=price,
    )


def test_a_filled_database_has_what_was_asked_for(filled: str) -> None:
    """Every minute of the day for each of 36 symbols, prices of a hundred, and nothing that the schema would refuse."""
    with connected(filled) as database:
        assert fill.count(database) == DAY.candles == 36 * 1440
        spans = "SELECT DISTINCT min(open_time), max(open_time), count(*) FROM candles GROUP BY symbol_id"
        assert [row[2] for row in database.query(spans)] == [1440]
        assert database.query("SELECT count(DISTINCT symbol_id) FROM prices") == [[100]]
        assert database.query("SELECT count(*) FROM fetched_ranges") == [[36]]
        # A first judgement or load must find nothing strange: each minute opens where the one before it closed.
        jumps = """SELECT count(*) FROM (
            SELECT open, lag(close) OVER (PARTITION BY symbol_id ORDER BY open_time) AS before FROM candles
        ) AS pairs WHERE open <> before"""
        assert database.query(jumps) == [[0]]


def test_filled_roll_ups_are_those_that_the_schema_makes(filled: str) -> None:
    """Rolled up again by the function that runs behind each load, not one of them changes."""
    everything = (
        "SELECT md5(string_agg(CAST(r AS text), '|' ORDER BY symbol_id, interval, open_time)) FROM rollups AS r"
    )
    with connected(filled) as database:
        if not database.query("SELECT to_regproc('roll') IS NOT NULL")[0][0]:
            pytest.skip("This schema stores no roll-ups.")
        before = database.query(everything)
        database.query("SELECT roll(symbol_id, '1m', min(open_time), max(open_time)) FROM candles GROUP BY symbol_id")
        assert database.query(everything) == before


def test_every_service_answers_the_same(filled: str) -> None:
    """Candles and prices of both peers are those of the read function, or there is no figure."""
    # In a process of its own: the peers keep their connections for as long as theirs lives.
    done = subprocess.run(  # noqa: S603 - this interpreter
        (sys.executable, "-c", READS, filled),
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f"{ROOT / 'shared'}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    figures, fault = json.loads(done.stdout)
    assert set(figures) == {"read_1000_vs_orm", "read_1000_vs_asyncpg", "latest_100_vs_orm", "scale_read_20m_vs_1m"}
    assert all(value > 0 and floor > 0 for value, floor in figures.values())
    assert "instead of 365" in fault
