"""Which layers each folder of functions/ takes: one place for the tests that build and the tests that synthesise."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SLIM = {"api", "etl", "token"}
HANDLERS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/handler.py"))
LAYERS = {name: ["core"] if name in SLIM else ["dependencies"] for name in HANDLERS} | {"retire": ["core", "parquet"]}
