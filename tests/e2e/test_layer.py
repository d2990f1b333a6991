"""What ships is complete: every handler imports with nothing but its layers, its own folder and the boto3 of Lambda."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from cdk.bundling import UvBundler
from local.emulator import emulator_python
from tests.layers import HANDLERS, LAYERS

pytestmark = pytest.mark.cdk

PROVIDED = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six.py", "urllib3")
"""What the Python runtime of Lambda brings along: boto3 with all that it needs."""

ENVIRONMENT = {
    "MARKETFLOW_STAGE": "test",
    "POWERTOOLS_SERVICE_NAME": "test",
    "POWERTOOLS_METRICS_NAMESPACE": "MarketFlow",
    "POWERTOOLS_TRACE_DISABLED": "true",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "SOURCE": "binance",
    "DATA_BUCKET": "bucket",
    "PAYLOAD_QUEUE_URL": "http://127.0.0.1/queue",
    "DATABASE_URL": "postgresql://user@/marketflow?host=/nowhere",
    "IDEMPOTENCY_TABLE": "table",
    "FUNCTION_TIMEOUT": "20",
    "USAGE_PLAN_IDS": "{}",
    "PLANS": "{}",
}
"""The settings that the CDK app gives, for handlers that read them when they are imported."""

CHECK = """
import sys
wired, *folders = sys.argv[1:]
sys.path[:] = [*(path for path in sys.path if "site-packages" not in path), *folders]
import handler
import importlib, marketflow, pkgutil
assert callable(handler.handler)
PARQUET = {"marketflow.bootstrap.retire", "marketflow.history.bucket", "marketflow.history.parquet"}
# bootstrap imports what a function needs when it first needs it: importing the handler alone would not miss a package.
if wired == "everything":
    for module in pkgutil.walk_packages(marketflow.__path__, "marketflow."):
        # What writes Parquet needs a layer that only one function has, which wires it by itself.
        if ".migrations." not in module.name and module.name not in PARQUET:
            importlib.import_module(module.name)
elif wired != "nothing":
    import marketflow.bootstrap
    getattr(marketflow.bootstrap, wired)()
strangers = [
    name for name, module in sys.modules.items()
    if (file := getattr(module, "__file__", None)) and "site-packages" in file
]
assert not strangers, strangers
"""


@pytest.fixture(scope="module")
def bundler() -> UvBundler:
    """Builds for this machine, as the local stage does."""
    return UvBundler(python=f"{sys.version_info.major}.{sys.version_info.minor}", architecture="host", host=True)


@pytest.fixture(scope="module")
def provided(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the boto3 of the emulator's environment and nothing else of it."""
    script = "import boto3, pathlib; print(pathlib.Path(boto3.__file__).parent.parent)"
    found = subprocess.run(  # noqa: S603 - our own interpreter
        [emulator_python(os.environ), "-I", "-c", script], capture_output=True, text=True, check=True
    )
    folder = tmp_path_factory.mktemp("runtime")
    for name in PROVIDED:
        (folder / name).symlink_to(Path(found.stdout.strip()) / name)
    return folder


WIRED = {"api": "read_api", "etl": "loading", "retire": "retirer", "token": "nothing"}
"""What a function without the large layer wires, which is all that it may need."""


def import_handler(name: str, *, bundler: UvBundler, provided: Path, layers: Sequence[Path]) -> str:
    """The complaint of a Python that imports the handler with only these folders; empty when there is none."""
    folders = [bundler.function(name), *(layer / "python" for layer in layers), provided]
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [
            emulator_python(os.environ),
            "-I",
            "-S",
            "-W",
            "error",
            "-c",
            CHECK,
            WIRED.get(name, "everything"),
            *map(str, folders),
        ],
        capture_output=True,
        text=True,
        check=False,
        env=ENVIRONMENT,
    )
    return done.stderr if done.returncode else ""


def test_there_are_handlers() -> None:
    """Each of the four kinds of function has its folder, and each without the large layer says what it wires."""
    assert {"api", "etl", "fetch", "migrate"} <= set(HANDLERS)
    assert set(WIRED) == {name for name in HANDLERS if "dependencies" not in LAYERS[name]}


@pytest.mark.parametrize("name", HANDLERS)
def test_handler_imports_with_its_layers_alone(name: str, bundler: UvBundler, provided: Path) -> None:
    """They hold every package that the handler and ours need, compiled, and importing gives no warning."""
    layers = [bundler.layer(layer) for layer in LAYERS[name]]
    assert any(list((layer / "python" / "marketflow").rglob("*.pyc")) for layer in layers)
    assert import_handler(name, bundler=bundler, provided=provided, layers=layers) == ""


def test_without_a_layer_it_is_missed(bundler: UvBundler, provided: Path) -> None:
    """The other test would notice: without a layer no handler imports."""
    complaint = import_handler("etl", bundler=bundler, provided=provided, layers=[])
    assert "ModuleNotFoundError" in complaint
