"""Within v1 there are only additions: each way to break a client is refused, by name and place."""

from __future__ import annotations

import json
import shutil
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.checks import contract
from local.checks.contract_rules import breaking
from local.openapi import DOCUMENT, ROOT

pytestmark = pytest.mark.unit

REMOVED = object()

THING: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "integer", "minimum": 0},
        "kind": {"type": "string", "enum": ["a", "b"]},
        "note": {"type": ["string", "null"], "maxLength": 40, "default": None},
        "made_at": {"$ref": "#/components/schemas/Time"},
        "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}, "maxItems": 9},
        "tags": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    "required": ["id", "kind"],
}
ORDER: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 40, "pattern": "^[a-z]+$"},
        "side": {"type": "string", "enum": ["buy", "sell"], "default": "buy"},
        "size": {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string"}]},
    },
    "required": ["name"],
}
OLD: dict[str, Any] = {
    "openapi": "3.1.1",
    "info": {"title": "Things", "version": "1"},
    "servers": [{"url": "/api"}],
    "paths": {
        "/v1/things": {
            "parameters": [{"$ref": "#/components/parameters/Trace"}],
            "get": {
                "operationId": "listThings",
                "security": [{"Key": []}, {"Token": ["read", "write"]}],
                "parameters": [
                    {
                        "name": "limit",
                        "in": "query",
                        "required": False,
                        "schema": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100},
                    },
                    {
                        "name": "kinds",
                        "in": "query",
                        "required": True,
                        "style": "form",
                        "explode": False,
                        "schema": {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}, "maxItems": 2},
                    },
                ],
                "responses": {
                    "200": {
                        "headers": {"Link": {"schema": {"type": "string"}}, "ETag": {"required": True, "schema": {}}},
                        "content": {
                            "application/json": {
                                "schema": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}}
                            },
                            "text/csv": {"schema": {"type": "string"}},
                        },
                    },
                    "404": {"$ref": "#/components/responses/Problem"},
                },
            },
            "post": {
                "security": [],
                "requestBody": {"required": False, "content": {"application/json": {"schema": ORDER}}},
                "responses": {"204": {"description": "Done."}},
            },
        }
    },
    "components": {
        "schemas": {
            "Thing": THING,
            "Time": {"type": "string", "format": "date-time"},
            "Problem": {"type": "object", "properties": {"code": {"const": "gone"}}, "required": ["code"]},
        },
        "parameters": {"Trace": {"name": "X-Trace", "in": "header", "schema": {"type": "string"}}},
        "responses": {
            "Problem": {
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
            }
        },
        "securitySchemes": {
            "Key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            "Token": {"type": "http", "scheme": "bearer"},
        },
    },
}

GET = "paths /v1/things get"
POST = "paths /v1/things post"
LIMIT = f"{GET} parameters 0"
KINDS = f"{GET} parameters 1"
BODY = f"{POST} requestBody content application/json schema"
ITEM = "components schemas Thing"
ANSWER = "GET /v1/things 200 application/json[]"


def changed(*changes: tuple[str, object]) -> dict[str, Any]:
    """OLD with other values at these places; REMOVED takes away what is there."""
    document = deepcopy(OLD)
    for where, value in changes:
        *parents, last = where.split(" ")
        place: Any = document
        for part in parents:
            place = place[int(part) if isinstance(place, list) else part]
        key = int(last) if isinstance(place, list) else last
        if value is REMOVED:
            del place[key]
        elif isinstance(place, list) and key == len(place):
            place.append(value)
        else:
            place[key] = value
    return document


