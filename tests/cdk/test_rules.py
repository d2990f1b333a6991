"""What others say of the templates: cdk-nag, cfn-lint, and the last reviewed state of each."""

from __future__ import annotations

import copy
import json
import os
import re
from pathlib import Path

import pytest
from aws_cdk import aws_s3 as s3
from cfnlint.api import lint_file  # type: ignore[import-untyped]  # cfn-lint ships no types

from cdk.nag import exemptions
from cdk.stages import load_stage
from tests.cdk.conftest import Synthesise, app_for
from tests.cdk.templates import CONTEXT, GIVEN, STAGES, Assembly, Template

pytestmark = pytest.mark.cdk

SNAPSHOTS = Path(__file__).parent / "snapshots"
UPDATE = "UPDATE_SNAPSHOTS"
"""Set it to write the snapshots anew: `UPDATE_SNAPSHOTS=1 pytest tests/cdk`, then read the difference."""

ASSET = re.compile(r"\b[0-9a-f]{64}\b")
"""The name of an asset: it changes with every line of code."""

HOST = re.compile(r"\b(python3\.\d+|arm64|x86_64)\b")
"""What the functions of the local stage run on: whatever the machine has."""


def violations(folder: Path) -> list[str]:
    """What the checks at synth found: the rule and where."""
    report = json.loads((folder / "validation-report.json").read_text())
    return [
        f"{violation['ruleName']}: {[place['constructPath'] for place in violation['violatingConstructs']]}"
        for plugin in report["pluginReports"]
        for violation in plugin["violations"]
    ]


def test_there_is_no_unexplained_finding(assembly: Assembly) -> None:
    """AwsSolutions and the CDK's own rules, warnings included."""
    assert violations(assembly.folder) == []


def test_a_new_finding_fails_the_synth(tmp_path: Path) -> None:
    """A bucket that nobody thought about does not get into a template unnoticed."""
    app = app_for("dev", tmp_path)
    s3.CfnBucket(app.node.find_child("marketflow-dev-ingestion"), "Forgotten")  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="AwsSolutions-S1"):
        app.synth()


@pytest.mark.parametrize("stage", STAGES)
def test_every_exemption_has_a_reason_and_names_one_finding(stage: str) -> None:
    """Nothing is waved through by a whole rule pack or a bare wildcard."""
    context = {**CONTEXT, **GIVEN.get(stage, {}), "stage": stage}
    found = list(exemptions(load_stage(context.get)))
    assert len({(entry.concern, entry.path, entry.rule) for entry in found}) == len(found)
    for entry in found:
        assert len(entry.reason) > 30
        assert not entry.rule.startswith("AwsSolutions-IAM5") or "[" in entry.rule


def test_cfn_lint_finds_nothing(assembly: Assembly) -> None:
    """Not even a warning."""
    findings = [
        f"{match.rule.id} {path.name}: {match.message}"
        for path in sorted(assembly.folder.glob("*.template.json"))
        for match in lint_file(path)
    ]
    assert findings == []


def normalised(template: Template) -> str:
    """A template as text, without what changes when only code does, or the machine."""
    body = copy.deepcopy(template.body)
    for migration in template.resources("Custom::DatabaseMigration"):
        body["Resources"][migration]["Properties"]["Revision"] = "<revision>"
    text = ASSET.sub("<asset>", json.dumps(body, indent=1, sort_keys=True)) + "\n"
    return HOST.sub("<host>", text) if template.stage == "local" else text


def test_the_templates_are_the_reviewed_ones(assembly: Assembly) -> None:
    """A change of a stack shows in the review as a change of its snapshot, code aside."""
    differing = []
    for template in assembly.templates.values():
        path = SNAPSHOTS / f"{template}.json"
        text = normalised(template)
        if os.environ.get(UPDATE):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            differing.append(path.name)
    assert not differing, f"Read the difference after writing them anew with {UPDATE}=1."


def test_no_snapshot_is_left_over(synthesise: Synthesise) -> None:
    """Each belongs to a stack that exists."""
    stacks = {f"{template}.json" for stage in STAGES for template in synthesise(stage).templates.values()}
    assert {path.name for path in SNAPSHOTS.iterdir()} == stacks
