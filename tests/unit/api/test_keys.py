"""The routes of users' own API keys, and what every answer to a key says of its plan."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflow.api.app import App
from marketflow.api.key_routes import KeyRoutes
from tests.documented import check
from tests.unit.api.market import Answer, Client, FakeLog, event
from tests.unit.services.keyring import FakeStore, keyring

pytestmark = pytest.mark.unit

SCOPE = "openid marketflow/keys"
TEMPLATES = (
    ("POST", "/v1/keys"),
    ("GET", "/v1/keys"),
    ("PATCH", "/v1/keys/{id}"),
    ("DELETE", "/v1/keys/{id}"),
    ("POST", "/v1/keys/{id}/rotate"),
    ("GET", "/v1/keys/{id}/usage"),
)


class Person:
    """Sends requests as the gateway passes them on for the user `subject`."""

    def __init__(self, subject: str, *, store: FakeStore, scope: str = SCOPE) -> None:
        self.log = FakeLog()
        self._app = App(KeyRoutes(keyring(store)).table(), log=self.log)
        self._claims = {"sub": subject, "scope": scope, "token_use": "access"}

    def send(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None, **query: str
    ) -> Answer:
        """One request, with a JSON body when there is one."""
        sent: dict[str, Any] = event(
            path,
            method=method,
            query={name: [value] for name, value in query.items()},
            headers={"Content-Type": "application/json", **(headers or {})},
        )
        sent["body"] = None if body is None else json.dumps(body)
        sent["requestContext"] |= {"identity": {}, "authorizer": {"claims": self._claims}}
        return Answer(self._app(sent))

    def new(self, **body: str) -> dict[str, Any]:
        """A new key."""
        answer = self.send("POST", "/v1/keys", {"name": "charts", "plan": "free", **body})
        assert answer.status == 201, answer.body
        made: dict[str, Any] = answer.json
        return made


@pytest.fixture
def store() -> FakeStore:
    """No keys yet."""
    return FakeStore()


@pytest.fixture
def ann(store: FakeStore) -> Person:
    """A signed-in user."""
    return Person("ann", store=store)


def test_the_life_of_a_key(ann: Person, store: FakeStore) -> None:
    """Made, listed without its value, renamed, rotated, revoked; every answer is as documented."""
    made = ann.send("POST", "/v1/keys", {"name": "charts", "plan": "pro"})
    check("/v1/keys", made, method="POST")
    assert made.headers["Cache-Control"] == "no-store"
    assert made.json == {
        "id": "key1",
        "name": "charts",
        "plan": "pro",
        "created_at": "2026-11-23T12:00:00Z",
        "last4": "0001",
        "value": "mfprosecret-0001",
    }
    listed = ann.send("GET", "/v1/keys")
    check("/v1/keys", listed)
    assert listed.json == [{name: value for name, value in made.json.items() if name != "value"}]
    renamed = ann.send("PATCH", "/v1/keys/key1", {"name": "phone"})
    check("/v1/keys/{id}", renamed, method="PATCH")
    assert renamed.json == {**listed.json[0], "name": "phone"}
    used = ann.send("GET", "/v1/keys/key1/usage", start="2026-11-22")
    check("/v1/keys/{id}/usage", used)
    assert used.json[1] == {"date": "2026-11-23", "used": 0, "limit": 200_000, "remaining": 200_000}
    rotated = ann.send("POST", "/v1/keys/key1/rotate")
    check("/v1/keys/{id}/rotate", rotated, method="POST")
    assert (rotated.status, rotated.json["name"], rotated.json["value"]) == (201, "phone", "mfprosecret-0002")
    revoked = ann.send("DELETE", "/v1/keys/key2")
    check("/v1/keys/{id}", revoked, method="DELETE")
    assert (revoked.status, revoked.body, store.kept) == (204, "", {})


@pytest.mark.parametrize(("method", "path"), TEMPLATES[2:])
def test_a_foreign_key_is_refused_like_one_that_does_not_exist(
    ann: Person, store: FakeStore, method: str, path: str
) -> None:
    """Byte for byte, but for the path that was asked for; and nothing happened to it."""
    ann.new()
    bob = Person("bob", store=store)
    body = {"name": "mine"} if method == "PATCH" else None
    foreign, missing = (bob.send(method, path.replace("{id}", one), body) for one in ("key1", "keyX"))
    check(path, foreign, method=method)
    assert (foreign.status, foreign.json["code"]) == (404, "key_not_found")
    assert foreign.body.replace("key1", "keyX") == missing.body
    assert foreign.headers == missing.headers
    assert store.kept["key1"].name == "charts"


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        ({"plan": "free"}, "name"),
        ({"name": "", "plan": "free"}, "name"),
        ({"name": " x", "plan": "free"}, "name"),
        ({"name": "x" * 65, "plan": "free"}, "name"),
        ({"name": "a\nb", "plan": "free"}, "name"),
        ({"name": "x", "plan": "operator"}, "plan"),
        ({"name": "x"}, "plan"),
        ({"name": "x", "plan": "free", "value": "mffreemine"}, "value"),
    ],
)
def test_a_body_that_cannot_be_used_is_refused_by_name(ann: Person, body: dict[str, str], parameter: str) -> None:
    """Nobody chooses a value or the operator's plan."""
    answer = ann.send("POST", "/v1/keys", body)
    check("/v1/keys", answer, method="POST")
    assert (answer.status, answer.json["code"], answer.json["parameter"]) == (400, "invalid_body", parameter)


