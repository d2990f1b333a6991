"""Every canonical event of users' API keys is answered as its name says, and the deployed handler is wired."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

from marketflow.api.app import App
from marketflow.api.key_routes import KeyRoutes
from marketflow.domain.plans import Plan
from tests.cloud import Cloud, make_once_table
from tests.handlers import EVENTS, Context, Handler, event, load
from tests.unit.api.market import FakeLog
from tests.unit.services.keyring import FakeStore, keyring

pytestmark = pytest.mark.functional

TABLE = "marketflow-test-once"
STATUS = {
    "keys_create": 201,
    "keys_list": 200,
    "keys_rename": 200,
    "keys_revoke": 204,
    "keys_rotate": 201,
    "keys_usage": 200,
}


def test_no_event_is_left_out() -> None:
    """Each event of keys in the folder is expected here."""
    assert {path.stem for path in EVENTS.glob("keys_*.json")} == STATUS.keys()


@pytest.mark.parametrize(("name", "status"), STATUS.items())
def test_an_event_is_answered(name: str, status: int) -> None:
    """The answer is one that API Gateway takes: a status, text headers, a text body."""
    store = FakeStore(ids=lambda: "k1e2y3i4d5" if not store.kept else "another")
    subject = event("keys_list")["requestContext"]["authorizer"]["claims"]["sub"]
    store.create(owner=subject, name="my dashboard", plan=Plan.FREE, value="mffreeabcd")
    got = App(KeyRoutes(keyring(store)).table(), log=FakeLog())(event(name))
    assert got["statusCode"] == status, got["body"]
    assert got.keys() == {"statusCode", "headers", "body", "isBase64Encoded"}
    assert all(isinstance(value, str) for value in got["headers"].values())


@pytest.fixture
def handler(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Handler:
    """The deployed function with two plans and an empty table."""
    gateway = boto3.client("apigateway")
    plans = {plan.value: gateway.create_usage_plan(name=plan)["id"] for plan in Plan}
    make_once_table(TABLE)
    limits = {"rate": 2, "burst": 5, "quota_per_day": 1000}
    settings = {
        "USAGE_PLAN_IDS": json.dumps(plans),
        "PLANS": json.dumps(dict.fromkeys(("operator", "free", "pro"), limits)),
        "IDEMPOTENCY_TABLE": TABLE,
        "FUNCTION_TIMEOUT": "29",
        "CORS_ORIGINS": "*",
    }
    return load("keys", monkeypatch, settings)


def at(name: str, key_id: str) -> dict[str, Any]:
    """A canonical event about another key."""
    loaded: dict[str, Any] = json.loads(json.dumps(event(name)).replace("k1e2y3i4d5", key_id))
    return loaded


def test_the_handler_makes_rotates_and_revokes(handler: Handler) -> None:
    """Through API Gateway and DynamoDB; the event with an Idempotency-Key makes one key, however often it comes."""
    first, again = (handler(event("keys_create"), Context()) for _ in range(2))
    assert (first["statusCode"], first["body"]) == (201, again["body"])
    made = json.loads(first["body"])
    assert made["value"].startswith("mffree")
    listed = json.loads(handler(event("keys_list"), Context())["body"])
    assert listed == [{name: value for name, value in made.items() if name != "value"}]
    renamed = json.loads(handler(at("keys_rename", made["id"]), Context())["body"])
    assert renamed["name"] == "my phone"
    rotated = json.loads(handler(at("keys_rotate", made["id"]), Context())["body"])
    assert (rotated["name"], rotated["value"] == made["value"]) == ("my phone", False)
    assert handler(at("keys_revoke", made["id"]), Context())["statusCode"] == 404
    assert handler(at("keys_revoke", rotated["id"]), Context())["statusCode"] == 204
    assert json.loads(handler(event("keys_list"), Context())["body"]) == []


def test_the_value_of_a_key_is_kept_in_api_gateway_alone(handler: Handler) -> None:
    """What is remembered for an Idempotency-Key does not hold it."""
    value = json.loads(handler(event("keys_create"), Context())["body"])["value"]
    items = boto3.client("dynamodb").scan(TableName=TABLE)["Items"]
    assert len(items) == 1
    assert value not in str(items)
