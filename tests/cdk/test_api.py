"""The API in front of the function: who gets in, how often, and what the gateway itself says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cdk.problems import PROBLEMS
from cdk.routes import ROUTES
from marketflow.api.contract import routes
from marketflow.api.refusals import GATEWAY
from marketflow.api.routing import SCOPES
from tests.cdk.templates import CONTEXT, Assembly, Template, invoked, referred, text

pytestmark = pytest.mark.cdk


def paths(api: Template) -> dict[str, str]:
    """The full path of every resource of the API, by logical id."""
    resources = api.resources("AWS::ApiGateway::Resource")

    def path(logical_id: str) -> str:
        properties = resources[logical_id]["Properties"]
        parent = referred(properties["ParentId"])
        return (path(parent) if parent in resources else "") + "/" + str(properties["PathPart"])

    return {logical_id: path(logical_id) for logical_id in resources}


def methods(api: Template) -> dict[tuple[str, str], dict[str, Any]]:
    """Every method but the preflights, by path and verb."""
    known = paths(api)
    found = {}
    for method in api.resources("AWS::ApiGateway::Method").values():
        properties = method["Properties"]
        if properties["HttpMethod"] not in ("OPTIONS", "ANY"):
            found[known[str(referred(properties["ResourceId"]))], properties["HttpMethod"]] = properties
    return found


def responses(api: Template) -> dict[str, dict[str, Any]]:
    """The gateway's own answers by their type."""
    found = api.resources("AWS::ApiGateway::GatewayResponse").values()
    return {entry["Properties"]["ResponseType"]: entry["Properties"] for entry in found}


def test_the_gateway_has_the_routes_of_the_table_and_no_other(assembly: Assembly) -> None:
    """Adding a route is adding a row; any other path never reaches the function."""
    assert set(methods(assembly.templates["api"])) == {(route.path, route.method) for route in ROUTES}


def test_the_table_is_that_of_the_functions() -> None:
    """A route that a function has and the gateway lacks would be a 404 in AWS only; who may call it is told twice."""
    functions = {
        (method, route.path, route.access.value, SCOPES.get(route.access))
        for route in routes()
        for method in (("GET", "HEAD") if route.method == "GET" else (route.method,))
    }
    assert {(route.method, route.path, route.access, route.scope) for route in ROUTES} == functions


def test_a_method_that_a_path_does_not_have_is_told_by_the_function(assembly: Assembly) -> None:
    """405 with Allow, which the gateway cannot say; no credential is asked for what the documentation tells anyway."""
    api = assembly.templates["api"]
    known = paths(api)
    others = {
        known[str(referred(entry["Properties"]["ResourceId"]))]: entry["Properties"]
        for entry in api.resources("AWS::ApiGateway::Method").values()
        if entry["Properties"]["HttpMethod"] == "ANY"
    }
    assert set(others) == {route.path for route in ROUTES}
    assert not any(entry.get("ApiKeyRequired") for entry in others.values())
    assert {entry["AuthorizationType"] for entry in others.values()} == {"NONE"}


def test_every_route_but_the_open_ones_needs_an_api_key_or_a_token(assembly: Assembly) -> None:
    """Health, readiness and the description, for programs and for people, tell nothing that is worth a key."""
    found = methods(assembly.templates["api"]).items()
    without = {
        path
        for (path, _), entry in found
        if not entry["ApiKeyRequired"] and entry["AuthorizationType"] != "COGNITO_USER_POOLS"
    }
    assert without == {"/v1/health", "/v1/ready", "/v1/openapi.json", "/v1/docs", "/v1/docs/{file}"}


def test_a_route_with_a_scope_asks_for_a_token_with_it_and_for_no_key(assembly: Assembly) -> None:
    """The gateway checks signature, time and scope by the user pool; a scope makes it refuse ID tokens too."""
    api = assembly.templates["api"]
    (authorizer,) = api.resources("AWS::ApiGateway::Authorizer")
    found = methods(api)
    for route in ROUTES:
        entry = found[route.path, route.method]
        if route.scope is None:
            assert entry["AuthorizationType"] == "NONE"
            continue
        assert (entry["AuthorizationType"], entry["AuthorizationScopes"]) == ("COGNITO_USER_POOLS", [route.scope])
        assert referred(entry["AuthorizerId"]) == authorizer
        assert not entry["ApiKeyRequired"]


def test_the_key_is_on_a_usage_plan_with_throttle_and_quota(assembly: Assembly) -> None:
    """A key without a plan would open nothing; a plan without limits everything."""
    api = assembly.templates["api"]
    plans = api.resources("AWS::ApiGateway::UsagePlan")
    for plan in plans.values():
        assert plan["Properties"]["Throttle"]["RateLimit"] > 0
        assert plan["Properties"]["Quota"] == {"Limit": plan["Properties"]["Quota"]["Limit"], "Period": "DAY"}
    (link,) = api.resources("AWS::ApiGateway::UsagePlanKey").values()
    assert referred(link["Properties"]["KeyId"]) in api.resources("AWS::ApiGateway::ApiKey")
    assert referred(link["Properties"]["UsagePlanId"]) in plans