@pytest.mark.parametrize("query", [{"start": "yesterday"}, {"start": "2026-11-23T00:00:00Z"}, {"end": "2026-02-30"}])
def test_a_day_that_is_none_is_refused(ann: Person, query: dict[str, str]) -> None:
    """Usage is counted by days, not by moments."""
    answer = ann.send("GET", f"/v1/keys/{ann.new()['id']}/usage", **query)  # type: ignore[arg-type]
    check("/v1/keys/{id}/usage", answer)
    assert (answer.status, answer.json["parameter"]) == (400, next(iter(query)))


def test_the_same_request_makes_one_key(ann: Person, store: FakeStore) -> None:
    """The same key and body get the same answer, another body is refused."""
    headers = {"Idempotency-Key": "7c9e6679"}
    first, again = (ann.send("POST", "/v1/keys", {"name": "a", "plan": "free"}, headers) for _ in range(2))
    assert (first.status, first.body) == (201, again.body)
    other = ann.send("POST", "/v1/keys", {"name": "b", "plan": "free"}, headers)
    check("/v1/keys", other, method="POST")
    assert (other.status, other.json["code"]) == (422, "idempotency_mismatch")
    assert len(store.kept) == 1


@pytest.mark.parametrize("key", ["", " ", "two words", "a" * 256, "tab\tbed", "şifre", "a\x7f"])
def test_an_idempotency_key_that_cannot_be_one_is_refused(ann: Person, store: FakeStore, key: str) -> None:
    """Before anything is done."""
    answer = ann.send("POST", "/v1/keys", {"name": "a", "plan": "free"}, {"Idempotency-Key": key})
    check("/v1/keys", answer, method="POST")
    assert (answer.status, answer.json["code"], store.kept) == (400, "invalid_header", {})


@given(key=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=255))
def test_any_printable_word_is_an_idempotency_key(key: str) -> None:
    """What the document describes is accepted."""
    person = Person("ann", store=FakeStore())
    assert person.send("POST", "/v1/keys", {"name": "a", "plan": "free"}, {"Idempotency-Key": key}).status == 201


def test_a_busy_control_plane_is_said_to_pass(ann: Person, store: FakeStore) -> None:
    """503 with the seconds to wait."""
    store.broken = {"of", "get"}
    for method, path in TEMPLATES:
        body = {"name": "a", "plan": "free"} if path == "/v1/keys" else {"name": "a"}
        answer = ann.send(
            method, path.replace("{id}", "key1"), body if method in ("POST", "PATCH") and "rot" not in path else None
        )
        check(path, answer, method=method)
        assert (answer.status, answer.json["code"], answer.headers["Retry-After"]) == (503, "service_unavailable", "5")


@pytest.mark.parametrize(("subject", "scope"), [("", SCOPE), ("ann", "openid email"), ("ann", "marketflow/admin")])
def test_a_gateway_that_lets_everybody_through_opens_nothing(store: FakeStore, subject: str, scope: str) -> None:
    """Without a caller with the scope no handler runs, and the log says whose fault it is."""
    person = Person(subject, store=store, scope=scope)
    assert person.send("GET", "/v1/keys").status == 500
    assert len(person.log.exceptions) == 1


def test_no_value_is_in_the_log(ann: Person) -> None:
    """Nor in how Python shows a key."""
    value = ann.new()["value"]
    assert value not in str([ann.log.lines, ann.log.exceptions])


@pytest.mark.parametrize(
    ("key", "policy"),
    [
        ("mffreeabc_def", '"rate";q=2;w=1;burst=5, "quota";q=1000;w=86400'),
        ("aB3operator", '"rate";q=50;w=1;burst=100, "quota";q=1000000;w=86400'),
        ("mfgoldabc", '"rate";q=50;w=1;burst=100, "quota";q=1000000;w=86400'),
        ("mfproplan-without-limits-here", None),
        (None, None),
    ],
)
@pytest.mark.parametrize("path", ["/v1/symbols", "/v1/symbols/NOPE", "/v1/nothing"])
def test_an_answer_to_a_key_tells_the_limits_of_its_plan(path: str, key: str | None, policy: str | None) -> None:
    """Good answers and problems alike, by the prefix of the key's value; the operator's key has none."""
    sent = event(path)
    sent["requestContext"]["identity"] = {"apiKey": key}
    assert Client().send(sent).headers.get("RateLimit-Policy") == policy
