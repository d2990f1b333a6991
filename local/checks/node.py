"""The Node that comes with the development environment: what is written in JavaScript runs in it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from local.cdk import node_folder


def node(script: Path, *arguments: str, directory: Path, quiet: bool = False) -> subprocess.CompletedProcess[str]:
    """Run a script in `directory`; `quiet` keeps what it prints in the result. Raises LocalError without a Node."""
    folder = node_folder()
    return subprocess.run(
        [str(folder / "node"), str(script), *arguments],
        cwd=directory,
        env={**os.environ, "PATH": os.pathsep.join((str(folder), os.environ.get("PATH", os.defpath)))},
        stdout=subprocess.PIPE if quiet else None,
        stderr=subprocess.STDOUT if quiet else None,
        text=True,
        check=False,
    )


def npm(*arguments: str, directory: Path, quiet: bool = False) -> subprocess.CompletedProcess[str]:
    """Run npm in `directory`."""
    # The wheel's own `npm` beside `node` is a link that was not kept.
    script = node_folder().parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return node(script, *arguments, directory=directory, quiet=quiet)
