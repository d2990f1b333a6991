"""The OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.1), generated from the route table.

No handler imports this: what it generates ships as data, so that no cold start pays for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from marketflow.api.answers import ANSWERS, DEPRECATION, DETAILS, GATEWAY, Answer
from marketflow.api.bodies import MERGE_PATCH
from marketflow.api.idempotency import HEADER, LONGEST
from marketflow.api.problems import Problem
from marketflow.api.routing import SCOPES, Access, Route
from marketflow.api.schemas import SCHEMAS, ref
from marketflow.domain.reading import Adjustment

_ABOUT = """\
Exact market data with its age and its origin.

Every path also takes HEAD, and OPTIONS. A parameter that is not listed is refused. Lists are bare arrays; the URL of
the next page is in the `Link` header. Decimals are exact: read them with a decimal parser, or ask for
`numbers=string`. Within v1 members, parameters and codes are only added: ignore what you do not know."""

_HEADERS: dict[str, dict[str, Any]] = {
    "Adjustment": {
        "description": "What the prices are adjusted for, as it was asked.",
        "schema": {"type": "string", "enum": [*Adjustment]},
        "example": "split",
    },
    "CacheControl": {
        "description": "How long the answer stays true. A page of candles that can never change is immutable.",
        "schema": {"type": "string"},
        "example": "private, no-cache",
    },
    "ContentDisposition": {
        "description": "A name for the file; not with format=json.",
        "schema": {"type": "string"},
        "example": 'attachment; filename="BTCUSDT-1d.csv"',
    },
    "ETag": {
        "description": "Names these very bytes; send it back as If-None-Match.",
        "schema": {"type": "string", "pattern": '^"[0-9a-f]{32}"$'},
        "example": '"9f86d081884c7d659a2feaa0c55ad015"',
    },
    "Link": {
        "description": "The next page (RFC 8288), when there is one.",
        "schema": {"type": "string"},
        "example": '<https://api.example.com/api/v1/symbols?limit=100&cursor=AbC>; rel="next"',
    },
    "Location": {
        "description": "Where the new thing is.",
        "schema": {"type": "string", "format": "uri-reference"},
        "example": "https://api.example.com/api/v1/symbols/LTCUSDT",
    },
    "RateLimitPolicy": {
        "description": "The limits of your key's plan (draft-ietf-httpapi-ratelimit-headers): requests a second on "
        "average and, as `burst`, at once; requests a day in UTC. The gateway's own errors name every plan's.",
        "schema": {"type": "string"},
        "example": '"rate";q=2;w=1;burst=5, "quota";q=1000;w=86400',
    },
    "RequestId": {
        "description": "Names the request in our logs.",
        "schema": {"type": "string"},
        "example": "4b6e0c1a-7d2f-4f0e-9a51-0c2d3e4f5a6b",
    },
    "RetryAfter": {
        "description": "After how many seconds to ask again.",
        "schema": {"type": "integer", "minimum": 1},
        "example": 5,
    },
}

_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "description": "The ETag of the answer that you have: 304 when it is still the one.",
    "required": False,
    "schema": {"type": "string"},
}

_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "description": "The ETag of what you mean to change, from GET: 412 when it has changed since. * for any state.",
    "required": True,
    "schema": {"type": "string", "minLength": 1},
    "example": "*",
}

_REQUEST_HEADERS: dict[str, dict[str, Any]] = {
    "IfNoneMatch": _IF_NONE_MATCH,
    "IfMatch": _IF_MATCH,
    "IfMatchOptional": {**_IF_MATCH, "required": False},
    "IdempotencyKey": {
        "name": HEADER,
        "in": "header",
        "description": "A key of your own, such as a UUID: the same request with the same key is carried out once in "
        "24 hours, and answered alike each time; another body with it is refused.",
        "required": False,
        "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST, "pattern": "^[!-~]+$"},
        "example": "6f1d2c3b-8a59-4e0d-9c7a-5b4e3f2a1d0c",
    },
}

_STATUS_WORDS = {
    400: "The request is wrong.",
    401: "The access token is missing, expired or not valid.",
    403: "The credential is missing, or does not open this.",
    404: "There is no such thing.",
    409: "It is there, and cannot be used as asked.",
    412: "It is not what the caller knows.",
    413: "The request is too large.",
    415: "The body is not what its Content-Type has to say.",
    422: "It contradicts an earlier request.",
    428: "The request has to say on what it relies.",
    429: "Too many requests.",
    500: "The fault is on our side.",
    503: "Not now; Retry-After says when to ask again.",
    504: "The API did not answer in time.",
}

_RETRY = (429, 503, 504)


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
            "description": _ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/api", "description": "This deployment."}],
        "tags": [{"name": tag} for tag in dict.fromkeys(_answer(route).tag for route in table)],
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "headers": _HEADERS,
            "parameters": _REQUEST_HEADERS,
            "examples": _examples(table),
            "securitySchemes": {
                "ApiKey": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "x-api-key",
                    "description": "A key of this deployment.",
                },
                "AccessToken": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "An access token of this deployment's user pool (OAuth 2.0: authorization code with "
                    "PKCE for people, client credentials for machines). The scope `marketflow/keys` comes with every "
                    "sign-in, `marketflow/admin` with the group `admins`.",
                },
            },
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
    content: dict[str, Any] = {"application/json": {"schema": answer.schema}}
    for media_type, example in answer.files:
        content[media_type] = {"schema": {"type": "string"}, "example": example}
    return {"description": answer.description, "headers": _headers(names), "content": content}


def _unchanged() -> dict[str, Any]:
    names = {"Cache-Control": "CacheControl", "ETag": "ETag", "X-Request-Id": "RequestId"}
    return {"description": "What you have is still true.", "headers": _headers(names)}


def _refusal(status: int, names: Iterable[str]) -> dict[str, Any]:
    examples = {name: {"$ref": f"#/components/examples/{name}"} for name in names}
    answer = {
        "description": _STATUS_WORDS[status],
        "content": {"application/problem+json": {"schema": ref("Problem"), "examples": examples}},
    }
    retry = status in _RETRY or Problem.IDEMPOTENCY_IN_PROGRESS.value in examples
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
