"""The stand on which `bench.workload.measure` runs the real handlers: PostgreSQL, a simulated Binance, S3 and SQS.

S3, SQS (bench.workload.cloud) and the vendor are processes of their own, so that their CPU time is nobody's here.
"""

from __future__ import annotations

import importlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from local import postgres as local_postgres
from local.postgres import LocalPostgres
from local.simulated import Simulator
from marketflow import bootstrap
from marketflow.persistence import migrate

BUCKET = "bench-data"
READY_SECONDS = 60.0
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Context:
    """What Lambda says of an invocation."""

    function_name: str = "marketflow-bench"
    memory_limit_in_mb: int = 1769
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:000000000000:function:marketflow-bench"
    aws_request_id: str = "11111111-0000-4000-8000-000000000000"
    log_group_name: str = "/aws/lambda/marketflow-bench"

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the cut-off; always plenty."""
        return 300_000


@dataclass(slots=True)
class Used:
    """What a stretch of work used: CPU seconds of this process and of PostgreSQL, bytes of log, bytes of WAL."""

    function: float = 0.0
    database: float = 0.0
    log_bytes: int = 0
    wal_bytes: int = 0


@dataclass(slots=True)
class Stand:
    """Everything that runs; `log` receives what handlers print."""

    postgres: LocalPostgres
    database_url: str
    queue_url: str
    vendor: str
    log: Path
    _environment: dict[str, str] = field(default_factory=dict)

    def handler(self, name: str, **settings: str) -> Any:  # noqa: ANN401 - a handler takes and gives what Lambda does
        """The handler of functions/`name`, wired anew."""
        bootstrap.close()
        os.environ.update({"POWERTOOLS_SERVICE_NAME": name, **self._environment, **settings})
        sys.modules.pop(f"functions.{name}.handler", None)
        sys.modules.pop("marketflow.observability", None)
        return importlib.import_module(f"functions.{name}.handler").handler

    def query(self, sql: str) -> list[list[Any]]:
        """The rows of a statement of this module's callers, on a connection of its own."""
        from marketflow.persistence.connection import Database  # noqa: PLC0415 - after the environment is set

        with closing(Database(self.database_url)) as database:
            return [list(row) for row in database.query(sql)]

    @contextmanager
    def used(self) -> Iterator[Used]:
        """Measures what happens inside the block."""
        used = Used()
        wal, log, server = self._wal(), self.log.stat().st_size, self._server()
        started = time.process_time()
        with self.captured():
            yield used
        used.function = time.process_time() - started
        used.database = self._server() - server
        used.log_bytes = self.log.stat().st_size - log
        used.wal_bytes = self._wal() - wal

    def _server(self) -> float:
        """CPU seconds of the server and its children so far; backends that have ended are in the server's own."""
        server = psutil.Process(self.postgres.pid)
        total = 0.0
        for process in (server, *server.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system
        waited = server.cpu_times()
        return float(total + waited.children_user + waited.children_system)

    def _wal(self) -> int:
        return int(self.query("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn")[0][0])

    @contextmanager
    def captured(self) -> Iterator[None]:
        """What is printed goes to the log file, as in Lambda; Powertools keeps the stream that it found first."""
        sys.stdout.flush()
        kept = os.dup(1)
        with self.log.open("ab") as target:
            os.dup2(target.fileno(), 1)
        try:
            yield
        finally:
            sys.stdout.flush()
            os.dup2(kept, 1)
            os.close(kept)


@contextmanager
def stand() -> Iterator[Stand]:
    """Start everything, and stop it at the end."""
    with tempfile.TemporaryDirectory(prefix="marketflow-bench-") as name:
        home = Path(name)
        (home / "logs").mkdir()
        (home / "handler.log").touch()
        home.chmod(0o755)
        server = local_postgres.start(home / "postgres", disposable=True)
        cloud, endpoint = _cloud()
        vendors = Simulator(home=home, seed=7, sources=("binance",))
        try:
            migrate.upgrade(server.url)
            environment = _environment(endpoint, server.url)
            os.environ.update(environment)
            queue_url = f"{endpoint}/000000000000/payloads"
            yield Stand(
                postgres=server,
                database_url=server.url,
                queue_url=queue_url,
                vendor=vendors.wait_ready()["binance"],
                log=home / "handler.log",
                _environment={**environment, "PAYLOAD_QUEUE_URL": queue_url, "TASK_QUEUE_URL": queue_url},
            )
        finally:
            bootstrap.close()
            vendors.stop()
            cloud.terminate()
            cloud.wait()
            server.stop()


def _environment(endpoint: str, database_url: str) -> dict[str, str]:
    return {
        "MARKETFLOW_STAGE": "bench",
        "POWERTOOLS_METRICS_NAMESPACE": "MarketFlow",
        "POWERTOOLS_TRACE_DISABLED": "true",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "DATABASE_URL": database_url,
        "DATA_BUCKET": BUCKET,
    }


def _cloud() -> tuple[subprocess.Popen[bytes], str]:
    """S3 and SQS on a free port, once they answer."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "bench.workload.cloud", str(port)], cwd=ROOT)  # noqa: S603 - ours
    deadline = time.monotonic() + READY_SECONDS
    while True:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return process, f"http://127.0.0.1:{port}"
        if time.monotonic() > deadline or process.poll() is not None:
            raise SystemExit("bench.workload.cloud did not start.")
        time.sleep(0.1)


def event(name: str) -> dict[str, Any]:
    """A canonical event of events/."""
    loaded: dict[str, Any] = json.loads((ROOT / "events" / f"{name}.json").read_text(encoding="utf-8"))
    return loaded