BREAKING: list[tuple[str, object, str]] = [
    ("servers 0 url", "/other", "server /api: was removed"),
    ("paths /v1/things", REMOVED, "GET /v1/things: was removed"),
    (POST, REMOVED, "POST /v1/things: was removed"),
    (f"{GET} operationId", "allThings", "GET /v1/things: operationId listThings became allThings"),
    # who may call
    (f"{GET} security 0", {"Key": [], "Token": []}, "GET /v1/things: security apikey header x-api-key is no longer"),
    (f"{GET} security 1", {"Token": ["admin"]}, "GET /v1/things: security http bearer read write is no longer enough"),
    (f"{POST} security", [{"Key": []}], "POST /v1/things: security none is no longer enough"),
    ("components securitySchemes Key name", "x-key", "security apikey header x-api-key is no longer enough"),
    # parameters
    (LIMIT, REMOVED, "GET /v1/things query limit: was removed"),
    ("paths /v1/things parameters", [], "GET /v1/things header x-trace: was removed"),
    (f"{LIMIT} required", True, "GET /v1/things query limit: is required now"),
    (f"{GET} parameters 2", {"name": "q", "in": "query", "required": True}, "query q: is required now"),
    (f"{LIMIT} in", "header", "GET /v1/things query limit: was removed"),
    (f"{KINDS} explode", True, "GET /v1/things query kinds: explode False became True"),
    (f"{LIMIT} schema maximum", 500, "GET /v1/things query limit: maximum 1000 became 500"),
    (f"{LIMIT} schema minimum", 2, "GET /v1/things query limit: minimum 1 became 2"),
    (f"{LIMIT} schema multipleOf", 10, "GET /v1/things query limit: multipleOf without became 10"),
    (f"{LIMIT} schema type", "string", "GET /v1/things query limit: type integer became string"),
    (f"{LIMIT} schema default", 50, "GET /v1/things query limit: the default 100 became 50"),
    (f"{LIMIT} schema default", REMOVED, "GET /v1/things query limit: the default 100 became null"),
    (f"{LIMIT} schema not", {"const": 7}, "GET /v1/things query limit: not changed, which cannot be judged"),
    (f"{KINDS} schema maxItems", 1, "GET /v1/things query kinds: maxItems 2 became 1"),
    (f"{KINDS} schema items enum", ["a"], 'GET /v1/things query kinds[]: the value "b" is no longer accepted'),
    ("components parameters Trace schema enum", ["x"], 'GET /v1/things header x-trace: only "x"'),
    ("components parameters Trace schema", False, "header x-trace: a value of type string is no longer accepted"),
    ("components parameters Trace schema minLength", 3, "header x-trace: minLength without became 3"),
    # bodies of requests
    (f"{POST} requestBody", REMOVED, "POST /v1/things body: was removed"),
    (f"{POST} requestBody required", True, "POST /v1/things body: is required now"),
    (f"{GET} requestBody", {"required": True, "content": {}}, "GET /v1/things body: is required now"),
    (f"{POST} requestBody content", {"text/csv": {}}, "POST /v1/things body application/json: was removed"),
    (f"{BODY} properties side", REMOVED, "POST /v1/things body application/json.side: was removed"),
    (f"{BODY} required", ["name", "side"], "POST /v1/things body application/json.side: is required now"),
    (f"{BODY} properties name maxLength", 20, "application/json.name: maxLength 40 became 20"),
    (f"{BODY} properties name minLength", 2, "application/json.name: minLength 1 became 2"),
    (f"{BODY} properties name pattern", "^[a-f]+$", "application/json.name: pattern ^[a-z]+$ became ^[a-f]+$"),
    (f"{BODY} properties name format", "uuid", "application/json.name: format without became uuid"),
    (f"{BODY} properties side enum", ["buy"], 'application/json.side: the value "sell" is no longer accepted'),
    (f"{BODY} properties size anyOf 1", REMOVED, "application/json.size: type string became number"),
    (f"{BODY} properties size anyOf 1 maxLength", 3, "application/json.size: maxLength without became 3"),
    (f"{BODY} properties size anyOf 0 exclusiveMinimum", 5, "application/json.size: exclusiveMinimum 0 became 5"),
    # answers
    (f"{GET} responses 404", REMOVED, "GET /v1/things 404: was removed"),
    (f"{GET} responses 200 content text/csv", REMOVED, "GET /v1/things 200 text/csv: was removed"),
    (f"{GET} responses 200 headers Link", REMOVED, "GET /v1/things 200 header Link: was removed"),
    (f"{GET} responses 200 headers ETag required", False, "header ETag: is no longer always there"),
    (f"{GET} responses 200 headers Link schema type", "integer", "header Link: type string became integer"),
    (f"{ITEM} properties note", REMOVED, f"{ANSWER}.note: was removed"),
    (f"{ITEM} required", ["id"], f"{ANSWER}.kind: is no longer always there"),
    (f"{ITEM} properties id type", "string", f"{ANSWER}.id: type integer became string"),
    (f"{ITEM} properties id type", "number", f"{ANSWER}.id: type integer became number"),
    (f"{ITEM} properties id type", ["integer", "null"], f"{ANSWER}.id: type integer became null"),
    (f"{ITEM} properties id minimum", REMOVED, f"{ANSWER}.id: minimum 0 became without"),
    (f"{ITEM} properties note maxLength", 80, f"{ANSWER}.note: maxLength 40 became 80"),
    (f"{ITEM} properties kind enum", REMOVED, f'{ANSWER}.kind: no longer only "a", "b"'),
    (f"{ITEM} properties parts maxItems", 10, f"{ANSWER}.parts: maxItems 9 became 10"),
    (f"{ITEM} properties parts items", REMOVED, f"{ANSWER}.parts[]: type object became any"),
    (f"{ITEM} properties tags additionalProperties", {"type": "integer"}, f"{ANSWER}.tags.*: type string became int"),
    (f"{ITEM} properties tags additionalProperties", False, f"{ANSWER}.tags.*: was removed"),
    (ITEM, {"anyOf": [THING, {"type": "string"}]}, f"{ANSWER}: type object became string"),
    (ITEM, {"allOf": [{**THING, "required": ["id"]}]}, f"{ANSWER}.kind: is no longer always there"),
    ("components schemas Time format", REMOVED, f"{ANSWER}.made_at: format date-time became without"),
    ("components schemas Problem properties code", {}, '.code: no longer only "gone"'),
]