def test_the_plans_of_users_are_those_of_the_stage(assembly: Assembly) -> None:
    """Rate, burst and quota a day are data of the stage, and every function is told the same."""
    api = assembly.templates["api"]
    wanted = CONTEXT["stages"][assembly.stage]["api"]
    plans = {
        entry["Properties"]["UsagePlanName"]: entry for entry in api.resources("AWS::ApiGateway::UsagePlan").values()
    }
    for name, plan in wanted["plans"].items():
        properties = plans[f"marketflow-{assembly.stage}-{name}"]["Properties"]
        assert properties["Throttle"] == {"RateLimit": plan["rate"], "BurstLimit": plan["burst"]}
        assert properties["Quota"] == {"Limit": plan["quota_per_day"], "Period": "DAY"}
        (stage,) = properties["ApiStages"]
        assert referred(stage["Stage"]) in api.resources("AWS::ApiGateway::Stage")
    told = [fn["Properties"]["Environment"]["Variables"]["PLANS"] for fn in api.functions().values()]
    assert all(json.loads(one) == {"operator": wanted["plan"], **wanted["plans"]} for one in told)


def test_the_gateways_own_answers_tell_the_limits_of_every_plan(assembly: Assembly) -> None:
    """It cannot ask whose key it was; a credential that is none is told nothing of plans."""
    header = "gatewayresponse.header.RateLimit-Policy"
    plan = CONTEXT["stages"][assembly.stage]["api"]["plans"]["free"]
    for kind, answer in responses(assembly.templates["api"]).items():
        told = answer["ResponseParameters"].get(header)
        assert (told is None) is (answer["StatusCode"] in ("401", "403")), kind
        if told is not None:
            assert f'"free-rate";q={plan["rate"]};w=1;burst={plan["burst"]}' in told
            assert f'"free-quota";q={plan["quota_per_day"]};w=86400' in told


def test_the_gateway_does_not_wait_for_the_function_of_keys(assembly: Assembly) -> None:
    """That one is told the usage plans, which belong to the deployed stage: it is made last, and may be called then."""
    api = assembly.templates["api"]
    name = f"marketflow-{assembly.stage}-keys"
    (keys,) = [key for key, fn in api.functions().items() if fn["Properties"]["FunctionName"] == name]
    integrated = {
        text(entry["Integration"]["Uri"]) for (path, _), entry in methods(api).items() if path.startswith("/v1/keys")
    }
    assert all(f":function:{name}:live/invocations" in uri for uri in integrated)
    permissions = [entry["Properties"] for entry in api.resources("AWS::Lambda::Permission").values()]
    allowed = [entry for entry in permissions if invoked(api, entry["FunctionName"]) == keys]
    (permission,) = allowed
    assert (permission["Action"], permission["Principal"]) == ("lambda:InvokeFunction", "apigateway.amazonaws.com")


def test_what_was_done_for_an_idempotency_key_is_forgotten(assembly: Assembly) -> None:
    """One table on demand, with a time to live."""
    (table,) = assembly.templates["api"].resources("AWS::DynamoDB::Table").values()
    properties = table["Properties"]
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "expiration", "Enabled": True}
    assert properties["KeySchema"] == [{"AttributeName": "id", "KeyType": "HASH"}]


def test_a_key_has_a_given_value_only_locally(assembly: Assembly) -> None:
    """In AWS nobody chooses a key: the service makes it, and no template holds it."""
    (key,) = assembly.templates["api"].resources("AWS::ApiGateway::ApiKey").values()
    assert ("Value" in key["Properties"]) is (assembly.stage == "local")


def test_stage_and_methods_are_throttled_behind_the_plan(assembly: Assembly) -> None:
    """AWS calls the limits of usage plans best-effort."""
    (stage,) = assembly.templates["api"].resources("AWS::ApiGateway::Stage").values()
    settings = {entry["ResourcePath"]: entry for entry in stage["Properties"]["MethodSettings"]}
    assert settings.keys() == {"/*"} | {"/" + route.path.replace("/", "~1") for route in ROUTES}
    assert all(entry["ThrottlingRateLimit"] > 0 and entry["ThrottlingBurstLimit"] > 0 for entry in settings.values())


def test_requests_are_logged_as_json_and_bodies_never(assembly: Assembly) -> None:
    """One object a request; an API key's id is in it, its value is not."""
    (stage,) = assembly.templates["api"].resources("AWS::ApiGateway::Stage").values()
    access = json.loads(stage["Properties"]["AccessLogSetting"]["Format"])
    assert {"request_id", "path", "status", "api_key_id", "milliseconds"} <= access.keys()
    assert "$context.identity.apiKey" not in access.values()
    assert not [entry for entry in stage["Properties"]["MethodSettings"] if entry["DataTraceEnabled"]]
    assert stage["Properties"]["TracingEnabled"] is True
    assert stage["Properties"]["StageName"] == "api"


