"""The runbook's restore drill, as an operator types it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from local.client import ApiClient
from local.stack import LocalStack

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "runbook" / "restore.md"


def commands() -> list[str]:
    """The lines of the page's shell blocks."""
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def test_the_drill_of_the_runbook_brings_everything_back(stack: LocalStack, api: ApiClient) -> None:
    """Its commands restore the archive of the running stack into another database, table by table the same."""
    api.wait_for_prices(seconds=60, alive=stack.check)
    # The environment is there, and is this test's: it is not made again.
    options = ["-o", "setup", f"RUN={sys.executable}"]
    for command in commands():
        name, *arguments = command.split()
        done = subprocess.run(  # noqa: S603 - a command of ours
            [name, *options, *arguments],
            cwd=ROOT,
            env={**os.environ, "LOCAL_HOME": str(stack.home)},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "The archive brings everything back" in done.stdout
        assert "every table equals that of the running pipeline" in done.stdout
