"""What it was measured on: a figure without its machine is none."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def load() -> float:
    """How many processes wanted a core during the last minute, on average; 0 where the system does not tell."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else 0.0


def facts(
    *, mode: str, run: str, postgres: str | None, shipped_python: str, core: int | None, load_before: float
) -> dict[str, object]:
    """The machine and the versions.

    `run` says how much was measured, `core` where; `postgres` is None when it did not start, `load_before` what `load`
    said.
    """
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "load_before": load_before,
        "core_used": "any" if core is None else core,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "python_shipped": shipped_python,
        "postgres": postgres or "not started",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "mode": mode,
        "run": run,
    }


def _cpu() -> str:
    cpus = Path("/proc/cpuinfo")
    if cpus.exists():
        for line in cpus.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _commit() -> str:
    """The commit of this checkout, with a plus sign when something of it was changed since."""
    try:
        done = subprocess.run(
            ("git", "describe", "--always", "--dirty=+", "--abbrev=10", "--exclude=*"),  # noqa: S607 - found on the path
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
