"""What the two hot functions load before their first answer: each import is a part of every cold start."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.handlers import EVENTS

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]

PACKAGES = {
    *("aws_lambda_powertools", "jmespath"),
    *("pydantic", "pydantic_core", "annotated_types", "typing_extensions", "typing_inspection"),
    *("pg8000", "botocore", "marketflow"),
}
"""Every package beside the standard library's. Of botocore, which Lambda has, Powertools imports the name alone; for
what pg8000 imports and does not use, marketflow.persistence puts stand-ins."""

SLOW = {"asyncio", "concurrent", "http", "multiprocessing", "sqlite3", "tkinter", "unittest", "xml"}
"""What of the standard library takes long and is not needed."""

READ = {
    "api": (
        "app bodies cors cursors json_text lifecycle limits messages parameters problems representations routes "
        "routing security"
    ),
    "bootstrap": "api process",
    "config": "",
    "domain": "access interval models moves plans reading symbol",
    "errors": "",
    "observability": "",
    "persistence": (
        "actions_sql connection connector kept_sql past_sql rds_token read_functions read_sql reader revision "
        "rolled_sql url"
    ),
    "services": "market_data",
    "sources": "catalog",
}
"""What the read API needs of each part of marketflow for a page of candles, by the part."""

LOAD = {
    "bootstrap": "etl process",
    "config": "",
    "domain": "coverage fetching interval jobs loading models money moves plans records rules series symbol ticks",
    "errors": "",
    "etl": "base coverage pipeline strategies",
    "messaging": "archive envelope",
    "observability": "loads traces",
    "persistence": (
        "connection connector coverage_sql jobs jobs_sql load_candles_sql load_rows_sql load_sql loader "
        "moves_sql partitions rds_token url"
    ),
    "services": "loading",
    "sources": (
        "base binance binance_klines catalog ecb exchangerate factory wire yahoo yahoo_actions yahoo_chart "
        "yahoo_coverage yahoo_frame yahoo_rows"
    ),
}
"""What the ETL needs for an answer of Binance; every source's parser is wired at the start."""

SCRIPT = """
import json, sys
name, event, *paths = sys.argv[1:]
sys.path[:0] = paths
before = set(sys.modules)
import handler
class Context:
    function_name = "marketflow-test"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:marketflow-test"
    aws_request_id = "11111111-0000-4000-8000-000000000000"
answer = handler.handler(json.load(open(event)), Context())
loaded = {module for module in set(sys.modules) - before if type(sys.modules[module]).__name__ == "module"}
print(json.dumps({"answer": answer, "modules": sorted(loaded)}), file=sys.stderr)
"""


def run(name: str, event: str, database_url: str) -> tuple[dict[str, Any], set[str]]:
    """What functions/<name> answers to events/<event> first in its process, and the modules that it loaded."""
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [
            sys.executable,
            "-I",
            "-c",
            SCRIPT,
            name,
            EVENTS / f"{event}.json",
            ROOT / "functions" / name,
            ROOT / "shared",
        ],
        capture_output=True,
        text=True,
        check=False,
        env={
            "MARKETFLOW_STAGE": "test",
            "POWERTOOLS_SERVICE_NAME": name,
            "POWERTOOLS_METRICS_NAMESPACE": "MarketFlow",
            "DATABASE_URL": database_url,
            "DATA_BUCKET": "bucket",
        },
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stderr.splitlines()[-1])
    return told["answer"], set(told["modules"])


def packages(modules: set[str]) -> set[str]:
    """The packages of `modules` that are not the standard library's, nor files of it that have no public name."""
    top = {module.partition(".")[0] for module in modules} - {"handler"}
    return {name for name in top - sys.stdlib_module_names if not name.startswith("_")}


def slow(modules: set[str]) -> set[str]:
    """Those that would cost more than they are worth: of the standard library, and anything of botocore."""
    return {module for module in modules if module in SLOW or module.startswith("botocore.")}


def ours(modules: set[str]) -> dict[str, str]:
    """The modules of marketflow by the part that they belong to."""
    names = sorted(module.removeprefix("marketflow.") for module in modules if module.startswith("marketflow."))
    parts = {name: "" for name in names if "." not in name}
    return {part: " ".join(n.partition(".")[2] for n in names if n.startswith(f"{part}.")) for part in parts}


def test_a_page_of_candles_loads_what_it_needs_and_nothing_else(reader_url: str) -> None:
    """A module that is new here is a decision: it is paid for at every cold start of the read API."""
    answer, modules = run("api", "api_candles", reader_url)
    assert answer["statusCode"] == 200, answer
    assert packages(modules) == PACKAGES
    assert not slow(modules)
    assert ours(modules) == READ


def test_a_loaded_message_loads_what_it_needs_and_nothing_else(writer_url: str) -> None:
    """The same for the ETL."""
    answer, modules = run("etl", "sqs_binance_klines", writer_url)
    assert answer == {"batchItemFailures": []}
    assert packages(modules) == PACKAGES
    assert not slow(modules)
    assert ours(modules) == LOAD
