"""The local stack's settings come from the environment, then `.env`, then the defaults."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.processes import LocalError
from local.settings import LocalSettings, load_settings

pytestmark = pytest.mark.unit


def test_defaults(tmp_path: Path) -> None:
    """Nothing has to be set."""
    assert load_settings({}, file=tmp_path / ".env") == LocalSettings(sources="auto", port=4566, seed=7)


def test_environment_wins_over_file(tmp_path: Path) -> None:
    """A variable of the shell wins over the same one in `.env`; quotes, comments and empty values do not count."""
    file = tmp_path / ".env"
    file.write_text("# SOURCES=live\nSOURCES='simulator'\nLOCAL_PORT=5000\nSIMULATOR_SEED=\nUNRELATED=x\n")
    assert load_settings({"SOURCES": "live"}, file=file) == LocalSettings(sources="live", port=5000, seed=7)


@pytest.mark.parametrize(
    ("name", "value"),
    [("SOURCES", "fake"), ("LOCAL_PORT", "70000"), ("LOCAL_PORT", "http"), ("SIMULATOR_SEED", "-1")],
)
def test_wrong_setting_is_named(tmp_path: Path, name: str, value: str) -> None:
    """A setting that cannot be used stops the start and is named with its value."""
    with pytest.raises(LocalError, match=f"{name}={value}"):
        load_settings({name: value}, file=tmp_path / ".env")
