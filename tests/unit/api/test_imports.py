"""The read path's cold start is a budget: what it imports is a list, and a new entry is a decision."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[3]

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

READ_PATH = "import marketflow.api.app, marketflow.persistence.reader, marketflow.services.market_data"
FUNCTION = "import functions.api.handler"

REPORT = """
import json, sys
modules = {name: module for name, module in sys.modules.items() if name not in before}
print(json.dumps({name: getattr(module, "__file__", None) or "" for name, module in modules.items()}))
"""

START = "import sys; before = set(sys.modules)\n"
"""What a development environment loads into every process (setuptools does) is no import of ours."""


def imported(what: str) -> tuple[set[str], set[str]]:
    """Of the modules that the import brings in, those of installed packages and our own."""
    environment = {
        "PYTHONPATH": os.pathsep.join((str(ROOT / "shared"), str(ROOT))),
        "MARKETFLOW_STAGE": "test",
        "DATABASE_URL": "postgresql://nobody@localhost/nothing",
    }
    done = subprocess.run(  # noqa: S603 - our own interpreter and our own text
        [sys.executable, "-c", START + what + REPORT], capture_output=True, check=True, text=True, env=environment
    )
    files: dict[str, str] = json.loads(done.stdout)
    installed = {name for name, file in files.items() if "site-packages" in file}
    return installed, {name for name in files if name.startswith("marketflow.")}


def packages(modules: set[str]) -> set[str]:
    """The top-level names."""
    return {name.partition(".")[0] for name in modules}


def test_the_read_path_imports_only_what_it_needs() -> None:
    """No SQLAlchemy, no boto3, no httpx, nothing that is not on the list."""
    installed, _ = imported(READ_PATH)
    assert packages(installed) <= ALLOWED


def test_the_function_adds_powertools_and_nothing_else() -> None:
    """The deployed function, wired and ready, has imported the read path and what logs are written with."""
    installed, _ = imported(FUNCTION)
    # Powertools imports botocore's first module, which imports nothing, to sign its name in requests.
    assert packages(installed - {"botocore"}) <= ALLOWED | {"aws_lambda_powertools", "jmespath"}


def test_the_read_path_does_not_generate_its_own_description() -> None:
    """The OpenAPI document ships as data; its generator is not imported."""
    _, ours = imported(FUNCTION)
    assert not ours & {"marketflow.api.openapi", "marketflow.api.answers", "marketflow.api.schemas"}


def test_the_read_path_leaves_the_other_parts_alone() -> None:
    """Sources, ETL, messaging and the schema's metadata are for other functions."""
    _, ours = imported(READ_PATH)
    foreign = ("marketflow.sources", "marketflow.etl", "marketflow.messaging", "marketflow.persistence.tables")
    assert not {name for name in ours if name.startswith(foreign)}
