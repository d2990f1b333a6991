"""Writes the OpenAPI document: docs/openapi.json for people, and the same, compact, as data of the API function."""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path

from marketflow.api.contract import routes
from marketflow.api.openapi import document

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = Path("docs/openapi.json")
SHIPPED = Path("shared/marketflow/api/openapi.json")


def texts() -> dict[Path, str]:
    """Each file's text by its path below the root; the version is that of pyproject.toml."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    built = document(routes(), version=version)
    return {
        DOCUMENT: json.dumps(built, indent=2, sort_keys=True, ensure_ascii=False) + "\n",
        SHIPPED: json.dumps(built, separators=(",", ":"), sort_keys=True, ensure_ascii=False) + "\n",
    }


def main() -> int:
    """Write the files."""
    for path, text in texts().items():
        (ROOT / path).write_text(text, encoding="utf-8")
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
