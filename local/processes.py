"""Child processes that are started, watched and stopped exactly: each in a process group of its own, by its id.

A group holds the process and everything that it started (the emulator's Lambda workers, for one), so stopping the
group stops those as well, and a Ctrl-C in the terminal reaches only the parent, which then stops the rest in order.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

TAIL_LINES = 20


class LocalError(Exception):
    """The local stack cannot go on; the message says what happened, to which part, and what to do."""


class Process:
    """One child in its own process group, with everything it prints in `log`."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        environment: Mapping[str, str],
        directory: Path,
    ) -> None:
        self.name = name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            self._popen = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                cwd=directory,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id, which is also the id of the group."""
        return self._popen.pid

    def died(self) -> str | None:
        """Why the process is gone, with the end of its log; None while it runs."""
        code = self._popen.poll()
        if code is None:
            return None
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"exited with code {code}"
        return f"{self.name} {how}. The end of {self.log}:\n{tail(self.log)}"

    def wait_until(self, ready: Callable[[], bool], *, seconds: float) -> None:
        """Return when `ready()`. Raises LocalError when the process dies or `seconds` pass before."""
        deadline = time.monotonic() + seconds
        while not ready():
            if reason := self.died():
                raise LocalError(reason)
            if time.monotonic() > deadline:
                message = f"{self.name} was not ready after {seconds:.0f} s. The end of {self.log}:\n{tail(self.log)}"
                raise LocalError(message)
            time.sleep(0.05)

    def wait(self) -> int:
        """The exit code, once the process has ended by itself."""
        return self._popen.wait()

    def stop(self, *, grace: float = 5.0) -> None:
        """Ask the whole group to end, then make it. Returns when nothing of it is left."""
        for sign, seconds in ((signal.SIGTERM, grace), (signal.SIGKILL, 5.0)):
            if not signal_group(self.pid, sign):
                break
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline:
                # Collects the leader: a zombie would keep the group alive.
                self._popen.poll()
                if not signal_group(self.pid, 0):
                    break
                time.sleep(0.02)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(timeout=1)


def signal_group(group: int, sign: int) -> bool:
    """Send `sign` to a process group; whether there was somebody to receive it."""
    try:
        os.killpg(group, sign)
    except (ProcessLookupError, PermissionError):
        # macOS answers "not permitted" for a group in which only zombies are left.
        return False
    return True


def tail(path: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a log, indented; says so when there are none."""
    with contextlib.suppress(FileNotFoundError):
        text = path.read_text(errors="replace").splitlines()[-lines:]
        if text:
            return "\n".join(f"    {line}" for line in text)
    return "    (it is empty)"


def is_free(port: int) -> bool:
    """Whether nobody listens on this port of the loopback interface, not even through all interfaces."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            return False
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def choose_port(preferred: int) -> int:
    """`preferred` when it is free, otherwise one that the system chooses; 0 always lets the system choose."""
    if preferred and is_free(preferred):
        return preferred
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
