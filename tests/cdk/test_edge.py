"""The edge: what stands before the API, what the gateway's answers tell a browser, and that nothing else is open."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cdk.constructs.security_headers import SECURITY_HEADERS
from marketflow.api import parameters, security
from tests.cdk.conftest import Synthesise
from tests.cdk.templates import CONTEXT, STAGES, Assembly, Template, referred, text

pytestmark = pytest.mark.cdk

QUOTED = {name: f"'{value}'" for name, value in security.HEADERS.items()}
AWS_QUERY_BYTES = 2048
"""What SizeRestrictions_QUERYSTRING of AWS' common rules lets through."""


def answers(api: Template) -> list[dict[str, Any]]:
    """The parameters of every answer that the gateway makes without a function: errors, and preflights."""
    found = [
        entry["Properties"]["ResponseParameters"]
        for entry in api.resources("AWS::ApiGateway::GatewayResponse").values()
    ]
    for method in api.resources("AWS::ApiGateway::Method").values():
        if method["Properties"]["HttpMethod"] == "OPTIONS":
            found += [
                answer["ResponseParameters"] for answer in method["Properties"]["Integration"]["IntegrationResponses"]
            ]
    return found


def web_acl(assembly: Assembly) -> dict[str, Any]:
    """The one web ACL of the stage."""
    (acl,) = assembly.templates["api"].resources("AWS::WAFv2::WebACL").values()
    properties: dict[str, Any] = acl["Properties"]
    return properties


@pytest.fixture(params=[stage for stage in STAGES if CONTEXT["stages"][stage]["api"]["waf"]])
def guarded(request: pytest.FixtureRequest, synthesise: Synthesise) -> Assembly:
    """Each stage that has a web ACL."""
    return synthesise(request.param)


def test_the_gateway_says_the_headers_of_the_functions() -> None:
    """They are written down twice, because the CDK app imports nothing of the API."""
    assert SECURITY_HEADERS == security.HEADERS


def test_every_answer_of_the_gateway_has_the_security_headers(assembly: Assembly) -> None:
    """Errors and preflights alike."""
    found = answers(assembly.templates["api"])
    assert len(found) > 20
    for parameters_of_one in found:
        told = {name.rpartition(".")[2]: value for name, value in parameters_of_one.items()}
        assert told.items() >= QUOTED.items()


def test_a_preflight_declares_what_it_answers(assembly: Assembly) -> None:
    """API Gateway drops a header of an integration that its method does not declare."""
    for method in assembly.templates["api"].resources("AWS::ApiGateway::Method").values():
        if method["Properties"]["HttpMethod"] == "OPTIONS":
            (declared,) = method["Properties"]["MethodResponses"]
            (answer,) = method["Properties"]["Integration"]["IntegrationResponses"]
            assert declared["ResponseParameters"] == dict.fromkeys(answer["ResponseParameters"], True)


def test_the_stage_decides_whether_there_is_a_web_acl(assembly: Assembly) -> None:
    """It is attached to the API's stage where there is one; elsewhere nothing of it is paid for."""
    api = assembly.templates["api"]
    wanted = CONTEXT["stages"][assembly.stage]["api"]["waf"] is not None
    links = list(api.resources("AWS::WAFv2::WebACLAssociation").values())
    assert len(api.resources("AWS::WAFv2::WebACL")) == len(links) == wanted
    for link in links:
        (rest,), (stage,) = api.resources("AWS::ApiGateway::RestApi"), api.resources("AWS::ApiGateway::Stage")
        assert text(link["Properties"]["ResourceArn"]).endswith(f"::/restapis/<{rest}>/stages/<{stage}>")


def test_prod_has_a_web_acl() -> None:
    """Every request costs money: a flood of them is stopped before it is billed by the gateway and the functions."""
    assert CONTEXT["stages"]["prod"]["api"]["waf"]["rate_per_5_minutes"] > 0


def test_an_address_that_asks_too_often_gets_a_problem(guarded: Assembly) -> None:
    """429 with the members of all problems, with Retry-After and the security headers."""
    acl = web_acl(guarded)
    rate = next(rule for rule in acl["Rules"] if rule["Name"] == "rate")
    wanted = CONTEXT["stages"][guarded.stage]["api"]["waf"]["rate_per_5_minutes"]
    assert rate["Statement"]["RateBasedStatement"] == {
        "AggregateKeyType": "IP",
        "EvaluationWindowSec": 300,
        "Limit": wanted,
    }
    answer = rate["Action"]["Block"]["CustomResponse"]
    headers = {entry["Name"]: entry["Value"] for entry in answer["ResponseHeaders"]}
    assert headers == {**security.HEADERS, "Cache-Control": "no-store", "Retry-After": "300"}
    body = json.loads(acl["CustomResponseBodies"][answer["CustomResponseBodyKey"]]["Content"])
    assert list(body) == ["type", "title", "status", "detail", "instance", "code", "request_id"]
    assert answer["ResponseCode"] == body["status"] == 429


def test_one_address_cannot_use_the_whole_api_up(guarded: Assembly) -> None:
    """Its limit is below what the stage bears in five minutes, and above that of the best plan."""
    api = CONTEXT["stages"][guarded.stage]["api"]
    fastest = max(plan["rate"] for plan in [api["plan"], *api["plans"].values()])
    assert fastest * 300 < api["waf"]["rate_per_5_minutes"] < api["throttle"]["rate"] * 300


