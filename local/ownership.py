"""One stack in one folder: a lock that ends with its process, and the note by which a killed run is cleaned up."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
from pathlib import Path
from typing import IO, Self

import psutil

from local.processes import LocalError, signal_group


class Ownership:
    """The right to run a stack in `home`. Raises LocalError when another process has it."""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self._note = home / "processes.json"
        self._lock = self._acquire(home / "run.lock")
        self._groups: dict[int, float] = {}
        self._stop_leftovers()

    def _acquire(self, path: Path) -> IO[str]:
        handle = path.open("a+", encoding="ascii")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.seek(0)
            owner = handle.read().strip() or "unknown"
            handle.close()
            raise LocalError(
                f"MarketFlow already runs in {path.parent} (process {owner}). Use that one, or stop it first."
            ) from None
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        return handle

    def note(self, pid: int) -> None:
        """Remember a process that was started, by its id and the time of its start: ids are used again."""
        with contextlib.suppress(psutil.NoSuchProcess):
            self._groups[pid] = psutil.Process(pid).create_time()
        written = self._note.with_suffix(".new")
        written.write_text(json.dumps(self._groups))
        written.replace(self._note)

    def _stop_leftovers(self) -> None:
        """End what a run that was killed could not stop itself."""
        try:
            noted = json.loads(self._note.read_text())
        except (FileNotFoundError, ValueError):
            return
        for pid, started in noted.items():
            try:
                same = psutil.Process(int(pid)).create_time() == started
            except psutil.NoSuchProcess:
                continue
            if same:
                signal_group(int(pid), signal.SIGKILL)
        self._note.unlink()

    def release(self) -> None:
        """Give the folder free; everything that was noted has been stopped."""
        self._note.unlink(missing_ok=True)
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
