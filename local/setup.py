"""Makes the virtual environments from the pinned requirement files; a second call finds nothing to do.

Standard library only, because it runs before anything is installed:

    python3 local/setup.py --venv .venv --emulator .marketflow/venv-emulator

The first environment is for development: pip installs `uv` into it and uv everything else. The second holds the AWS
emulator with nothing beside it but boto3, so that a handler finds there what Lambda gives it.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "local" / "requirements"
STAMP = "marketflow.json"


class SetupError(Exception):
    """A step failed; the message says which and what to do."""


def fingerprint(requirements: Path) -> dict[str, str]:
    """What an environment is made of: when it differs from the stamp, the environment is brought up to date."""
    return {
        "requirements": hashlib.sha256(requirements.read_bytes()).hexdigest(),
        "python": sys.version,
        "prefix": sys.base_prefix,
    }


def read_stamp(venv: Path) -> dict[str, str]:
    """The fingerprint that the last complete installation left; empty when there was none."""
    try:
        stamp = json.loads((venv / STAMP).read_text())
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def is_current(venv: Path, wanted: dict[str, str]) -> bool:
    """Whether nothing has to be done for `venv`."""
    return read_stamp(venv) == wanted and interpreter(venv).exists()


def interpreter(venv: Path) -> Path:
    """The environment's own Python."""
    return venv / "bin" / "python"


def base_interpreter() -> str:
    """The Python below this one: this one may live in the very environment that is about to be replaced."""
    return str(getattr(sys, "_base_executable", sys.executable))


def same_python(venv: Path, wanted: dict[str, str]) -> bool:
    """Whether the environment was made by this very interpreter; otherwise its packages are for another one."""
    stamp = read_stamp(venv)
    return interpreter(venv).exists() and all(stamp.get(key) == wanted[key] for key in ("python", "prefix"))


def run(*command: str | Path, hint: str) -> None:
    """Run one command. Raises SetupError with its output and `hint` when it fails."""
    environment = {name: value for name, value in os.environ.items() if name not in {"PYTHONHOME", "PYTHONPATH"}}
    done = subprocess.run(
        [str(part) for part in command],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SetupError(f"{done.stdout.strip()}\n\n{Path(command[0]).name} failed ({done.returncode}). {hint}")


def make_development(venv: Path) -> None:
    """Bring the development environment up to its requirement file."""
    requirements = REQUIREMENTS / "dev.txt"
    wanted = fingerprint(requirements)
    if is_current(venv, wanted):
        return
    started = time.monotonic()
    say(f"Setting up {shown(venv)} with Python {sys.version.split()[0]} …")
    if not same_python(venv, wanted):
        shutil.rmtree(venv, ignore_errors=True)
        hint = "On Debian and Ubuntu the module venv is in the package python3-venv."
        run(base_interpreter(), "-m", "venv", venv, hint=hint)
    (venv / STAMP).unlink(missing_ok=True)
    network = "It needs the package registry that pip and uv are configured for."
    bootstrap = REQUIREMENTS / "bootstrap.txt"
    pip = (interpreter(venv), "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
    run(*pip, "--require-hashes", "-r", bootstrap, hint=network)
    sync(venv, requirements=requirements, uv=venv / "bin" / "uv", hint=network)
    finish(venv, wanted, started)


def make_emulator(venv: Path, *, uv: Path) -> None:
    """Bring the emulator's environment up to its requirement file."""
    requirements = REQUIREMENTS / "emulator.txt"
    wanted = fingerprint(requirements)
    if is_current(venv, wanted):
        return
    started = time.monotonic()
    say(f"Setting up {shown(venv)} …")
    if not same_python(venv, wanted):
        shutil.rmtree(venv, ignore_errors=True)
        venv.parent.mkdir(parents=True, exist_ok=True)
        run(uv, "venv", "--quiet", "--python", base_interpreter(), venv, hint="")
    (venv / STAMP).unlink(missing_ok=True)
    sync(venv, requirements=requirements, uv=uv, hint="It needs the package registry that uv is configured for.")
    finish(venv, wanted, started)


def sync(venv: Path, *, requirements: Path, uv: Path, hint: str) -> None:
    """Make the environment hold exactly what the requirement file pins, with compiled bytecode."""
    options = ("--quiet", "--require-hashes", "--compile-bytecode", "--python", str(interpreter(venv)))
    run(uv, "pip", "sync", *options, requirements, hint=hint)


def finish(venv: Path, wanted: dict[str, str], started: float) -> None:
    """Leave the stamp that says the installation is complete."""
    (venv / STAMP).write_text(json.dumps(wanted, indent=2))
    say(f"Set up {shown(venv)} in {time.monotonic() - started:.0f} s.")


@contextlib.contextmanager
def only_one(lock: Path) -> Iterator[None]:
    """Let two set-ups in one checkout wait for each other."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def shown(path: Path) -> str:
    """The path as a person in the checkout would write it."""
    return os.path.relpath(path, ROOT)


def say(text: str) -> None:
    """Tell the terminal."""
    print(text, flush=True)


def main() -> int:
    """Make both environments. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--venv", type=Path, required=True, help="the development environment")
    parser.add_argument("--emulator", type=Path, required=True, help="the emulator's environment")
    arguments = parser.parse_args()
    venv, emulator = ROOT / arguments.venv, ROOT / arguments.emulator
    try:
        with only_one(ROOT / ".marketflow" / "setup.lock"):
            make_development(venv)
            make_emulator(emulator, uv=venv / "bin" / "uv")
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
