"""The embedded PostgreSQL: it starts anywhere, keeps its data, and stops exactly itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local import postgres as local_postgres
from local.postgres import LocalPostgres, LocalPostgresError
from marketflow.persistence.connection import Database

pytestmark = pytest.mark.integration


@pytest.fixture
def start() -> Iterator[Callable[..., LocalPostgres]]:
    """Starts servers; stops each of them after the test."""
    started: list[LocalPostgres] = []

    def begin(folder: Path, database: str = "marketflow", *, disposable: bool = True) -> LocalPostgres:
        server = local_postgres.start(folder, database, disposable=disposable)
        started.append(server)
        return server

    yield begin
    for server in started:
        server.stop()


def ask(url: str, sql: str) -> list[list[object]]:
    """The rows of one statement on a connection of its own."""
    database = Database(url, connect_deadline_seconds=5)
    try:
        return database.query(sql)
    finally:
        database.close()


def alive(pid: int) -> bool:
    """Whether a process runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def run_and(folder: Path, end: str) -> subprocess.CompletedProcess[str]:
    """A program that starts a server, prints its process id and ends as it is told."""
    script = f"""
import os, signal
from local import postgres
print(postgres.start({str(folder)!r}, disposable=True).pid, flush=True)
{end}
"""
    return subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)  # noqa: S603


def test_data_outlives_kill_restart_and_stop(start: Callable[..., LocalPostgres], tmp_path: Path) -> None:
    """What was committed is there after a crash and after a stop; the URL stays the same through a restart."""
    server = start(tmp_path / "pg", disposable=False)
    url, first = server.url, server.pid
    assert url == f"postgresql://postgres@/marketflow?host={tmp_path}/pg"
    ask(url, "CREATE TABLE kept AS SELECT 1 AS n")
    server.kill()
    assert not alive(first)
    assert not server.running()
    with pytest.raises(LocalPostgresError, match="does not run"):
        _ = server.pid
    server.restart()
    assert server.running()
    assert server.url == url
    assert server.pid != first
    ask(url, "INSERT INTO kept VALUES (2)")
    server.stop()
    server.stop()
    with pytest.raises(LocalPostgresError, match="stopped for good"):
        server.restart()
    again = start(tmp_path / "pg", disposable=False)
    assert ask(again.url, "SELECT n FROM kept ORDER BY n") == [[1], [2]]


def test_a_long_path_gets_a_short_socket(start: Callable[..., LocalPostgres], tmp_path: Path) -> None:
    """A folder whose path no socket can have puts its socket in a temporary folder, which goes with the server."""
    server = start(tmp_path / ("ü" * 80) / "with space", 'odd "name" %')
    assert server.socket_folder.parent == Path(tempfile.gettempdir())
    assert ask(server.url, "SELECT current_database()") == [['odd "name" %']]
    server.kill()
    server.restart()
    assert ask(server.url, "SELECT 1") == [[1]]
    server.stop()
    assert not server.socket_folder.exists()
    assert (server.folder / "data" / "PG_VERSION").exists()


def test_one_folder_has_one_owner(start: Callable[..., LocalPostgres], tmp_path: Path) -> None:
    """A second start names the process that uses the folder, and does not disturb it."""
    server = start(tmp_path / "pg")
    with pytest.raises(LocalPostgresError, match=f"in use by process {os.getpid()}"):
        local_postgres.start(tmp_path / "pg")
    assert ask(server.url, "SELECT 1") == [[1]]


def test_stopping_one_leaves_the_others(start: Callable[..., LocalPostgres], tmp_path: Path) -> None:
    """Two servers are apart: one stops, the other answers; and every process of the stopped one is gone."""
    one, other = start(tmp_path / "one"), start(tmp_path / "other")
    children = ask(one.url, "SELECT pid FROM pg_stat_activity WHERE backend_type <> 'client backend'")
    one.stop()
    assert len(children) > 2
    deadline = time.monotonic() + 5
    while any(alive(int(str(pid))) for (pid,) in children) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(alive(int(str(pid))) for (pid,) in children)
    assert ask(other.url, "SELECT 1") == [[1]]


def test_what_a_killed_run_left_behind_is_replaced(start: Callable[..., LocalPostgres], tmp_path: Path) -> None:
    """A run that was killed leaves its server; the next start stops that one and takes its data over."""
    run = run_and(tmp_path / "pg", "os.kill(os.getpid(), signal.SIGKILL)")
    assert run.returncode == -signal.SIGKILL
    leftover = int(run.stdout)
    assert alive(leftover)
    # PostgreSQL itself sees to it that two servers never have the same data: the new one runs, so the old one does not.
    server = start(tmp_path / "pg")
    assert server.pid != leftover
    assert ask(server.url, "SELECT 1") == [[1]]


def test_an_exit_that_forgets_the_server_stops_it(tmp_path: Path) -> None:
    """A program that ends, also with an exception, takes its server along."""
    run = run_and(tmp_path / "pg", "1 / 0")
    assert "ZeroDivisionError" in run.stderr
    assert not alive(int(run.stdout))


def test_a_stale_note_with_a_strangers_number_harms_nobody(start: Callable[..., LocalPostgres], tmp_path: Path) -> None:
    """After a power cut the note of the old server may name a process that is somebody else's by now."""
    server = start(tmp_path / "pg")
    note = server.folder / "data" / "postmaster.pid"
    lines = note.read_text().splitlines()
    server.kill()
    server.stop()
    with subprocess.Popen(["sleep", "60"]) as stranger:  # noqa: S607 - part of every Unix
        note.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        os.chown(note, server.folder.stat().st_uid, -1)
        try:
            start(tmp_path / "pg")
        except LocalPostgresError as error:
            # The server itself refuses to start beside a process that it cannot tell from one of its kind.
            assert "lock file" in str(error)  # noqa: PT017 - either outcome is right
        assert stranger.poll() is None
        stranger.kill()


def test_a_server_that_cannot_start_shows_its_log(tmp_path: Path) -> None:
    """The error of a failed start carries the end of the server's log, and the folder is free again."""
    local_postgres.start(tmp_path / "pg", disposable=True).stop()
    configuration = tmp_path / "pg" / "data" / "postgresql.conf"
    good = configuration.read_text()
    configuration.write_text(good + "\nno_such_setting = 1\n")
    with pytest.raises(LocalPostgresError, match="no_such_setting"):
        local_postgres.start(tmp_path / "pg", disposable=True)
    configuration.write_text(good)
    local_postgres.start(tmp_path / "pg", disposable=True).stop()


def test_half_a_cluster_is_made_anew(start: Callable[..., LocalPostgres], tmp_path: Path) -> None:
    """A first start that was cut off while the data folder was being made does not spoil the next one."""
    (tmp_path / "pg" / "data.new" / "base").mkdir(parents=True)
    (tmp_path / "pg" / "data.new" / "PG_VERSION").write_text("18\n")
    assert ask(start(tmp_path / "pg").url, "SELECT 1") == [[1]]


def test_only_its_user_can_connect(start: Callable[..., LocalPostgres], tmp_path: Path) -> None:
    """The server has no TCP port and its socket no permission for others."""
    server = start(tmp_path / "pg")
    assert ask(server.url, "SHOW listen_addresses") == [[""]]
    assert (server.socket_folder / ".s.PGSQL.5432").stat().st_mode & 0o077 == 0
