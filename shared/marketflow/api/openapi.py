"""The OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.1), generated from the route table.

No handler imports this: what it generates ships as data, so that no cold start pays for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from marketflow.api.answers import ANSWERS, DEPRECATION, Answer
from marketflow.api.bodies import MERGE_PATCH
from marketflow.api.components import ABOUT, HEADERS, REQUEST_HEADERS, RETRY, SECURITY, STATUS_WORDS
from marketflow.api.problems import Problem
from marketflow.api.refusals import DETAILS, GATEWAY
from marketflow.api.routing import SCOPES, Access, Route
from marketflow.api.schemas import SCHEMAS, ref


def document(routes: Iterable[Route], *, version: str) -> dict[str, Any]:
    """The document of those `routes` that are `documented`. Raises ValueError for one that `answers.ANSWERS` lacks."""
    table = tuple(route for route in routes if route.documented)
    paths: dict[str, dict[str, Any]] = {}
    for route in table:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "MarketFlow",
            "version": version,
            "description": ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/api", "description": "This deployment."}],
        "tags": [{"name": tag} for tag in dict.fromkeys(_answer(route).tag for route in table)],
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "headers": HEADERS,
            "parameters": REQUEST_HEADERS,
            "examples": _examples(table),
            "securitySchemes": SECURITY,
        },
    }


def codes(route: Route) -> dict[int, list[str]]:
    """Every problem code that the route may answer, the gateway's included, by status."""
    found: dict[int, list[str]] = {}
    for status, code in _codes(route):
        known = found.setdefault(status, [])
        if code not in known:
            known.append(code)
    return dict(sorted(found.items()))


def _codes(route: Route) -> Iterator[tuple[int, str]]:
    for problem in _own(route):
        yield problem.status, problem.value
    for gateway in GATEWAY:
        if route.access in gateway.to:
            yield gateway.status, gateway.code


def _own(route: Route) -> Iterator[Problem]:
    query = [entry for entry in _parameters(route) if entry["in"] == "query"]
    yield Problem.UNKNOWN_PARAMETER
    yield Problem.REPEATED_PARAMETER
    if any(entry["required"] for entry in query):
        yield Problem.MISSING_PARAMETER
    if query:
        yield Problem.INVALID_PARAMETER
    if "{" in route.path:
        # An empty segment names nothing.
        yield Problem.PATH_NOT_FOUND
    yield Problem.INVALID_BODY
    yield Problem.URI_TOO_LONG
    if "IdempotencyKey" in _answer(route).asks:
        yield Problem.INVALID_HEADER
        yield Problem.IDEMPOTENCY_IN_PROGRESS
        yield Problem.IDEMPOTENCY_MISMATCH
        yield Problem.SERVICE_UNAVAILABLE
    if route.body is not None:
        yield Problem.REQUEST_TOO_LARGE
        yield Problem.UNSUPPORTED_MEDIA_TYPE
    yield from route.problems
    yield Problem.INTERNAL_ERROR
    if _answer(route).database:
        yield Problem.DATABASE_UNAVAILABLE


def _answer(route: Route) -> Answer:
    try:
        return ANSWERS[route.method, route.path]
    except KeyError:
        raise ValueError(f"{route.method} {route.path} has no entry in marketflow.api.answers.ANSWERS") from None


def _operation(route: Route) -> dict[str, Any]:
    answer, reads = _answer(route), route.method == "GET"
    responses = {str(answer.status): _success(answer, reads=reads)} | ({"304": _unchanged()} if reads else {})
    for status, names in codes(route).items():
        responses[str(status)] = _refusal(status, names)
    if route.deprecated is not None:
        for response in responses.values():
            response["headers"] |= {name: DEPRECATION[name] for name in route.deprecated.headers({})}
    if route.access is Access.KEY:
        for answered, response in responses.items():
            # The gateway refuses with 403 what is no key.
            if answered != "403":
                response["headers"] |= _headers({"RateLimit-Policy": "RateLimitPolicy"})
    asks = ("IfNoneMatch",) if reads else answer.asks
    conditional = [{"$ref": f"#/components/parameters/{name}"} for name in asks]
    operation = {
        "operationId": answer.operation,
        "tags": [answer.tag],
        "summary": route.summary,
        **({} if route.deprecated is None else {"deprecated": True}),
        "parameters": [*_parameters(route), *conditional],
        "responses": responses,
        "security": _security(route.access),
    }
    if route.body is not None:
        kinds = (MERGE_PATCH, "application/json") if route.method == "PATCH" else ("application/json",)
        content = {kind: {"schema": _body_schema(route.body)} for kind in kinds}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _security(access: Access) -> list[dict[str, list[str]]]:
    if access is Access.OPEN:
        return []
    return [{"ApiKey": []}] if access is Access.KEY else [{"AccessToken": [SCOPES[access]]}]


