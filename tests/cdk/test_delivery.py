"""What a deployment relies on, and what is left when a stage is deleted."""

from __future__ import annotations

import json

import pytest
from cfnlint.api import lint_file  # type: ignore[import-untyped]  # cfn-lint ships no types

from local.aws.preflight import BOOTSTRAP, BOOTSTRAP_VERSION
from tests.cdk.conftest import Synthesise
from tests.cdk.templates import ROOT, Assembly

pytestmark = pytest.mark.cdk

STATEFUL = {
    "AWS::Cognito::UserPool",
    "AWS::DynamoDB::Table",
    "AWS::KMS::Key",
    "AWS::Logs::LogGroup",
    "AWS::RDS::DBInstance",
    "AWS::S3::Bucket",
    "AWS::SQS::Queue",
}
NOT_BILLED = {"AWS::ApiGateway::Account", "AWS::IAM::Role"}
"""What API Gateway writes logs with: a setting of the account, which other APIs may use."""


def test_a_deleted_dev_leaves_nothing_that_is_billed(synthesise: Synthesise) -> None:
    """CloudFormation deletes every resource but the account's setting; what it cannot delete, `make destroy` does."""
    found = set()
    for template in synthesise("dev").templates.values():
        for name, resource in template.body["Resources"].items():
            kind, policy = resource["Type"], resource.get("DeletionPolicy", "Delete")
            found.add(kind)
            assert policy == "Delete" or kind in NOT_BILLED, f"{template}: {name}"
            if kind in STATEFUL:
                assert resource.get("DeletionPolicy") == "Delete", f"{template}: {name}"
    assert found >= STATEFUL


def test_nothing_keeps_a_deleted_dev_from_going(synthesise: Synthesise) -> None:
    """No protection against deletion, no backups that outlive the instance, no workgroup that keeps its queries."""
    dev = synthesise("dev")
    for _, _, instance in dev.with_resources("AWS::RDS::DBInstance"):
        assert instance["Properties"]["DeletionProtection"] is False
        # Absent means true.
        assert instance["Properties"].get("DeleteAutomatedBackups", True) is True
    for _, _, pool in dev.with_resources("AWS::Cognito::UserPool"):
        assert pool["Properties"]["DeletionProtection"] == "INACTIVE"
    for _, _, table in dev.with_resources("AWS::DynamoDB::Table"):
        assert not table["Properties"].get("DeletionProtectionEnabled")
    for _, _, workgroup in dev.with_resources("AWS::Athena::WorkGroup"):
        assert workgroup["Properties"]["RecursiveDeleteOption"] is True


def test_a_deleted_prod_keeps_its_data(synthesise: Synthesise) -> None:
    """Bucket and users stay, the database leaves a snapshot."""
    prod = synthesise("prod")
    kept = {"AWS::S3::Bucket": "Retain", "AWS::Cognito::UserPool": "Retain", "AWS::RDS::DBInstance": "Snapshot"}
    for kind, policy in kept.items():
        assert {resource["DeletionPolicy"] for _, _, resource in prod.with_resources(kind)} == {policy}


def test_the_preflight_asks_for_the_bootstrap_that_the_stacks_need(cloud: Assembly) -> None:
    """Version and name are those of the manifest that the CDK reads."""
    for concern in cloud.templates:
        needed = cloud.manifest(concern)["properties"]
        assert needed["requiresBootstrapStackVersion"] == BOOTSTRAP_VERSION
        assert needed["bootstrapStackVersionSsmParameter"] == BOOTSTRAP


def test_the_roles_for_github_pass_cfn_lint_and_name_the_repository() -> None:
    """A role that trusts GitHub without a subject would trust every repository."""
    path = ROOT / ".github" / "aws" / "roles.yaml"
    assert [match.message for match in lint_file(path)] == []
    text = path.read_text()
    subjects = [line.split("sub: ")[1] for line in text.splitlines() if ":sub:" in line]
    assert subjects == ["!Sub repo:${Repository}:environment:${Stage}", "!Sub repo:${Repository}:pull_request"]
    assert text.count("token.actions.githubusercontent.com:aud: sts.amazonaws.com") == 2


def test_the_deploying_role_may_take_the_bootstraps_roles_alone() -> None:
    """What it may change is what those may; nobody's keys, nobody's data."""
    text = (ROOT / ".github" / "aws" / "roles.yaml").read_text()
    actions = {line.split("Action: ")[1] for line in text.splitlines() if "Action: " in line}
    assert actions == {
        "sts:AssumeRoleWithWebIdentity",
        "sts:AssumeRole",
        "ssm:GetParameter",
        "cloudformation:DescribeStacks",
        "apigateway:GET",
    }
    assert json.loads((ROOT / "cdk.json").read_text())["context"].get("@aws-cdk/core:bootstrapQualifier") is None
