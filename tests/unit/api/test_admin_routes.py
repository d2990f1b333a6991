"""The operator's routes: statuses, headers, preconditions, and that a request that is repeated is answered alike."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflow.api.admin_routes import AdminRoutes
from marketflow.api.app import App
from marketflow.api.messages import entity_tag
from marketflow.domain.symbol import AssetType, Symbol
from marketflow.errors import DatabaseUnavailableError
from tests.documented import check
from tests.unit.api.market import Answer, FakeLog, event
from tests.unit.services.register import FakeCatalog, FakeOnce, FakeRegistry, administration

pytestmark = pytest.mark.unit

LTC = {"symbol": "LTCUSDT", "source": "binance", "base_currency": "LTC", "quote_currency": "USDT"}
BTC = Symbol(
    symbol="BTCUSDT",
    source="binance",
    source_symbol="BTCUSDT",
    asset_type=AssetType.CRYPTO,
    base_currency="BTC",
    quote_currency="USDT",
    price_unit="USDT",
)
TEMPLATES = {"POST": "/v1/symbols", "PATCH": "/v1/symbols/{symbol}", "DELETE": "/v1/symbols/{symbol}"}


@dataclass
class AdminClient:
    """Calls the admin app as API Gateway would, with the claims of a signed-in operator."""

    registry: FakeRegistry = field(default_factory=lambda: FakeRegistry(rows={1: BTC}))
    catalog: FakeCatalog = field(default_factory=FakeCatalog)
    once: FakeOnce = field(default_factory=FakeOnce)
    log: FakeLog = field(default_factory=FakeLog)

    def send(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None, who: str = "ann"
    ) -> Answer:
        """The answer to one request."""
        routes = AdminRoutes(administration=administration(self.registry, self.catalog), once=self.once)
        kind = {} if body is None else {"content-type": "application/json"}
        sent = event(path, method=method, headers={**kind, **(headers or {})})
        sent["body"] = None if body is None else json.dumps(body)
        sent["requestContext"]["authorizer"] = {"claims": {"sub": who, "scope": "marketflow/admin"}}
        return Answer(App(routes.table(), log=self.log)(sent))

    def tag(self, name: str) -> str:
        """The entity tag that GET gives."""
        found = self.registry.find(name)
        assert found is not None
        return entity_tag(found.body)


def test_a_new_symbol_is_answered_with_its_place_and_its_tag() -> None:
    """201, where it is, and the bytes that GET will show."""
    client = AdminClient()
    answer = client.send("POST", "/v1/symbols", {**LTC, "symbol": "LTC:USDT"})
    assert answer.status == 201
    assert answer.headers["Location"] == "https://api.example.com/api/v1/symbols/LTC%3AUSDT"
    assert answer.headers["ETag"] == client.tag("LTC:USDT")
    assert answer.json["symbol"] == "LTC:USDT"


def test_a_repeated_request_is_answered_alike() -> None:
    """The same key gives the same status, body, place and tag; the symbol is added once."""
    client = AdminClient()
    key = {"Idempotency-Key": "6f1d2c3b"}
    first, second = (client.send("POST", "/v1/symbols", LTC, key) for _ in range(2))
    assert first.raw == second.raw
    assert len(client.registry.rows) == 2
    assert client.send("POST", "/v1/symbols", LTC).status == 409


def test_a_key_belongs_to_whoever_sent_it() -> None:
    """Another operator's key of the same text is another key; the payload does not depend on how it was written."""
    client = AdminClient()
    key = {"Idempotency-Key": "1"}
    client.send("POST", "/v1/symbols", LTC, key, who="ann")
    client.send("POST", "/v1/symbols", {**dict(reversed(LTC.items())), "active": True}, key, who="bob")
    (ann, bob) = client.once.asked
    assert (ann[1], bob[1]) == ("ann", "bob")
    assert ann[3] == bob[3]


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "é", "a\tb", "a b"])
def test_a_key_that_is_none_is_refused(key: str) -> None:
    """Carrying the request out as if there were no key would break its promise."""
    answer = AdminClient().send("POST", "/v1/symbols", LTC, {"Idempotency-Key": key})
    assert (answer.status, answer.json["code"]) == (400, "invalid_header")


def test_a_change_needs_to_know_what_it_changes() -> None:
    """Without If-Match 428, with what was true before 412, with the tag that GET gives 200 and the next tag."""
    client = AdminClient()
    path = "/v1/symbols/BTCUSDT"
    tag = client.tag("BTCUSDT")
    assert client.send("PATCH", path, {"name": "a"}).json["code"] == "precondition_required"
    changed = client.send("PATCH", path, {"name": "a"}, {"If-Match": tag})
    assert (changed.status, changed.json["name"]) == (200, "a")
    assert changed.headers["ETag"] == client.tag("BTCUSDT") != tag
    stale = client.send("PATCH", path, {"name": "b"}, {"If-Match": tag})
    assert (stale.status, stale.json["code"]) == (412, "precondition_failed")
    assert client.registry.rows[1].name == "a"


