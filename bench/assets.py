"""What is shipped: MarketFlow's functions as the CDK app deploys them, and the peers as they usually are."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import uv

from bench.harness import BenchError
from cdk.bundling import BundlingError, UvBundler, find_interpreter

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / "bench" / "peers"
WANTED = "3.13"
"""The Python of the deployed functions."""


RUNTIME = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six.py", "urllib3")
"""What Lambda has without being asked, with bytecode: nobody need ship it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipped:
    """A function ready to run: the interpreter, the folders of its code, and the module of its handler.

    The last folder is what Lambda itself has.
    """

    interpreter: str
    folders: tuple[Path, ...]
    module: str


def interpreter() -> tuple[str, str]:
    """The path and the version of the Python that functions are run with: the deployed one, or else this one."""
    found = find_interpreter(WANTED)
    return (found, WANTED) if found else (sys.executable, f"{sys.version_info.major}.{sys.version_info.minor}")


def folders(bundler: UvBundler, function: str) -> tuple[Path, ...]:
    """What the function `function` consists of: its code and its layers' packages, as Lambda puts them on the path."""
    return (bundler.function(function), *(layer / "python" for layer in layers(bundler)))


def layers(bundler: UvBundler) -> tuple[Path, ...]:
    """The layers of the read and of the ETL function."""
    return (bundler.layer("core"),)


def marketflow(function: str, runtime: Path) -> Shipped:
    """A function of ours for this machine, with the packages of `runtime` behind it.

    Raises BenchError when it cannot be built.
    """
    path, version = interpreter()
    architecture = "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"
    try:
        code = folders(UvBundler(python=version, architecture=architecture, host=True), function)
    except BundlingError as error:
        raise BenchError(f"The function {function} could not be built: {error}") from error
    return Shipped(interpreter=path, folders=(*code, runtime), module="handler")


@dataclass(frozen=True, slots=True)
class Peers:
    """The peers' packages and code in one folder, as sources alone and with bytecode, and what Lambda itself has."""

    interpreter: str
    sources: Path
    compiled: Path
    runtime: Path

    def shipped(self, module: str, *, compiled: bool = False) -> Shipped:
        """The peer whose handler is in `module`."""
        code = self.compiled if compiled else self.sources
        return Shipped(interpreter=self.interpreter, folders=(code, self.runtime), module=module)


def peers(target: Path) -> Peers:
    """Install the peers below `target`. Raises BenchError, with the installer's words, when that fails."""
    path, _ = interpreter()
    sources, compiled, runtime = target / "sources", target / "compiled", target / "runtime"
    pinned = ("--require-hashes", "-r", str(PEERS / "requirements.txt"))
    _do(uv.find_uv_bin(), "pip", "install", "--quiet", "--target", str(sources), "--python", path, *pinned)
    shutil.copytree(PEERS, sources / "bench" / "peers", ignore=shutil.ignore_patterns("__pycache__", "*.txt", "*.in"))
    shutil.copytree(sources, compiled)
    # As our own assets have it: used without a look at the source's time, which unpacking changes.
    mode = ("-q", "-j", "0", "--invalidation-mode", "unchecked-hash")
    _do(path, "-s", "-P", "-m", "compileall", *mode, str(compiled))
    runtime.mkdir()
    for name in RUNTIME:
        (compiled / name).rename(runtime / name)
        _remove(sources / name)
    return Peers(path, sources, compiled, runtime)


def zipped_mb(parts: Sequence[Path]) -> float:
    """What these folders weigh as zip files together, in millions of bytes."""
    return sum(_zip_bytes(part) for part in parts) / 1e6


def read_function_parts() -> tuple[str, tuple[Path, ...], tuple[Path, ...]]:
    """For which platform, what the read function ships, and what of it is our own code.

    For Lambda's processor and Python, or for this machine's where that cannot be built.
    """
    for name, bundler in (
        ("arm64", UvBundler(python=WANTED, architecture="arm64")),
        ("this machine", UvBundler(python=interpreter()[1], architecture="x86_64", host=True)),
    ):
        try:
            parts = folders(bundler, "api")
        except BundlingError as error:
            failure = error
            continue
        return (
            name,
            parts,
            tuple(own for own in (parts[0], *(part / "marketflow" for part in parts[1:])) if own.is_dir()),
        )
    raise BenchError(f"The read function could not be built: {failure}")


def _zip_bytes(folder: Path) -> int:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder))
    return len(packed.getvalue())


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def _do(*command: str) -> None:
    # With what an installed interpreter would write, the peer would be shipped compiled without being asked.
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(  # noqa: S603 - a command of ours
        command, capture_output=True, text=True, check=False, env=environment
    )
    if done.returncode:
        raise BenchError(f"A peer could not be built: {' '.join(command[:4])} failed: {done.stderr.strip()[-2000:]}")
