"""What is installed is pinned by hash, the same everywhere, from no particular registry."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[3]
FILES = {
    path.relative_to(ROOT).as_posix(): path
    for path in (
        *(ROOT / "local" / "requirements").glob("*.txt"),
        *(ROOT / "layers").glob("*/requirements.txt"),
        ROOT / "bench" / "peers" / "requirements.txt",
    )
}


def pins(name: str) -> dict[str, str]:
    """The pinned version of each package; several, for several platforms, are joined."""
    found: dict[str, str] = {}
    for package, version in re.findall(
        r"^([a-z0-9._-]+)(?:\[[^]]*\])?==([^\s;]+)", FILES[name].read_text(), re.MULTILINE
    ):
        found[package] = f"{found[package]} {version}" if package in found else version
    return found


@pytest.mark.parametrize("name", FILES)
def test_every_pin_has_a_hash(name: str) -> None:
    """A pinned file lists each package with its version and hashes, and nothing else: no option, no address."""
    text = FILES[name].read_text()
    entries = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert entries
    for entry in entries:
        assert re.match(r"^[a-z0-9._-]+(\[[^]]*\])?==\S+( ; .+)? \\$", entry), entry
    assert "://" not in text


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith(("layers/", "bench/"))])
def test_development_has_what_ships(name: str) -> None:
    """Tests run with the very versions that every layer ships, and the bench with those that the peers would."""
    shipped, installed = pins(name), pins("local/requirements/dev.txt")
    assert shipped
    assert {package: installed.get(package) for package in shipped} == shipped


def test_one_uv() -> None:
    """The uv that installs is the uv that the environment pins."""
    assert pins("local/requirements/bootstrap.txt")["uv"] == pins("local/requirements/dev.txt")["uv"]


def test_emulator_has_nothing_of_ours() -> None:
    """The emulator's environment does not have what only a layer may bring: a gap in a layer shows locally too."""
    mine = pins("local/requirements/emulator.txt")
    assert {"ministack", "boto3"} <= mine.keys()
    assert not mine.keys() & {"pydantic", "sqlalchemy", "alembic", "pg8000", "httpx", "aws-lambda-powertools"}
