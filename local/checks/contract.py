"""make contract: refuses a docs/openapi.json that breaks what was released. ARGS=--release keeps it as released."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from local.checks.contract_rules import breaking
from local.openapi import DOCUMENT, ROOT

RELEASED = Path("docs/released/openapi.json")

HELP = f"""
Within v1 there are only additions: keep what is there and add beside it. What has to go is declared with
Route(deprecated=…), stays until its sunset, and is left out by the next version of the path alone.
The promises that count are those of the last release, {RELEASED}."""


def main(arguments: Sequence[str] | None = None, *, root: Path = ROOT) -> int:
    """Say what breaks; 0 when nothing does. With --release the current document becomes the released one."""
    parser = argparse.ArgumentParser(prog="make contract", description=__doc__)
    parser.add_argument("--release", action="store_true", help="keep the current document as the released one")
    release: bool = parser.parse_args(arguments).release
    current, released = _read(root / DOCUMENT), _read(root / RELEASED)
    found = breaking(released, current)
    if found:
        print(f"{DOCUMENT} breaks what {released['info']['version']} promised:")
        print("\n".join(f"  {line}" for line in found))
        print(HELP)
        return 1
    if release:
        (root / RELEASED).write_text((root / DOCUMENT).read_text(encoding="utf-8"), encoding="utf-8")
        print(f"{RELEASED} is now that of {current['info']['version']}: commit it with the release.")
    else:
        print(f"{DOCUMENT} keeps all that {released['info']['version']} promised.")
    return 0


def _read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


if __name__ == "__main__":
    sys.exit(main())
