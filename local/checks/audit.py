"""`make audit`: known vulnerabilities of every pinned package, by pip-audit (PyPI's advisories) and `npm audit`.

A package that could not be looked up counts as a failure: no answer is no clean bill.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from local.cdk import ROOT
from local.checks.actionlint import LOCK
from local.checks.node import npm
from local.pins import FILES
from local.processes import LocalError

ACCEPTED = ROOT / "local" / "checks" / "vulnerabilities.txt"
LINE = re.compile(r"(?P<id>\S+)\s+(?P<day>\d{4}-\d{2}-\d{2})\s+(?P<reason>\S.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A vulnerability that is known and cannot be mended now: since which day, and why."""

    id: str
    day: date
    reason: str


def accepted(text: str) -> list[Accepted]:
    """The lines `ID  day  reason` of `text`, `#` aside. Raises LocalError for a line without a day or a reason."""
    found = []
    for line in filter(None, (line.partition("#")[0].strip() for line in text.splitlines())):
        if (match := LINE.fullmatch(line)) is None:
            raise LocalError(f"{ACCEPTED.name}: {line!r} is not `ID  YYYY-MM-DD  reason`.")
        found.append(Accepted(id=match["id"], day=date.fromisoformat(match["day"]), reason=match["reason"]))
    return found


def command(file: Path, known: Sequence[Accepted]) -> list[str]:
    """What audits one pinned file. `--strict` makes a package that could not be looked up an error."""
    ignored = [part for one in known for part in ("--ignore-vuln", one.id)]
    options = ("--strict", "--disable-pip", "--require-hashes", "--progress-spinner=off")
    return [str(Path(sys.prefix) / "bin" / "pip-audit"), *options, *ignored, "--requirement", str(file)]


def main() -> int:
    """Audit every pinned file. Returns the exit code: 0 when all were looked up and nothing was found."""
    known = accepted(ACCEPTED.read_text())
    bad = []
    for name in FILES:
        print(f"{name}.txt", flush=True)
        if subprocess.run(command(ROOT / f"{name}.txt", known), cwd=ROOT, check=False).returncode:
            bad.append(f"{name}.txt")
    lock = LOCK / "package-lock.json"
    print(lock.relative_to(ROOT), flush=True)
    if npm("audit", "--package-lock-only", directory=LOCK).returncode:
        bad.append(str(lock.relative_to(ROOT)))
    if not bad:
        return 0
    print(f"Vulnerable, or not looked up: {', '.join(bad)}.", file=sys.stderr)
    print("Take a newer version (make pins ARGS='--upgrade-package NAME'),", file=sys.stderr)
    print(f"or write what cannot be mended into {ACCEPTED.relative_to(ROOT)}.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
