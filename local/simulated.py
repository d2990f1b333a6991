"""Starts the simulator and learns where its vendors are."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from local.emulator import ROOT, clean_environment
from local.processes import Process

READY_SECONDS = 30.0
VENDORS = {"ecb": "frankfurter"}
"""Who answers for a source, where that is somebody of another name."""


class Simulator:
    """A running `local.simulator` on a port of its own choice. `base_urls` maps each source to its address."""

    def __init__(self, *, home: Path, seed: int, sources: tuple[str, ...]) -> None:
        self._home = home
        self._seed = seed
        self._sources = sources
        self.process = self._start(port=0)

    def _start(self, *, port: int) -> Process:
        environment = {**clean_environment(os.environ), "PYTHONPATH": f"{ROOT / 'shared'}{os.pathsep}{ROOT}"}
        return Process(
            "The simulator",
            [sys.executable, "-m", "local.simulator", "--port", str(port), "--seed", str(self._seed)],
            log=self._home / "logs" / "simulator.log",
            environment=environment,
            directory=ROOT,
        )

    def restart(self) -> None:
        """Start it again at its address, after a kill or a crash."""
        port = int((self.url or "").rpartition(":")[2] or 0)
        self.process.stop()
        self.process = self._start(port=port)

    def wait_ready(self) -> dict[str, str]:
        """The base URL of each source, once it serves. Raises LocalError when it does not."""
        self.process.wait_until(lambda: self.url is not None, seconds=READY_SECONDS)
        return {source: f"{self.url}/{VENDORS.get(source, source)}" for source in self._sources}

    @property
    def url(self) -> str | None:
        """The address in the line of JSON that it prints when it is ready."""
        for line in self.process.log.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("{"):
                return str(json.loads(line)["url"])
        return None

    def stop(self) -> None:
        """End it."""
        self.process.stop()
