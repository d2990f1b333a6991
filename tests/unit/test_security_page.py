"""docs/security.md names a test for each threat, and each test that it names exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in PAGE.partition("## Threats")[2].partition("\n## ")[0].splitlines()
    if line.startswith("| ")
][1:]
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGE)))


def names_in(path: Path) -> set[str]:
    """The names of the test functions of a module."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_every_threat_has_a_test(row: list[str]) -> None:
    """What stops a threat is no claim: something fails when it no longer does."""
    threat, stopped, tests = row
    assert threat
    assert stopped
    assert re.fullmatch(r"(`tests/[\w/]+\.py(::\w+)?` ?)+", tests)


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_a_named_test_exists(file: str, name: str) -> None:
    """A test that was renamed is renamed here too."""
    path = ROOT / file
    assert path.is_file()
    assert not name or name in names_in(path)
    assert names_in(path)
