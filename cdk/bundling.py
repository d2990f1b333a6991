"""Builds the layers' and the functions' folders without Docker: uv fetches the wheels, the target's Python compiles.

The same input gives the same files, byte for byte, on every machine and in every folder: the requirement file pins
hashes, compiled files hold the path that they have in Lambda and no time stamp. A build is kept under its input's hash.
Lambda mounts code read-only: without the compiled files inside, every cold start would compile everything again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

import uv

ROOT = Path(__file__).resolve().parent.parent
BUILDS = ROOT / "build" / "assets"
LAYERS = ROOT / "layers"
PROVIDED = LAYERS / "provided.txt"
PACKAGE = ROOT / "shared" / "marketflow"

WITH_PACKAGE = frozenset({"core", "dependencies"})
"""The layers that bring the marketflow package; each function takes exactly one of them, and any others beside it."""

EPOCH = 315_532_800
"""1980-01-01, UTC seconds."""

RECIPE = "3"
"""Part of every build's key: a change of this module that changes what it builds must change it."""

KEPT_BUILDS = 4
"""Older builds of the same kind are removed: a layer takes up to 60 MB, and each change of the package makes one."""

WHEEL_PLATFORMS = {"arm64": "aarch64-manylinux_2_28", "x86_64": "x86_64-manylinux_2_28"}
"""The runtimes of Python 3.12 and newer are Amazon Linux 2023, glibc 2.34: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html"""

KEPT_METADATA = {"METADATA", "entry_points.txt"}
"""What `importlib.metadata` reads. RECORD and its like tell of the installation and differ from machine to machine."""

UNUSED = ("bin", "*.pyi", "*/tests", "*/testing", "*-stubs", "*.so.lock", ".lock")
IGNORED = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")


class BundlingError(Exception):
    """An asset cannot be built; the message has the tool's own words."""


def run(*command: str) -> str:
    """What the command prints. Raises BundlingError with its complaint when it fails."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment["PYTHONHASHSEED"] = "0"
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)  # noqa: S603 - ours
    if done.returncode:
        raise BundlingError(f"{Path(command[0]).name} {' '.join(command[1:4])} failed:\n{done.stderr.strip()}")
    return done.stdout.strip()


@cache
def find_interpreter(version: str) -> str | None:
    """A Python of that minor version, which alone can write its bytecode: this one, the machine's, or one from uv."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    tell = ("python", "-c", "import sys; print(sys.executable)")
    ways = (
        ("sh", str(ROOT / "local" / "python.sh"), f"python{version}"),
        (uv.find_uv_bin(), "run", "--quiet", "--no-project", "--managed-python", "--python", version, *tell),
    )
    for way in ways:
        with contextlib.suppress(BundlingError):
            return run(*way)
    return None


class Bundler(Protocol):
    """What the stacks take code from."""

    def layer(self, name: str) -> Path:
        """A folder with `python/`: what layers/<name> requires and, in some, the marketflow package."""

    def function(self, name: str) -> Path:
        """A folder with the code of functions/<name>."""


