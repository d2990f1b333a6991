"""A user's own API keys through the gateway: the rows of the contract's table, and who is not let in."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from local.client import ApiClient
from local.sign_in import PASSWORD, SignIn, Tokens
from local.smoke_user import User, check_usage, hit_the_limit
from local.stack import LocalStack, outputs
from tests.e2e.conftest import wait_for

pytestmark = pytest.mark.e2e

MISSING = "nosuchkey1"


@pytest.fixture(scope="module")
def sign_in(stack: LocalStack) -> SignIn:
    """The stack's user pool."""
    return SignIn(stack.facts)


@pytest.fixture(scope="module")
def tokens(sign_in: SignIn) -> Tokens:
    """Those of the user ann."""
    sign_in.sign_up("ann@example.com")
    return sign_in.tokens("ann@example.com")


@pytest.fixture
def ann(stack: LocalStack, tokens: Tokens) -> User:
    """A signed-in user without keys."""
    user = User(stack.facts, tokens.access)
    for key in user.expect(200, "GET", "/keys"):
        user.expect(204, "DELETE", f"/keys/{key['id']}")
    return user


@pytest.fixture(scope="module")
def bob(stack: LocalStack, sign_in: SignIn) -> User:
    """Another one."""
    sign_in.sign_up("bob@example.com")
    return User(stack.facts, sign_in.tokens("bob@example.com").access)


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The members of a problem with that status."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    return body


def wait_for_status(user: User, key: str, status: int) -> None:
    """Until the read API answers the key so; a plan's bucket may have to fill again."""
    wait_for(lambda: user.ask(key, "/symbols/BTCUSDT").status_code == status, seconds=15)


def test_post_keys(ann: User) -> None:
    """A new key opens the API at once, on the plan that its answers tell."""
    made = ann.new_key("charts", plan="pro")
    assert made["value"].startswith("mfpro")
    answer = ann.ask(made["value"], "/symbols/BTCUSDT")
    assert answer.status_code == 200
    assert answer.headers["ratelimit-policy"] == '"rate";q=5;w=1;burst=10, "quota";q=100000;w=86400'


def test_post_keys_again_with_the_same_idempotency_key(ann: User) -> None:
    """One key is made, and each answer has its value; another body is refused."""
    headers = {"Idempotency-Key": f"e2e-{time.time_ns()}"}
    body = {"name": "once", "plan": "free"}
    first, again = (ann.expect(201, "POST", "/keys", json=body, headers=headers) for _ in range(2))
    assert first == again
    assert len(ann.expect(200, "GET", "/keys")) == 1
    other = problem(ann.manage("POST", "/keys", json={**body, "name": "twice"}, headers=headers), 422)
    assert other["code"] == "idempotency_mismatch"


def test_get_keys(ann: User, bob: User) -> None:
    """Everybody sees own keys, without their values."""
    made = ann.new_key("charts")
    bob.new_key("of bob")
    (listed,) = ann.expect(200, "GET", "/keys")
    assert listed == {name: value for name, value in made.items() if name != "value"}


def test_patch_key(ann: User) -> None:
    """A key gets another name."""
    made = ann.new_key("charts")
    assert ann.expect(200, "PATCH", f"/keys/{made['id']}", json={"name": "phone"})["name"] == "phone"
    assert [key["name"] for key in ann.expect(200, "GET", "/keys")] == ["phone"]


def test_delete_key(ann: User) -> None:
    """A revoked key opens nothing."""
    made = ann.new_key("charts")
    wait_for_status(ann, made["value"], 200)
    ann.expect(204, "DELETE", f"/keys/{made['id']}")
    wait_for_status(ann, made["value"], 403)
    assert ann.expect(200, "GET", "/keys") == []


def test_post_key_rotate(ann: User) -> None:
    """The successor opens the API, the old key does not."""
    made = ann.new_key("charts")
    rotated = ann.expect(201, "POST", f"/keys/{made['id']}/rotate")
    assert (rotated["name"], rotated["plan"]) == ("charts", "free")
    wait_for_status(ann, rotated["value"], 200)
    wait_for_status(ann, made["value"], 403)


