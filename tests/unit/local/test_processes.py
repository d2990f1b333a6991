"""Processes are watched and stopped exactly: the whole group, nobody else, with the reason when one dies."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import psutil
import pytest

from local.ownership import Ownership
from local.processes import LocalError, Process, tail

pytestmark = pytest.mark.unit

FAMILY = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(60)
"""


def python(tmp_path: Path, code: str) -> Process:
    """A Python process that runs `code`."""
    return Process(
        "The part",
        [sys.executable, "-c", code],
        log=tmp_path / "logs" / "part.log",
        environment=dict(os.environ),
        directory=tmp_path,
    )


def gone(pid: int) -> bool:
    """Whether the process has ended (a zombie that nobody has collected yet counts)."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_for_output(process: Process) -> str:
    """What the process has printed, once it has."""
    process.wait_until(lambda: process.log.read_text().endswith("\n"), seconds=20)
    return process.log.read_text().strip()


def test_stop_takes_the_children_along(tmp_path: Path) -> None:
    """Stopping a process stops what it started."""
    process = python(tmp_path, FAMILY)
    child = int(wait_for_output(process))
    process.stop()
    deadline = time.monotonic() + 5
    while not gone(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert gone(process.pid)
    assert gone(child)


def test_stop_ends_one_that_does_not_listen(tmp_path: Path) -> None:
    """A process that ignores SIGTERM is killed after its grace."""
    process = python(tmp_path, STUBBORN)
    wait_for_output(process)
    process.stop(grace=0.2)
    assert gone(process.pid)


def test_stop_twice(tmp_path: Path) -> None:
    """Stopping what has ended does nothing."""
    process = python(tmp_path, "pass")
    process.wait()
    process.stop()
    process.stop()


@pytest.mark.parametrize(
    ("code", "how"),
    [
        ("import sys; print('no socket'); sys.exit(3)", "exited with code 3"),
        ("import os, signal; print('no socket', flush=True); os.kill(os.getpid(), signal.SIGKILL)", "ended by SIGKILL"),
    ],
)
def test_a_death_is_explained(tmp_path: Path, code: str, how: str) -> None:
    """A dead process says how it ended, where its log is and what was last in it."""
    process = python(tmp_path, code)
    process.wait()
    reason = process.died()
    assert reason is not None
    for part in ("The part", how, "part.log", "no socket"):
        assert part in reason


def test_waiting_for_a_dead_one(tmp_path: Path) -> None:
    """Waiting for a process that dies ends at once, with the reason."""
    process = python(tmp_path, "import sys; sys.exit('it broke')")
    with pytest.raises(LocalError, match="it broke"):
        process.wait_until(lambda: False, seconds=30)


def test_waiting_too_long(tmp_path: Path) -> None:
    """Waiting ends after its time, and says whom it waited for."""
    process = python(tmp_path, "import time; time.sleep(60)")
    try:
        with pytest.raises(LocalError, match="The part was not ready"):
            process.wait_until(lambda: False, seconds=0.1)
    finally:
        process.stop()


def test_tail_of_a_missing_log(tmp_path: Path) -> None:
    """A log that is missing or empty is said to be empty."""
    assert "empty" in tail(tmp_path / "nothing.log")


def test_only_one_owner(tmp_path: Path) -> None:
    """A second stack in the same folder is refused and told whose it is."""
    with Ownership(tmp_path), pytest.raises(LocalError, match=str(os.getpid())):
        Ownership(tmp_path)


def test_owner_is_followed(tmp_path: Path) -> None:
    """Once released, the folder can be owned again."""
    Ownership(tmp_path).release()
    Ownership(tmp_path).release()


def test_leftovers_of_a_killed_run_are_stopped(tmp_path: Path) -> None:
    """What a killed run left behind is ended by the next one, and a stranger with a reused id is not."""
    process = python(tmp_path, STUBBORN)
    wait_for_output(process)
    killed = Ownership(tmp_path)
    killed.note(process.pid)
    note = tmp_path / "processes.json"
    stranger = f', "{os.getpid()}": 1.0}}'
    note.write_text(note.read_text().removesuffix("}") + stranger)
    # A killed process loses its lock without having released anything.
    killed._lock.close()
    Ownership(tmp_path).release()
    assert process.wait() < 0
    assert not note.exists()