@pytest.mark.parametrize(("where", "value", "said"), BREAKING, ids=[f"{said} ({where})" for where, _, said in BREAKING])
def test_a_change_that_breaks_a_client_is_refused(where: str, value: object, said: str) -> None:
    """The line names the operation, the place in it and what became of it; no line is said twice."""
    found = breaking(OLD, changed((where, value)))
    assert [line for line in found if said in line], found
    assert len(found) == len(set(found))


ADDITIONS: dict[str, list[tuple[str, object]]] = {
    "a path": [("paths /v1/other", {"get": {"responses": {"200": {"description": "New."}}}})],
    "a method": [("paths /v1/things delete", {"security": [{"Key": []}], "responses": {}})],
    "a server": [("servers 1", {"url": "/eu"})],
    "an optional parameter": [(f"{GET} parameters 2", {"name": "q", "in": "query", "schema": {"type": "string"}})],
    "a parameter that is no longer required": [(f"{KINDS} required", False)],
    "wider bounds": [(f"{LIMIT} schema maximum", 5000), (f"{LIMIT} schema minimum", REMOVED)],
    "a value to choose": [(f"{KINDS} schema items enum", ["a", "b", "c"])],
    "any value to choose": [(f"{KINDS} schema items", {"type": "string"})],
    "a number where an integer was": [(f"{LIMIT} schema type", "number")],
    "another type to send": [(f"{LIMIT} schema type", ["integer", "string"])],
    "another alternative to send": [(f"{BODY} properties size anyOf 2", {"type": "boolean"})],
    "an optional member to send": [(f"{BODY} properties memo", {"type": "string"})],
    "a member that need not be sent": [(f"{BODY} required", [])],
    "a body that takes further members": [(f"{BODY} additionalProperties", True)],
    "a shorter name": [(f"{BODY} properties name minLength", REMOVED), (f"{BODY} properties name pattern", REMOVED)],
    "a media type to send": [(f"{POST} requestBody content text/csv", {"schema": {"type": "string"}})],
    "an optional body": [(f"{GET} requestBody", {"content": {"application/json": {}}})],
    "another way in": [(f"{GET} security 2", {"Token": ["admin"]})],
    "fewer scopes": [(f"{GET} security 1", {"Token": ["read"]})],
    "no way needed": [(f"{GET} security", [])],
    "a scheme by another name": [
        ("components securitySchemes ApiKey", OLD["components"]["securitySchemes"]["Key"]),
        (f"{GET} security 0", {"ApiKey": []}),
    ],
    "a status": [(f"{GET} responses 409", {"description": "New."})],
    "a header": [(f"{GET} responses 200 headers Sunset", {"schema": {"type": "string"}})],
    "a media type": [(f"{GET} responses 200 content application/xml", {"schema": {"type": "string"}})],
    "a body where none was": [(f"{POST} responses 204 content", {"application/json": {"schema": {}}})],
    "a member": [(f"{ITEM} properties more", {"type": "string"})],
    "a value that may be answered": [(f"{ITEM} properties kind enum", ["a", "b", "c"])],
    "a member that is always there now": [(f"{ITEM} required", ["id", "kind", "note"])],
    "an answer that is never null now": [(f"{ITEM} properties note type", "string")],
    "fewer values to be read": [(f"{ITEM} properties kind enum", ["a"])],
    "another default of what is answered": [(f"{ITEM} properties note default", "none")],
    "a bound that excludes nothing": [("components parameters Trace schema minLength", 0)],
    "a stricter promise": [(f"{ITEM} properties id minimum", 1), (f"{ITEM} properties id maximum", 9)],
    "the same in other words": [(f"{ITEM} properties note", {"anyOf": [{"type": "string", "maxLength": 40}]})],
    "the same as parts of a whole": [(ITEM, {"allOf": [{"type": "object"}, THING]})],
    "a deprecation": [(f"{GET} deprecated", True)],
    "words for people": [("info title", "Other"), (f"{GET} summary", "Other."), (f"{LIMIT} description", "Other.")],
}