def test_get_key_usage(ann: User) -> None:
    """What a key used today is counted, and refused requests of a burst are told the limits."""
    made = ann.new_key("charts")
    wait_for_status(ann, made["value"], 200)
    assert "got 429" in hit_the_limit(ann, made["value"])
    assert "used" in check_usage(ann, made["id"])
    assert len(ann.expect(200, "GET", f"/keys/{made['id']}/usage")) == 30


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/keys/{}", {"name": "mine"}),
        ("DELETE", "/keys/{}", None),
        ("POST", "/keys/{}/rotate", None),
        ("GET", "/keys/{}/usage", None),
    ],
)
def test_a_foreign_key_is_not_there(ann: User, bob: User, method: str, path: str, body: dict[str, str] | None) -> None:
    """The answer about somebody else's key is that about one that does not exist, and the key stays."""
    key_id = ann.new_key("charts")["id"]
    given = {} if body is None else {"json": body}
    foreign, missing = (problem(bob.manage(method, path.format(one), **given), 404) for one in (key_id, MISSING))
    assert {**foreign, "instance": "", "request_id": ""} == {**missing, "instance": "", "request_id": ""}
    assert [key["name"] for key in ann.expect(200, "GET", "/keys")] == ["charts"]


def changed(token: str, **claims: object) -> str:
    """The token with other claims under the old signature."""
    header, payload, signature = token.split(".")
    known = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    forged = base64.urlsafe_b64encode(json.dumps({**known, **claims}).encode()).rstrip(b"=").decode()
    return f"{header}.{forged}.{signature}"


BAD: dict[str, Callable[[Tokens], str | None]] = {
    "none": lambda tokens: None,
    "no token at all": lambda tokens: "hello",
    "tampered with": lambda tokens: changed(tokens.access, sub="somebody-else"),
    "of longer life": lambda tokens: changed(tokens.access, exp=4_000_000_000),
    "an ID token": lambda tokens: tokens.id,
    "with a scope of one's own": lambda tokens: changed(tokens.access, scope="marketflow/keys marketflow/admin"),
}


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_token_learns_nothing(stack: LocalStack, ann: User, tokens: Tokens, bad: str) -> None:
    """A token that is none, forged or of another kind gets the same 401 for a key that exists and one that does not."""
    key_id = ann.new_key("charts")["id"]
    stranger = User(stack.facts, BAD[bad](tokens))
    for method, path, body in (("GET", "/keys/{}/usage", None), ("DELETE", "/keys/{}", None), ("POST", "/keys", {})):
        answers = [problem(stranger.manage(method, path.format(one), json=body), 401) for one in (key_id, MISSING)]
        told = [{**answer, "instance": "", "request_id": ""} for answer in answers]
        assert told[0] == told[1]
        assert told[0]["code"] == "unauthorized"
    assert len(ann.expect(200, "GET", "/keys")) == 1


def test_an_expired_token_is_refused(stack: LocalStack, ann: User) -> None:
    """A token of a client whose tokens live for two seconds opens the keys, and then does not."""
    cognito, flow = stack.client("cognito-idp"), "USER_PASSWORD_AUTH"
    client = cognito.create_user_pool_client(
        UserPoolId=outputs(stack.facts.aws_endpoint_url, "identity")["UserPoolId"],
        ClientName="short",
        ExplicitAuthFlows=[f"ALLOW_{flow}"],
        AccessTokenValidity=2,
        TokenValidityUnits={"AccessToken": "seconds"},
    )["UserPoolClient"]["ClientId"]
    answer = cognito.initiate_auth(
        ClientId=client, AuthFlow=flow, AuthParameters={"USERNAME": "ann@example.com", "PASSWORD": PASSWORD}
    )
    user = User(stack.facts, answer["AuthenticationResult"]["AccessToken"])
    user.expect(200, "GET", "/keys")
    time.sleep(3)
    assert problem(user.manage("GET", "/keys"), 401)["code"] == "unauthorized"


def test_a_token_without_the_scope_is_refused(stack: LocalStack, ann: User) -> None:
    """A machine that asked for the admin scope alone has no keys: the gateway answers 401, as AWS does."""
    told, cognito = outputs(stack.facts.aws_endpoint_url, "identity"), stack.client("cognito-idp")
    pool, client_id = told["UserPoolId"], told["MachineClientId"]
    client = cognito.describe_user_pool_client(UserPoolId=pool, ClientId=client_id)["UserPoolClient"]
    answer = httpx.post(
        f"{stack.facts.aws_endpoint_url}/oauth2/token",
        data={"grant_type": "client_credentials", "scope": "marketflow/admin"},
        auth=(client_id, client["ClientSecret"]),
        trust_env=False,
    )
    machine = User(stack.facts, answer.json()["access_token"])
    assert problem(machine.manage("GET", "/keys"), 401)["code"] == "unauthorized"


def test_the_operators_key_opens_no_keys(api: ApiClient, stack: LocalStack) -> None:
    """An API key is no token, and the operator's tells its own limits."""
    answer = api.once("/keys")
    assert problem(answer, 401)["code"] == "unauthorized"
    assert '"rate";q=5' in api.get("/symbols/BTCUSDT").headers["ratelimit-policy"]
