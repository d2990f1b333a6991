"""Regenerates the pinned requirement files with hashes; `make pins ARGS=--upgrade` takes newer versions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

LAYERS = ("dependencies", *sorted({path.parent.name for path in ROOT.glob("layers/*/*.in")} - {"dependencies"}))
"""The largest first: the other layers take its versions over, so that a function may have two, and boto3 fits each."""

FILES = (
    "local/requirements/bootstrap",
    *(f"layers/{name}/requirements" for name in LAYERS),
    "bench/peers/requirements",
    "local/requirements/dev",
    "local/requirements/emulator",
)
"""In this order: development takes over the versions that the layers and the bench's peers ship."""

OPTIONS = (
    "--quiet",
    "--universal",
    "--generate-hashes",
    "--no-emit-index-url",
    "--python-version",
    "3.11",
    "--custom-compile-command",
    "make pins",
)


def main(extra: list[str]) -> int:
    """Compile every file; `extra` goes to `uv pip compile`. Returns the exit code of the first that fails."""
    uv = Path(sys.prefix) / "bin" / "uv"
    for name in FILES:
        command = [uv, "pip", "compile", *OPTIONS, *extra, f"{name}.in", "--output-file", f"{name}.txt"]
        print(f"{name}.txt", flush=True)
        if code := subprocess.run([str(part) for part in command], cwd=ROOT, check=False).returncode:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
