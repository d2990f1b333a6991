"""What ships is complete: every handler imports with nothing but its layers, its own folder and the boto3 of Lambda."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import grimp
import pytest

from cdk.bundling import UvBundler
from local.emulator import emulator_python
from tests.layers import HANDLERS, LAYERS

pytestmark = pytest.mark.cdk

Needed = Callable[[str], set[str]]

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
needed, *folders = sys.argv[1:]
sys.path[:] = [*(path for path in sys.path if "site-packages" not in path), *folders]
import handler
import importlib
assert callable(handler.handler)
# Much is imported when it is first needed: importing the handler alone would not miss a package.
for module in needed.split():
    importlib.import_module(module)
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


@pytest.fixture(scope="module")
def needed() -> Needed:
    """Gives the modules of marketflow that a handler may ever import, at its start or later."""
    graph = grimp.build_graph("marketflow", "functions", exclude_type_checking_imports=True)

    def of(name: str) -> set[str]:
        wiring = f"marketflow.bootstrap.{name}"
        roots = {f"functions.{name}.handler", *([wiring] if wiring in graph.modules else [])}
        reached = roots.union(*(graph.find_upstream_modules(root) for root in roots))
        return {module for module in reached if module.startswith("marketflow.") and ".migrations" not in module}

    return of


def import_handler(
    name: str, *, bundler: UvBundler, provided: Path, layers: Sequence[Path], modules: Iterable[str] = ()
) -> str:
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
            " ".join(sorted(modules)),
            *map(str, folders),
        ],
        capture_output=True,
        text=True,
        check=False,
        env=ENVIRONMENT,
    )
    return done.stderr if done.returncode else ""


def test_there_are_handlers() -> None:
    """Each of the four kinds of function has its folder."""
    assert {"api", "etl", "fetch", "migrate"} <= set(HANDLERS)


def test_a_handler_needs_what_it_imports_later_too(needed: Needed) -> None:
    """The read API explains what is missing, which it imports for the first such request, and migrates nothing."""
    assert {"marketflow.services.coverage", "marketflow.sources.yahoo"} <= needed("api")
    assert "marketflow.persistence.migrate" not in needed("api")
    assert "marketflow.persistence.migrate" in needed("migrate")


@pytest.mark.parametrize("name", HANDLERS)
def test_handler_imports_with_its_layers_alone(name: str, bundler: UvBundler, provided: Path, needed: Needed) -> None:
    """They hold every package that the handler and ours need, compiled, and importing gives no warning."""
    layers = [bundler.layer(layer) for layer in LAYERS[name]]
    assert any(list((layer / "python" / "marketflow").rglob("*.pyc")) for layer in layers)
    assert import_handler(name, bundler=bundler, provided=provided, layers=layers, modules=needed(name)) == ""


def test_without_a_layer_it_is_missed(bundler: UvBundler, provided: Path) -> None:
    """The other test would notice: without a layer no handler imports."""
    complaint = import_handler("etl", bundler=bundler, provided=provided, layers=[])
    assert "ModuleNotFoundError" in complaint