@pytest.mark.parametrize("changes", ADDITIONS.values(), ids=ADDITIONS.keys())
def test_an_addition_passes(changes: list[tuple[str, object]]) -> None:
    """Who knows the old document gets along with the new one."""
    assert breaking(OLD, changed(*changes)) == []


def test_a_change_is_told_once() -> None:
    """A member that is gone is not also one that is no longer always there."""
    assert breaking(OLD, changed((f"{ITEM} properties kind", REMOVED))) == [
        f"{ANSWER}.kind: was removed",
        f"{ANSWER}.parts[].kind: was removed",
    ]


def test_the_security_of_the_document_is_that_of_its_operations() -> None:
    """Where an operation names none, the document's counts."""
    old = changed((f"{GET} security", REMOVED), ("security", [{"Key": []}]))
    assert breaking(old, changed((f"{GET} security", [{"Key": []}]))) == []
    new = changed((f"{GET} security", REMOVED), ("security", [{"Token": []}]))
    assert breaking(old, new) == ["GET /v1/things: security apikey header x-api-key is no longer enough"]


SIMPLE = st.one_of(
    st.booleans(),
    st.just({"$ref": "#/components/schemas/Any"}),
    st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["string", "integer", "number", "null", ["string", "null"]]),
            "enum": st.lists(st.one_of(st.integers(0, 3), st.text(max_size=2)), min_size=1, max_size=3),
            "const": st.integers(0, 3),
            "minimum": st.integers(0, 9),
            "maxLength": st.integers(0, 9),
            "pattern": st.sampled_from(["^a$", "b"]),
            "default": st.integers(0, 3),
        },
    ),
)


