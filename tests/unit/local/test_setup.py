"""The set-up finds a usable Python, says what is wrong with another, and does nothing when nothing changed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from local import setup

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[3]


def find(wanted: str, path: Path) -> subprocess.CompletedProcess[str]:
    """What local/python.sh says about `wanted` on a machine whose PATH is `path` and the basic tools."""
    environment = {"PATH": f"{path}:/usr/bin:/bin"}
    command = ["/bin/sh", str(ROOT / "local" / "python.sh"), wanted, "test"]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)  # noqa: S603 - ours


def fake(folder: Path, name: str, script: str) -> Path:
    """An executable shell script."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_usable_python(tmp_path: Path) -> None:
    """A supported interpreter is printed as its path."""
    python = fake(tmp_path, "python-ours", f'exec {sys.executable} "$@"')
    assert find("python-ours", tmp_path).stdout.strip() == str(python)


def test_old_python_is_named(tmp_path: Path) -> None:
    """An interpreter that is too old is refused with its version, what is needed and how to name another."""
    fake(tmp_path, "python-old", 'case "$2" in "") exit 0;; *print*) echo 3.9.18;; *) exit 1;; esac')
    said = find("python-old", tmp_path)
    assert said.returncode == 1
    for part in ("3.11", "Python 3.9.18", "make test PYTHON="):
        assert part in said.stderr


def test_missing_python_is_named(tmp_path: Path) -> None:
    """A name that runs nothing is refused with what is needed."""
    said = find("python-nowhere", tmp_path)
    assert said.returncode == 1
    assert "'python-nowhere' does not run" in said.stderr


def test_python_that_only_pyenv_knows(tmp_path: Path) -> None:
    """A shim that refuses to run is looked up in pyenv, the newest patch version first."""
    fake(tmp_path, "python3.13", "exit 127")
    real = fake(tmp_path / "real", "python3.13", f'exec {sys.executable} "$@"')
    which = f'[ "$PYENV_VERSION" = 3.13.10 ] && echo {real}'
    fake(tmp_path, "pyenv", f'case "$1" in versions) printf "3.9.18\\n3.13.2\\n3.13.10\\n";; which) {which};; esac')
    assert find("python3.13", tmp_path).stdout.strip() == str(real)


def test_current_environment_is_left_alone(tmp_path: Path) -> None:
    """An environment with the stamp of these requirements and this Python is current; any difference ends that."""
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("a==1")
    wanted = setup.fingerprint(requirements)
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").touch()
    assert not setup.is_current(venv, wanted)
    (venv / setup.STAMP).write_text(json.dumps(wanted))
    assert setup.is_current(venv, wanted)
    assert setup.same_python(venv, wanted)
    requirements.write_text("a==2")
    assert not setup.is_current(venv, setup.fingerprint(requirements))
    assert setup.same_python(venv, setup.fingerprint(requirements))
    assert not setup.same_python(venv, {**wanted, "python": "3.99"})
    (venv / "bin" / "python").unlink()
    assert not setup.is_current(venv, wanted)


def test_half_written_stamp_counts_as_none(tmp_path: Path) -> None:
    """A stamp that cannot be read means that the installation is not complete."""
    (tmp_path / setup.STAMP).write_text("{")
    assert setup.read_stamp(tmp_path) == {}


def test_failed_step_says_what_it_printed() -> None:
    """A failed command ends the set-up with its own words and a hint."""
    with pytest.raises(setup.SetupError, match=r"no wheel(?s:.)*Check the registry"):
        setup.run(sys.executable, "-c", "print('no wheel'); raise SystemExit(2)", hint="Check the registry.")


def test_every_target_has_one_line_of_help() -> None:
    """`make help` lists each target of the Makefile once, and is what `make` alone prints."""
    shown = subprocess.run(["make", "-C", str(ROOT)], capture_output=True, text=True, check=True)  # noqa: S603, S607 - ours
    listed = [line.split()[1] for line in shown.stdout.splitlines() if line.startswith("  make ")]
    phony = next(line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith(".PHONY:"))
    assert listed == phony.removeprefix(".PHONY:").split()