def test_the_rules_of_aws_let_the_contract_through(guarded: Assembly) -> None:
    """A hundred symbols need a longer query than they allow, and a program need not tell its name."""
    assert parameters.MAX_SYMBOLS * parameters.MAX_NAME_LENGTH > AWS_QUERY_BYTES
    groups = {
        rule["Name"]: rule["Statement"]["ManagedRuleGroupStatement"]
        for rule in web_acl(guarded)["Rules"]
        if "ManagedRuleGroupStatement" in rule["Statement"]
    }
    assert {group["VendorName"] for group in groups.values()} == {"AWS"}
    counting = groups["AWSManagedRulesCommonRuleSet"]["RuleActionOverrides"]
    assert {"SizeRestrictions_QUERYSTRING", "NoUserAgent_HEADER"} <= {rule["Name"] for rule in counting}
    assert all(rule["ActionToUse"] == {"Count": {}} for rule in counting)


def test_the_log_of_the_web_acl_shows_no_credential(guarded: Assembly) -> None:
    """Key and token are redacted, samples with their headers are not taken, and the log ends some day."""
    api = guarded.templates["api"]
    (log,) = (entry["Properties"] for entry in api.resources("AWS::WAFv2::LoggingConfiguration").values())
    redacted = {field["SingleHeader"]["Name"] for field in log["RedactedFields"]}
    assert redacted == {"x-api-key", "authorization"}
    assert log["LoggingFilter"]["DefaultBehavior"] == "DROP"
    acl = web_acl(guarded)
    seen = [acl["VisibilityConfig"], *(rule["VisibilityConfig"] for rule in acl["Rules"])]
    assert not any(config["SampledRequestsEnabled"] for config in seen)
    (destination,) = log["LogDestinationConfigs"]
    group = api.resource(
        next(name for name in api.resources("AWS::Logs::LogGroup") if f"<{name}>" in text(destination))
    )
    assert group["Properties"]["LogGroupName"].startswith("aws-waf-logs-")


def test_the_api_takes_no_tls_below_1_2(assembly: Assembly) -> None:
    """Without a policy a regional endpoint takes TLS 1.0."""
    (api,) = assembly.templates["api"].resources("AWS::ApiGateway::RestApi").values()
    assert api["Properties"]["SecurityPolicy"] == "SecurityPolicy_TLS13_1_2_2021_06"
    assert api["Properties"]["EndpointAccessMode"] == "BASIC"


def test_nothing_is_open_to_the_internet_but_the_api(assembly: Assembly) -> None:
    """No rule lets an address range in, and no function, bucket or server has a URL of its own."""
    open_ranges = ("0.0.0.0/0", "::/0")
    for template in assembly.templates.values():
        for name, resource in template.body["Resources"].items():
            properties = resource.get("Properties", {})
            assert resource["Type"] not in {
                "AWS::Lambda::Url",
                "AWS::EC2::Instance",
                "AWS::ElasticLoadBalancingV2::LoadBalancer",
                "AWS::CloudFront::Distribution",
            }, name
            inbound = [properties] if resource["Type"] == "AWS::EC2::SecurityGroupIngress" else []
            for rule in [*inbound, *properties.get("SecurityGroupIngress", ())]:
                assert not {rule.get("CidrIp"), rule.get("CidrIpv6")} & {*open_ranges}, name
            assert properties.get("PubliclyAccessible", False) is False, name
            assert properties.get("MapPublicIpOnLaunch", False) is False, name


def test_no_resource_policy_lets_everybody_in(assembly: Assembly) -> None:
    """Whoever is named by `*` is only ever refused; and a function is invoked by services of this account alone."""
    for template in assembly.templates.values():
        for name, resource in template.body["Resources"].items():
            document = resource.get("Properties", {}).get("PolicyDocument", {})
            for statement in document.get("Statement", ()):
                if statement.get("Principal") in ("*", {"AWS": "*"}):
                    assert statement["Effect"] == "Deny", f"{template} {name}"
        for name, permission in template.resources("AWS::Lambda::Permission").items():
            properties = permission["Properties"]
            assert properties["Principal"].endswith(".amazonaws.com"), name
            assert properties.keys() & {"SourceArn", "SourceAccount"}, f"{template} {name} names no source"


def test_what_is_stored_is_encrypted(assembly: Assembly) -> None:
    """By a key that AWS or the account manages: tables and the database as well as buckets, queues and topics."""
    for _, name, database in assembly.with_resources("AWS::RDS::DBInstance"):
        assert database["Properties"]["StorageEncrypted"] is True, name
    for template, name, topic in assembly.with_resources("AWS::SNS::Topic"):
        assert referred(topic["Properties"]["KmsMasterKeyId"]) in template.resources("AWS::KMS::Key"), name
    for _, name, table in assembly.with_resources("AWS::DynamoDB::Table"):
        # Without a setting DynamoDB encrypts with a key of its own.
        assert table["Properties"].get("SSESpecification", {"SSEEnabled": True})["SSEEnabled"] is True, name