def _body_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of a body, with its definitions inside: it stands in no other place."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})
    members = {name: _member(raw, definitions) for name, raw in schema["properties"].items()}
    return {**schema, "properties": members}


def _member(raw: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """A member's schema: an enumeration stands inline."""
    schema = {name: value for name, value in raw.items() if name != "title"}
    if "$ref" in schema:
        schema = {**definitions[schema.pop("$ref").rpartition("/")[2]], **schema}
    if "anyOf" in schema:
        schema["anyOf"] = [_member(choice, definitions) for choice in schema["anyOf"]]
    return {name: value for name, value in schema.items() if name != "title"}


def _success(answer: Answer, *, reads: bool) -> dict[str, Any]:
    names = {"Cache-Control": "CacheControl", "X-Request-Id": "RequestId", **dict(answer.headers)}
    if reads:
        names["ETag"] = "ETag"
    if answer.paged:
        names["Link"] = "Link"
    if answer.files:
        names["Content-Disposition"] = "ContentDisposition"
    if answer.schema is None:
        return {"description": answer.description, "headers": _headers(names)}
    content: dict[str, Any] = {answer.media_type: {"schema": answer.schema}}
    for media_type, example in answer.files:
        content[media_type] = {"schema": {"type": "string"}, "example": example}
    return {"description": answer.description, "headers": _headers(names), "content": content}


def _unchanged() -> dict[str, Any]:
    names = {"Cache-Control": "CacheControl", "ETag": "ETag", "X-Request-Id": "RequestId"}
    return {"description": "What you have is still true.", "headers": _headers(names)}


def _refusal(status: int, names: Iterable[str]) -> dict[str, Any]:
    examples = {name: {"$ref": f"#/components/examples/{name}"} for name in names}
    answer = {
        "description": STATUS_WORDS[status],
        "content": {"application/problem+json": {"schema": ref("Problem"), "examples": examples}},
    }
    retry = status in RETRY or Problem.IDEMPOTENCY_IN_PROGRESS.value in examples
    headers = {"Cache-Control": "CacheControl"} | ({"Retry-After": "RetryAfter"} if retry else {})
    return {**answer, "headers": _headers(headers)}


def _headers(names: Mapping[str, str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{component}"} for name, component in names.items()}


def _examples(routes: Iterable[Route]) -> dict[str, Any]:
    used = {code for route in routes for names in codes(route).values() for code in names}
    known = {problem.value: (problem.status, problem.title, detail) for problem, detail in DETAILS.items()}
    known |= {one.code: (one.status, one.title, one.detail) for one in GATEWAY}
    return {code: _example(code, *known[code]) for code in sorted(used)}


def _example(code: str, status: int, title: str, detail: str) -> dict[str, Any]:
    value = {
        "type": f"urn:marketflow:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": "urn:uuid:4b6e0c1a-7d2f-4f0e-9a51-0c2d3e4f5a6b",
        "code": code,
        "request_id": "4b6e0c1a-7d2f-4f0e-9a51-0c2d3e4f5a6b",
    }
    return {"summary": title, "value": value}


def _parameters(route: Route) -> list[dict[str, Any]]:
    model = route.parameters.model_json_schema()
    required = model.get("required", [])
    found = []
    for name, raw in model.get("properties", {}).items():
        schema = _simple(raw, model.get("$defs", {}))
        in_path = f"{{{name}}}" in route.path
        entry = {
            "name": name,
            "in": "path" if in_path else "query",
            "description": raw["description"],
            "required": in_path or name in required,
            "schema": schema,
        }
        if schema.get("type") == "array":
            entry |= {"style": "form", "explode": False}
        found.append(entry)
    return sorted(found, key=lambda entry: (entry["in"] != "path", not entry["required"]))


def _simple(raw: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a value as a URL has it: an enumeration stands inline, and nothing is null."""
    schema = dict(raw)
    choices = [choice for choice in schema.pop("anyOf", []) if choice != {"type": "null"}]
    if len(choices) == 1:
        schema = {**choices[0], **schema}
    elif choices:
        schema["anyOf"] = choices
    if "$ref" in schema:
        schema = {**definitions[schema.pop("$ref").rpartition("/")[2]], **schema}
    if schema.get("default", "") is None:
        del schema["default"]
    # pydantic leaves the bounds of an optional number under its own names.
    renamed = {{"ge": "minimum", "le": "maximum"}.get(name, name): value for name, value in schema.items()}
    return {name: value for name, value in renamed.items() if name not in ("title", "description")}