def _larger(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    names = st.sampled_from("abc")
    members = st.fixed_dictionaries(
        {"type": st.just("object"), "properties": st.dictionaries(names, inner, max_size=3)},
        optional={"required": st.lists(names, unique=True), "additionalProperties": inner},
    )
    items = st.fixed_dictionaries({"type": st.just("array"), "items": inner}, optional={"minItems": st.integers(0, 3)})
    some = st.lists(inner, min_size=1, max_size=2)
    return st.one_of(members, items, *(st.fixed_dictionaries({name: some}) for name in ("anyOf", "oneOf", "allOf")))


SCHEMAS = st.recursive(SIMPLE, _larger, max_leaves=5)


def with_schemas(shared: Any, sent: Any, answered: Any) -> dict[str, Any]:  # noqa: ANN401 - any schemas
    """OLD with these schemas in its components, its request and its answer."""
    document = changed((BODY, sent), (f"{GET} responses 200 content application/json schema", answered))
    # Only itself through a member: a schema that is nothing but itself means nothing.
    document["components"]["schemas"]["Any"] = {"type": "object", "properties": {"again": shared}}
    return document


@given(shared=SCHEMAS, sent=SCHEMAS, answered=SCHEMAS)
def test_a_document_never_breaks_itself(shared: Any, sent: Any, answered: Any) -> None:  # noqa: ANN401 - any schemas
    """However it is written, and however deep a schema contains itself."""
    document = with_schemas(shared, sent, answered)
    assert breaking(document, deepcopy(document)) == []


@given(shared=SCHEMAS, answered=SCHEMAS, name=st.sampled_from(["new", "z"]), added=SCHEMAS)
def test_a_member_that_is_added_to_an_answer_breaks_nothing(shared: Any, answered: Any, name: str, added: Any) -> None:  # noqa: ANN401 - any schemas
    """Within v1 members are added, whatever they hold; taking them away again breaks."""
    old = with_schemas(shared, {}, {"type": "object", "properties": {"a": answered}})
    new = with_schemas(shared, {}, {"type": "object", "properties": {"a": answered, name: added}})
    assert breaking(old, new) == []
    assert [line for line in breaking(new, old) if line.endswith(f".{name}: was removed")]


def test_the_committed_document_keeps_what_was_released(capsys: pytest.CaptureFixture[str]) -> None:
    """`make contract`, as `make lint` runs it."""
    assert contract.main([]) == 0, capsys.readouterr().out
    assert "keeps all that" in capsys.readouterr().out


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the two documents, in which the current one has gained a path."""
    for path in (DOCUMENT, contract.RELEASED):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / contract.RELEASED, tmp_path / path)
    document = json.loads((tmp_path / DOCUMENT).read_text())
    document["paths"]["/v1/new"] = {"get": {"responses": {}}}
    (tmp_path / DOCUMENT).write_text(json.dumps(document))
    return tmp_path


def test_a_release_keeps_the_document(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is released is promised from then on: taking it away is refused."""
    assert contract.main(["--release"], root=project) == 0
    assert (project / contract.RELEASED).read_text() == (project / DOCUMENT).read_text()
    shutil.copy(ROOT / contract.RELEASED, project / DOCUMENT)
    capsys.readouterr()
    assert contract.main([], root=project) == 1
    said = capsys.readouterr().out
    assert "GET /v1/new: was removed" in said
    assert "Route(deprecated=" in said


def test_what_breaks_is_not_released(project: Path) -> None:
    """A release cannot be used to get around the check."""
    document = json.loads((project / DOCUMENT).read_text())
    del document["paths"]["/v1/symbols"]
    (project / DOCUMENT).write_text(json.dumps(document))
    assert contract.main(["--release"], root=project) == 1
    assert "/v1/symbols" in json.loads((project / contract.RELEASED).read_text())["paths"]
