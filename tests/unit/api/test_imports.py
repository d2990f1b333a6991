"""The read path's cold start is a budget: what it imports is a list, and a new entry is a decision."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

SHARED = Path(__file__).parents[3] / "shared"

ALLOWED = {
    "annotated_types",  # pydantic's
    "asn1crypto",  # scramp's
    "dateutil",  # pg8000's
    "pg8000",
    "pydantic",
    "pydantic_core",
    "scramp",  # pg8000's
    "six",  # dateutil's
    "typing_extensions",  # pydantic's
    "typing_inspection",  # pydantic's
}

REPORT = """
import json, sys
import marketflow.api.app, marketflow.persistence.reader, marketflow.services.market_data
installed = {name.partition(".")[0] for name, module in sys.modules.items()
             if "site-packages" in (getattr(module, "__file__", None) or "")}
print(json.dumps([sorted(installed), sorted(name for name in sys.modules if name.startswith("marketflow."))]))
"""


def imported() -> tuple[set[str], set[str]]:
    """The installed packages and our own modules that the read path imports."""
    done = subprocess.run(  # noqa: S603 - our own interpreter and our own text
        [sys.executable, "-c", REPORT],
        capture_output=True,
        check=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(SHARED)},
    )
    installed, ours = json.loads(done.stdout)
    return set(installed), set(ours)


def test_the_read_path_imports_only_what_it_needs() -> None:
    """No SQLAlchemy, no boto3, no httpx, nothing that is not on the list."""
    installed, _ = imported()
    assert installed <= ALLOWED


def test_the_read_path_leaves_the_other_parts_alone() -> None:
    """Sources, ETL, messaging and the schema's metadata are for other functions."""
    _, ours = imported()
    foreign = ("marketflow.sources", "marketflow.etl", "marketflow.messaging", "marketflow.persistence.tables")
    assert not {name for name in ours if name.startswith(foreign)}