@pytest.mark.parametrize(
    ("condition", "status"),
    [("*", 200), ('"other", {tag}', 200), ("W/{tag}", 412), ('"other"', 412), ("nonsense", 412)],
)
def test_if_match_compares_strongly(condition: str, status: int) -> None:
    """RFC 9110, section 13.1.1: any of a list, a star for all, and a weak tag matches nothing."""
    client = AdminClient()
    headers = {"If-Match": condition.format(tag=client.tag("BTCUSDT"))}
    assert client.send("PATCH", "/v1/symbols/1", {"active": False}, headers).status == status


def test_a_merge_patch_has_a_type_of_its_own() -> None:
    """RFC 7396's and plain JSON; a POST is no patch."""
    client = AdminClient()
    kind = {"content-type": "application/merge-patch+json", "If-Match": "*"}
    assert client.send("PATCH", "/v1/symbols/BTCUSDT", {"name": "a"}, kind).status == 200
    assert client.send("POST", "/v1/symbols", LTC, kind).status == 415


def test_a_deactivation_says_nothing_and_may_be_repeated() -> None:
    """204 each time; with If-Match only if the symbol is still the one."""
    client = AdminClient()
    tag = client.tag("BTCUSDT")
    for _ in range(2):
        answer = client.send("DELETE", "/v1/symbols/BTCUSDT")
        assert (answer.status, answer.body) == (204, "")
    assert client.send("DELETE", "/v1/symbols/BTCUSDT", headers={"If-Match": tag}).status == 412
    assert client.catalog.published == {"binance": []}


def test_a_catalog_that_is_not_written_is_a_reason_to_try_again() -> None:
    """503 with the time to wait; the log has the cause, and the answer does not name our storage."""
    client = AdminClient(catalog=FakeCatalog(broken=True))
    answer = client.send("POST", "/v1/symbols", LTC)
    assert (answer.status, answer.json["code"]) == (503, "catalog_unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert "S3" not in answer.body
    assert [text for text, _ in client.log.exceptions] == ["catalog unavailable"]


def test_a_database_that_is_away_is_a_reason_to_try_again() -> None:
    """503, as the read API says it."""
    client = AdminClient(registry=FakeRegistry(failure=DatabaseUnavailableError("gone")))
    answer = client.send("DELETE", "/v1/symbols/BTCUSDT")
    assert (answer.status, answer.json["code"]) == (503, "database_unavailable")


def test_the_log_says_who_changed_what() -> None:
    """The subject of the token, and never the token."""
    client = AdminClient()
    client.send("DELETE", "/v1/symbols/BTCUSDT", headers={"Authorization": "Bearer secret.token"})
    ((_, line),) = client.log.lines
    assert (line["caller"], line["method"], line["path"]) == ("ann", "DELETE", "/v1/symbols/BTCUSDT")
    assert "secret.token" not in str(client.log)


@pytest.mark.parametrize(
    ("method", "path", "body", "headers"),
    [
        ("POST", "/v1/symbols", LTC, {}),
        ("POST", "/v1/symbols", {**LTC, "symbol": "BTCUSDT"}, {}),
        ("POST", "/v1/symbols", {}, {}),
        ("POST", "/v1/symbols", LTC, {"Idempotency-Key": ""}),
        ("POST", "/v1/symbols", LTC, {"content-type": "text/plain"}),
        ("PATCH", "/v1/symbols/BTCUSDT", {"name": "a"}, {"If-Match": "*"}),
        ("PATCH", "/v1/symbols/BTCUSDT", {"name": "a"}, {"If-Match": '"x"'}),
        ("PATCH", "/v1/symbols/BTCUSDT", {"name": "a"}, {}),
        ("PATCH", "/v1/symbols/BTCUSDT", {"source": "yahoo"}, {"If-Match": "*"}),
        ("PATCH", "/v1/symbols/NOPE", {"name": "a"}, {"If-Match": "*"}),
        ("DELETE", "/v1/symbols/BTCUSDT", None, {}),
        ("DELETE", "/v1/symbols/NOPE", None, {}),
        ("DELETE", "/v1/symbols/BTCUSDT", {}, {}),
    ],
)
def test_every_answer_is_documented(method: str, path: str, body: object, headers: dict[str, str]) -> None:
    """Status, headers, members and problem code are those of docs/openapi.json."""
    answer = AdminClient().send(method, path, body, headers)
    if answer.status < 400 and answer.status != 204:
        # The fake leaves out what only the database knows.
        times = {"created_at": "2026-11-23T12:00:00Z", "updated_at": "2026-11-23T12:00:00Z"}
        answer = Answer({**answer.raw, "body": json.dumps({**answer.json, **times})})
    check(TEMPLATES[method], answer, method=method.lower())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = st.sampled_from([*BTC.model_dump(), "id", "nonsense"])


@given(st.dictionaries(MEMBERS, JSON, max_size=6), st.booleans())
def test_no_body_breaks_anything(body: dict[str, Any], known: bool) -> None:
    """Whatever members hold, the answer is a success or a problem that names one of them, and never a 5xx."""
    client = AdminClient()
    full = {**LTC, **body} if known else body
    for method, path in (("POST", "/v1/symbols"), ("PATCH", "/v1/symbols/BTCUSDT")):
        answer = client.send(method, path, full, {"If-Match": "*"})
        assert answer.status in (200, 201, 400, 409), answer.body
        assert answer.status != 400 or answer.json["parameter"]
