"""Tables for people, JSON for machines, and what was measured on: a figure without its machine is none."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from local.emulator import ROOT, emulator_python
from local.stack import shown

BUILD = ROOT / "build"
BUSY = 0.5
"""From so many waiting processes a core on the machine has other work."""


def machine(postgres: str) -> dict[str, object]:
    """The machine, the versions, and how many processes wanted a core during the last minute."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "postgres": postgres,
        "ministack": _ministack(),
        "commit": _commit(),
        "shared": "load, handlers, PostgreSQL, emulator and simulated sources share these cores",
    }


def write(name: str, document: Mapping[str, Any]) -> Path:
    """Write build/<name>.json."""
    BUILD.mkdir(exist_ok=True)
    path = BUILD / f"{name}.json"
    path.write_text(json.dumps(document, indent=2, default=str) + "\n", encoding="utf-8")
    return path


def finish(name: str, document: dict[str, Any], *, postgres: str, faults: Sequence[str]) -> str:
    """Write the figures; a sentence that says so. `faults` are what makes the run fail."""
    facts = machine(postgres)
    path = write(name, {"machine": facts, "passed": not faults, "faults": list(faults), **document})
    print(f"\nMeasured on: {', '.join(f'{key} {value}' for key, value in facts.items())}.")
    return f"Written to {shown(path)}."


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows below their columns, numbers to the right."""
    texts = [[_text(cell) for cell in row] for row in rows]
    widths = [max(len(row[at]) for row in [list(columns), *texts]) for at in range(len(columns))]
    print(f"\n{title}")
    for number, row in enumerate([list(columns), *texts]):
        cells = [
            cell.rjust(width) if number and _is_number(rows[number - 1][at]) else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print(f"  {'  '.join(cells)}".rstrip(), flush=True)


def _text(cell: object) -> str:
    if isinstance(cell, Mapping):
        return " ".join(f"{key}:{value}" for key, value in cell.items()) or "none"
    if isinstance(cell, float):
        return f"{cell:,.1f}"
    return "-" if cell is None else f"{cell:,}" if isinstance(cell, int) else str(cell)


def _is_number(cell: object) -> bool:
    return cell is None or isinstance(cell, int | float)


def _ministack() -> str:
    """The version in the emulator's own environment."""
    site = next(emulator_python(os.environ).parents[1].glob("lib/python*/site-packages"))
    (found,) = metadata.distributions(name="ministack", path=[str(site)])
    return found.version


def _commit() -> str:
    """The commit of this checkout, with a plus sign when something of it was changed since."""
    command = ("git", "describe", "--always", "--dirty=+", "--abbrev=10", "--exclude=*")
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