@dataclass(frozen=True, kw_only=True)
class UvBundler:
    """Builds for Python `python` (such as `3.13`) on `architecture`; `host` means this machine's platform instead.

    `interpreter` finds the Python that compiles. Without one the sources ship alone, with a warning, and are built
    again next time.
    """

    python: str
    architecture: str
    host: bool = False
    builds: Path = BUILDS
    package: Path = PACKAGE
    interpreter: Callable[[str], str | None] = find_interpreter

    def layer(self, name: str) -> Path:
        """A folder with `python/`: what layers/<name> requires and, in some, the marketflow package.

        What its unused.txt names, globs below `python/`, is left out. Raises BundlingError when there is no such layer.
        """
        requirements = LAYERS / name / "requirements.txt"
        if not requirements.is_file():
            raise BundlingError(f"layers/{name}/requirements.txt is missing: every layer is a folder with its pins.")
        package = (self.package,) if name in WITH_PACKAGE else ()
        unused = [path] if (path := LAYERS / name / "unused.txt").is_file() else []

        def install(target: Path) -> None:
            self._install(requirements, target / "python")
            prune(target / "python", *(line for path in unused for line in path.read_text().splitlines()))
            for folder in package:
                shutil.copytree(folder, target / "python" / "marketflow", ignore=IGNORED)

        return self._build(f"layer-{name}", (requirements, PROVIDED, *unused, *package), mounted="/opt", fill=install)

    def function(self, name: str) -> Path:
        """A folder with the code of functions/<name>. Raises BundlingError when there is no such function."""
        source = ROOT / "functions" / name
        if not (source / "handler.py").is_file():
            raise BundlingError(f"functions/{name}/handler.py is missing: every function is a folder with a handler.")

        def copy(target: Path) -> None:
            shutil.copytree(source, target, ignore=IGNORED, dirs_exist_ok=True)

        return self._build(f"function-{name}", (source,), mounted="/var/task", fill=copy)

    def _install(self, requirements: Path, target: Path) -> None:
        platform = () if self.host else ("--python-platform", WHEEL_PLATFORMS[self.architecture])
        run(
            uv.find_uv_bin(),
            *("pip", "install", "--quiet", "--link-mode", "copy", "--python", sys.executable),
            *("--target", str(target), "--python-version", self.python, *platform, "--only-binary", ":all:"),
            *("--require-hashes", "-r", str(requirements)),
            *("--excludes", str(PROVIDED)),
        )

    def _build(self, name: str, inputs: Sequence[Path], *, mounted: str, fill: Callable[[Path], None]) -> Path:
        target_name = "host" if self.host else self.architecture
        kind = f"{name}-{self.python}-{target_name}"
        key = f"{RECIPE} {kind} {self.architecture} {tree_hash(inputs)}"
        built = self.builds / f"{kind}-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
        if built.is_dir():
            return built
        interpreter = self.interpreter(self.python)
        if interpreter is None:
            warnings.warn(
                f"No Python {self.python} on this machine and none to download: {name} ships without compiled "
                f"bytecode, and each cold start takes about a second longer. Install Python {self.python} to mend it.",
                stacklevel=2,
            )
            built = built.with_name(f"{built.name}-sources")
            shutil.rmtree(built, ignore_errors=True)
        self.builds.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.builds, prefix=".making-") as making:
            target = Path(making) / name
            target.mkdir()
            fill(target)
            if interpreter is not None:
                compile_tree(target, interpreter=interpreter, mounted=mounted)
            normalise(target)
            # Another run may have built the same in the meantime: a build is only ever replaced by its equal.
            with contextlib.suppress(OSError):
                target.rename(built)
        for old in sorted(self.builds.glob(f"{kind}-*"), key=lambda path: path.stat().st_ctime)[:-KEPT_BUILDS]:
            shutil.rmtree(old, ignore_errors=True)
        return built


def compile_tree(target: Path, *, interpreter: str, mounted: str) -> None:
    """Write unchecked-hash bytecode beside the sources: Python uses it without looking at the source's time."""
    run(
        *(interpreter, "-s", "-P", "-m", "compileall", "-q", "-f", "-j", "1", "--invalidation-mode", "unchecked-hash"),
        *("-s", str(target), "-p", mounted, str(target)),
    )


def normalise(target: Path) -> None:
    """Give every file the time and the mode that it has on every machine: 1980 is the first year of a zip file."""
    for path in (target, *target.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.suffix == ".so" else 0o644)
        os.utime(path, (EPOCH, EPOCH))


def prune(folder: Path, *unused: str) -> None:
    """Leave out what no function reads: tests, type stubs, scripts, how the packages were installed, and `unused`.

    Lines of `unused` that begin with `#` are comments.
    """
    for pattern in (*UNUSED, *(line for line in unused if line and not line.startswith("#"))):
        for path in sorted(folder.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for metadata in folder.glob("*.dist-info"):
        for path in metadata.iterdir():
            if path.name not in KEPT_METADATA:
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def files(path: Path) -> Iterator[Path]:
    """The files that count below `path`, in a fixed order."""
    if path.is_file():
        yield path
        return
    for entry in sorted(path.iterdir()):
        if entry.name != "__pycache__" and not entry.name.startswith("."):
            yield from files(entry)


def tree_hash(paths: Iterable[Path]) -> str:
    """A hash of the files' names and contents, whatever folder and time they have."""
    digest = hashlib.sha256()
    for path in paths:
        for file in files(path):
            name = file.relative_to(path.parent).as_posix()
            digest.update(f"{name}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()
