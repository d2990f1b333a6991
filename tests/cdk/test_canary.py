"""Deployments: a new version has a part of the traffic first, and goes when an alarm rings."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cdk.conftest import Synthesise
from tests.cdk.templates import CONTEXT, Assembly, Template, references, referred, text

pytestmark = pytest.mark.cdk

GUARDED = {"api": {"api", "admin", "keys"}, "ingestion": {"etl", "dispatch"}}


def aliases(template: Template) -> dict[str, dict[str, Any]]:
    """Every alias by its function's name, without the stage's prefix."""
    found = {}
    for alias in template.resources("AWS::Lambda::Alias").values():
        function = template.resource(str(referred(alias["Properties"]["FunctionName"])))
        found[function["Properties"]["FunctionName"].removeprefix(f"marketflow-{template.stage}-")] = alias
    return found


def group(template: Template, alias: dict[str, Any]) -> dict[str, Any]:
    """The properties of the deployment group that moves an alias."""
    policy = alias["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
    found: dict[str, Any] = template.resource(str(referred(policy["DeploymentGroupName"])))["Properties"]
    return found


def canary_alarms(template: Template) -> list[dict[str, Any]]:
    """The alarms of a stack that is not Observability: those of its canaries."""
    return [entry["Properties"] for entry in template.resources("AWS::CloudWatch::Alarm").values()]


def test_every_alias_moves_as_the_stage_says_and_back_by_itself(cloud: Assembly) -> None:
    """A part of the traffic for some minutes, then all; back when it fails, is stopped, or an alarm rings."""
    wanted = CONTEXT["stages"][cloud.stage]["canary"]
    for concern, names in GUARDED.items():
        template = cloud.templates[concern]
        assert aliases(template).keys() == names
        for alias in aliases(template).values():
            found = group(template, alias)
            steps = template.resource(str(referred(found["DeploymentConfigName"])))["Properties"]
            assert steps["ComputePlatform"] == "Lambda"
            assert steps["TrafficRoutingConfig"]["TimeBasedCanary"] == {
                "CanaryInterval": wanted["minutes"],
                "CanaryPercentage": wanted["percent"],
            }
            assert found["AutoRollbackConfiguration"] == {
                "Enabled": True,
                "Events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_REQUEST", "DEPLOYMENT_STOP_ON_ALARM"],
            }


def test_an_alias_is_guarded_by_the_errors_of_its_new_version_and_the_gateways(cloud: Assembly) -> None:
    """An old version that fails does not keep the one out that mends it."""
    for concern in GUARDED:
        template = cloud.templates[concern]
        for name, alias in aliases(template).items():
            ids = [str(referred(alarm["Name"])) for alarm in group(template, alias)["AlarmConfiguration"]["Alarms"]]
            metrics = {template.resource(one)["Properties"]["MetricName"]: template.resource(one) for one in ids}
            assert metrics.keys() == {"Errors", "5XXError"} if concern == "api" else {"Errors"}
            values = {one["Name"]: one["Value"] for one in metrics["Errors"]["Properties"]["Dimensions"]}
            function = f"marketflow-{cloud.stage}-{name}"
            assert (values["FunctionName"], values["Resource"]) == (function, f"{function}:live")
            assert values["ExecutedVersion"] == alias["Properties"]["FunctionVersion"]
            (version,) = references(values["ExecutedVersion"])
            assert template.resource(version)["Type"] == "AWS::Lambda::Version"


def test_the_canarys_alarms_ring_within_its_minutes(cloud: Assembly) -> None:
    """An alarm of five minutes would come when all of the traffic has moved."""
    for concern in GUARDED:
        for alarm in canary_alarms(cloud.templates[concern]):
            assert (alarm["Period"], alarm["EvaluationPeriods"]) == (60, 1)
            assert alarm["TreatMissingData"] == "notBreaching"


def test_codedeploy_may_do_what_its_own_policy_says(cloud: Assembly) -> None:
    """One role a stack, which nobody but CodeDeploy takes."""
    for concern in GUARDED:
        template = cloud.templates[concern]
        roles = {
            str(referred(entry["Properties"]["ServiceRoleArn"]))
            for entry in template.resources("AWS::CodeDeploy::DeploymentGroup").values()
        }
        (role,) = roles
        properties = template.resource(role)["Properties"]
        (statement,) = properties["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Service": "codedeploy.amazonaws.com"}
        (policy,) = properties["ManagedPolicyArns"]
        assert text(policy).endswith(":iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited")


def test_a_stage_without_a_canary_moves_all_at_once(synthesise: Synthesise) -> None:
    """As `local`: the emulator has no CodeDeploy."""
    for template in synthesise("local").templates.values():
        assert not template.resources("AWS::CodeDeploy::DeploymentGroup")
        assert all("UpdatePolicy" not in alias for alias in template.resources("AWS::Lambda::Alias").values())
