"""The bench's own PostgreSQL: embedded, thrown away, on the core of this process, a fresh database for each part."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import psutil

from bench.harness import BenchError
from local import postgres
from local.postgres import LocalPostgres, LocalPostgresError
from marketflow.persistence import migrate
from marketflow.persistence.connection import Database

OPTIONS = {
    # What a server with two gigabytes would have; the rest of the memory caches files, as it does there.
    "shared_buffers": "512MB",
    "maintenance_work_mem": "512MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "1h",
    "log_min_duration_statement": "-1",
}
"""Beside those of a disposable server: nothing waits for the disk, and nothing happens on its own."""

TEMPLATE = "bench_template"
FILL_SECONDS = 1800.0


@dataclass(slots=True)
class Server:
    """A running server. Databases are copies of one that was migrated and has every symbol that the bench needs."""

    postgres: LocalPostgres

    def database(self, name: str) -> str:
        """Make a database; its DATABASE_URL."""
        with connected(self.postgres.url_of("postgres")) as maintenance:
            maintenance.query(f'CREATE DATABASE "{name}" TEMPLATE {TEMPLATE}')
        return self.postgres.url_of(name)

    def drop(self, name: str) -> None:
        """Remove a database and whoever is connected to it."""
        with connected(self.postgres.url_of("postgres")) as maintenance:
            maintenance.query(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def version(self) -> str:
        """The server's version."""
        with connected(self.postgres.url_of("postgres")) as maintenance:
            return str(maintenance.query("SHOW server_version")[0][0])

    @contextlib.contextmanager
    def on_every_core(self) -> Iterator[None]:
        """Let the connections that are opened meanwhile use the whole machine: for filling, which is not measured."""
        if not hasattr(os, "sched_setaffinity"):
            yield
            return
        process = psutil.Process(self.postgres.pid)
        family = [one.pid for one in (process, *process.children(recursive=True))]
        before = os.sched_getaffinity(self.postgres.pid)
        self._place(family, range(os.cpu_count() or 1))
        try:
            yield
        finally:
            self._place([one.pid for one in (process, *process.children(recursive=True))], before)

    @staticmethod
    def _place(pids: Iterable[int], cores: Iterable[int]) -> None:
        for pid in pids:
            # Connections and vacuum workers of the server come and go.
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(pid, cores)


@contextlib.contextmanager
def server(scratch: Path) -> Iterator[Server]:
    """A server on the cores of this process, its data in the folder `scratch`.

    Raises BenchError, with the end of the server's log, when there is none.
    """
    started: LocalPostgres | None = None
    try:
        started = postgres.start(scratch / "postgres", disposable=True)
        started.options.update(OPTIONS)
        started.restart()
        url = started.url_of(TEMPLATE)
        with connected(started.url_of("postgres")) as maintenance:
            maintenance.query(f"CREATE DATABASE {TEMPLATE}")
        migrate.upgrade(url)
        with connected(url) as database:
            database.query(MORE_SYMBOLS)
        yield Server(started)
    except LocalPostgresError as error:
        raise BenchError(f"The database did not start: {error}") from error
    finally:
        if started is not None:
            # Gigabytes that nobody needs are not written first.
            started.kill()
            started.stop()


MORE_SYMBOLS = """
INSERT INTO symbols (symbol, source, source_symbol, asset_type, base_currency, quote_currency, price_unit, timezone,
                     name)
SELECT 'C' || n || 'USDT', 'binance', 'C' || n || 'USDT', 'crypto', 'C' || n, 'USDT', 'USDT', 'UTC', 'Coin ' || n
FROM generate_series(1, 100 - (SELECT count(*) FROM symbols WHERE asset_type = 'crypto')) AS n
"""
"""A hundred of one exchange: as many as one request for prices takes."""


@contextlib.contextmanager
def connected(url: str, *, statement_timeout_seconds: float = FILL_SECONDS) -> Iterator[Database]:
    """A connection for statements of any length."""
    database = Database(url, application_name="marketflow-bench", statement_timeout_seconds=statement_timeout_seconds)
    try:
        yield database
    finally:
        database.close()


def crypto_symbols(database: Database) -> list[tuple[int, str]]:
    """Number and name of each of the hundred, in the order of their numbers."""
    rows = database.query("SELECT id, symbol FROM symbols WHERE asset_type = 'crypto' ORDER BY id")
    return [(int(number), str(name)) for number, name in rows]


def make_months(database: Database, first: datetime, last: datetime) -> None:
    """Make the partitions from `first` to `last`, where the schema has monthly ones."""
    if database.query("SELECT to_regproc('make_months') IS NOT NULL")[0][0]:
        database.query(
            "SELECT make_months(CAST(:first AS timestamptz), CAST(:last AS timestamptz))",
            first=first,
            last=last + timedelta(days=1),
        )


def settle(database: Database) -> None:
    """Bring what was filled into the state that a served table is in: statistics, visibility, and nothing to write."""
    for statement in ("VACUUM (FREEZE, ANALYZE)", "CHECKPOINT"):
        database.query(statement)
