"""Secrets stand in Secrets Manager, in API Gateway and in Cognito; never in a template, a variable or an output."""

from __future__ import annotations

import json
import re

import pytest

from tests.cdk.templates import GIVEN, Assembly, text

pytestmark = pytest.mark.cdk

SECRET_NAME = re.compile(r"KEY|SECRET|TOKEN|PASSWORD|CREDENTIAL", re.IGNORECASE)
SECRET_ID = "SOURCE_SECRET_ID"
"""The one variable that is about a secret: it has the secret's name."""

RESOLVED = re.compile(r"\{\{resolve:(secretsmanager|ssm-secure):")
"""CloudFormation would write the value itself where this stands."""

READS_A_SECRET = re.compile(r"MasterUserSecret|ClientSecret|SecretString|\.Value>")


def test_no_variable_of_a_function_holds_a_secret(assembly: Assembly) -> None:
    """Everybody who may look at a function sees its variables."""
    for _, name, function in assembly.with_resources("AWS::Lambda::Function"):
        for variable, value in function["Properties"]["Environment"]["Variables"].items():
            assert variable == SECRET_ID or not SECRET_NAME.search(variable), name
            assert not RESOLVED.search(text(value)), f"{name} {variable}"
            assert not READS_A_SECRET.search(text(value)), f"{name} {variable}"
            assert not re.search(r"://[^/@]*:[^/@]*@", text(value)), f"{name} {variable} has a password in a URL"


def test_no_template_resolves_a_secret(assembly: Assembly) -> None:
    """A resolved value can be read in what was deployed."""
    for template in assembly.templates.values():
        assert not RESOLVED.search(json.dumps(template.body)), template


def test_no_template_asks_for_a_secret(assembly: Assembly) -> None:
    """No parameter is a secret: the only one is the version of the CDK's bootstrap."""
    for template in assembly.templates.values():
        assert set(template.body.get("Parameters", {})) <= {"BootstrapVersion"}, template


def test_no_output_tells_a_secret(assembly: Assembly) -> None:
    """Outputs and exports are read by everybody who may look at a stack."""
    for template in assembly.templates.values():
        for name, output in template.body.get("Outputs", {}).items():
            assert not READS_A_SECRET.search(text(output["Value"])), f"{template} {name}"


def test_the_local_key_is_the_value_of_its_key_alone(assembly: Assembly) -> None:
    """What the command line gives a local stage goes to API Gateway and nowhere else; in AWS nothing is given."""
    given = GIVEN.get(assembly.stage, {}).get("api_key")
    for template in assembly.templates.values():
        keys = {name for name, entry in template.body["Resources"].items() if given and given in json.dumps(entry)}
        assert keys == (set(template.resources("AWS::ApiGateway::ApiKey")) if given else set()), template
        assert not given or given not in json.dumps(template.body.get("Outputs", {}))
