"""Runs shipped functions in processes of their own, as Lambda starts them: read-only code, nothing compiled before."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.assets import Shipped
from bench.handlers import ENVIRONMENT
from bench.harness import BenchError

RUNNER = Path(__file__).with_name("runner.py")
SECONDS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a process did: CPU seconds (user and system) up to its first answer, that answer, all statuses, its peak."""

    cpu_seconds: float
    peak_mb: float
    first: Mapping[str, Any]
    statuses: tuple[int, ...]


def run(shipped: Shipped, events: Sequence[Mapping[str, Any]], *, database_url: str) -> Run:
    """Start the function, hand it the events. Raises BenchError, with its last words, when it does not get through."""
    with tempfile.TemporaryDirectory() as folder:
        given = Path(folder) / "events"
        given.write_text("\n".join(json.dumps(event) for event in events), encoding="utf-8")
        facts = _start(
            shipped.interpreter, shipped.folders, database_url, Path(folder) / "result", shipped.module, str(given)
        )
    return Run(
        cpu_seconds=facts["cpu_seconds"],
        peak_mb=facts["peak_mb"],
        first=facts["first"],
        statuses=tuple(facts["statuses"]),
    )


def bare(interpreter: str) -> Run:
    """An interpreter that starts, does nothing and ends."""
    with tempfile.TemporaryDirectory() as folder:
        facts = _start(interpreter, (), "", Path(folder) / "result")
    return Run(cpu_seconds=facts["cpu_seconds"], peak_mb=facts["peak_mb"], first={}, statuses=())


def _start(interpreter: str, folders: Sequence[Path], url: str, result: Path, *arguments: str) -> dict[str, Any]:
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    environment |= ENVIRONMENT | {
        "DATABASE_URL": url,
        "PYTHONPATH": os.pathsep.join(str(folder) for folder in folders),
        # Lambda mounts code read-only; for root no folder is.
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    # Without the packages that happen to be installed beside this interpreter: in Lambda there are none.
    command = (interpreter, "-S", "-s", "-P", str(RUNNER), str(result), *arguments)
    try:
        done = subprocess.run(  # noqa: S603 - a command of ours
            command, env=environment, capture_output=True, text=True, check=False, timeout=SECONDS
        )
    except subprocess.TimeoutExpired:
        raise BenchError(f"{' '.join(arguments) or 'The interpreter'} did not answer within {SECONDS} s.") from None
    if done.returncode or not result.exists():
        raise BenchError(f"{arguments[0] if arguments else interpreter} failed: {(done.stderr or done.stdout)[-2000:]}")
    facts: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
    return facts