def test_every_error_of_the_gateway_is_a_problem(assembly: Assembly) -> None:
    """RFC 9457 with the same members as the function's own problems."""
    found = responses(assembly.templates["api"])
    assert set(found) == {problem.kind.response_type for problem in PROBLEMS}
    for answer in found.values():
        assert answer["ResponseParameters"]["gatewayresponse.header.Content-Type"] == "'application/problem+json'"
        body = json.loads(answer["ResponseTemplates"]["application/json"])
        assert list(body) == ["type", "title", "status", "detail", "instance", "code", "request_id"]
        assert str(body["status"]) == answer["StatusCode"]
        assert body["type"] == f"urn:marketflow:problem:{body['code']}"
        assert body["request_id"] == "$context.requestId"


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("UNAUTHORIZED", 401),
        ("INVALID_API_KEY", 403),
        ("MISSING_AUTHENTICATION_TOKEN", 404),
        ("REQUEST_TOO_LARGE", 413),
        ("THROTTLED", 429),
        ("QUOTA_EXCEEDED", 429),
        ("INTEGRATION_TIMEOUT", 504),
        ("DEFAULT_5XX", 500),
    ],
)
def test_an_error_of_the_gateway_has_the_status_that_fits(assembly: Assembly, kind: str, status: int) -> None:
    """An unknown path is a 404, although the gateway takes it for a missing token."""
    assert responses(assembly.templates["api"])[kind]["StatusCode"] == str(status)


def test_the_documentation_tells_the_gateways_errors_as_they_are() -> None:
    """Status, title and detail of each documented error are those that are deployed."""
    deployed = {(one.code, one.status, one.title, one.detail) for one in PROBLEMS}
    assert {(one.code, one.status, one.title, one.detail) for one in GATEWAY} <= deployed


def test_too_many_requests_say_when_to_ask_again(assembly: Assembly) -> None:
    """Retry-After, in seconds."""
    found = responses(assembly.templates["api"])
    for kind in ("THROTTLED", "QUOTA_EXCEEDED"):
        assert int(found[kind]["ResponseParameters"]["gatewayresponse.header.Retry-After"].strip("'")) >= 1


def test_a_changed_route_or_error_makes_a_new_deployment(assembly: Assembly) -> None:
    """API Gateway serves a snapshot: what is not deployed again does not change."""
    api = assembly.templates["api"]
    (deployment,) = api.resources("AWS::ApiGateway::Deployment").values()
    snapshot = {*api.resources("AWS::ApiGateway::Method"), *api.resources("AWS::ApiGateway::GatewayResponse")}
    assert snapshot <= set(deployment["DependsOn"])


def test_a_stage_without_origins_answers_no_preflight(assembly: Assembly) -> None:
    """The stage's list decides whether pages of other origins may read the API at all."""
    api = assembly.templates["api"]
    preflights = [
        entry
        for entry in api.resources("AWS::ApiGateway::Method").values()
        if entry["Properties"]["HttpMethod"] == "OPTIONS"
    ]
    open_to_pages = assembly.stage != "prod"
    assert bool(preflights) is open_to_pages
    origin = "gatewayresponse.header.Access-Control-Allow-Origin"
    assert all((origin in answer["ResponseParameters"]) is open_to_pages for answer in responses(api).values())


def test_long_answers_are_compressed(assembly: Assembly) -> None:
    """Pages of candles shrink to a fifth."""
    (api,) = assembly.templates["api"].resources("AWS::ApiGateway::RestApi").values()
    assert api["Properties"]["MinimumCompressionSize"] == 1024
    assert api["Properties"]["EndpointConfiguration"] == {"Types": ["REGIONAL"]}


def test_the_local_api_has_a_stable_address(assembly: Assembly) -> None:
    """The emulator takes the API's id from a tag; AWS is not given one that means nothing there."""
    (api,) = assembly.templates["api"].resources("AWS::ApiGateway::RestApi").values()
    tags = {tag["Key"]: tag["Value"] for tag in api["Properties"]["Tags"]}
    assert tags.get("ms-custom-id") == ("marketflow" if assembly.stage == "local" else None)


def test_what_changes_symbols_needs_the_admin_scope_and_is_answered_by_its_own_function(assembly: Assembly) -> None:
    """An API key does not open it, and neither does a token that only opens the caller's own keys."""
    found = methods(assembly.templates["api"])
    admin = [found["/v1/symbols", "POST"], *(found["/v1/symbols/{symbol}", verb] for verb in ("PATCH", "DELETE"))]
    for entry in admin:
        assert (entry["ApiKeyRequired"], entry["AuthorizationScopes"]) == (False, ["marketflow/admin"])
        assert "<AdminLive" in text(entry["Integration"]["Uri"])
