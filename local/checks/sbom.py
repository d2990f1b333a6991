"""`make sbom`: build/sbom.json, the CycloneDX bill of the packages in the layers, with their hashes.

What Lambda has already (layers/provided.txt) is left out, as the layers leave it out.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from local.cdk import ROOT

SBOM = ROOT / "build" / "sbom.json"
PIN = re.compile(r"^([A-Za-z0-9._-]+)==")


def shipped() -> list[str]:
    """The pins of every layer with their hashes, each package once: all layers have the same version of it."""
    provided = set((ROOT / "layers" / "provided.txt").read_text().split("\n"))
    found = {
        match[1]: pin
        for path in sorted(ROOT.glob("layers/*/requirements.txt"))
        for pin in path.read_text().replace("\\\n", " ").splitlines()
        if (match := PIN.match(pin)) and match[1] not in provided
    }
    return [found[name] for name in sorted(found)]


def write(target: Path) -> int:
    """Write the bill to `target`. Returns the exit code of cyclonedx-py, which checks it against the schema."""
    target.parent.mkdir(parents=True, exist_ok=True)
    program = Path(sys.prefix) / "bin" / "cyclonedx-py"
    options = ("--pyproject", str(ROOT / "pyproject.toml"), "--output-reproducible", "--validate")
    return subprocess.run(
        [str(program), "requirements", *options, "--output-file", str(target), "-"],
        input="\n".join(shipped()),
        # A list of pins has no graph: the warning that the graph is incomplete says so each time.
        env={**os.environ, "PYTHONWARNINGS": "ignore::UserWarning"},
        text=True,
        check=False,
    ).returncode


def main() -> int:
    """Write the bill. Returns the exit code."""
    if code := write(SBOM):
        return code
    print(f"{SBOM.relative_to(ROOT)}: {len(shipped())} packages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
