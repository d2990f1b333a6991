"""What the operations of the OpenAPI document share: headers, statuses in words, and the credentials."""

from __future__ import annotations

from typing import Any

from marketflow.api.idempotency import HEADER, LONGEST
from marketflow.domain.reading import Adjustment

ABOUT = """\
Exact market data with its age and its origin.

Every path also takes HEAD, and OPTIONS. A parameter that is not listed is refused. Lists are bare arrays; the URL of
the next page is in the `Link` header. Decimals are exact: read them with a decimal parser, or ask for
`numbers=string`. Within v1 members, parameters and codes are only added: ignore what you do not know."""

HEADERS: dict[str, dict[str, Any]] = {
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

REQUEST_HEADERS: dict[str, dict[str, Any]] = {
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

STATUS_WORDS = {
    400: "The request is wrong.",
    401: "The access token is missing, expired or not valid.",
    403: "The credential is missing, or does not open this.",
    404: "There is no such thing.",
    409: "It is there, and cannot be used as asked.",
    412: "It is not what the caller knows.",
    413: "The request is too large.",
    414: "The address is too long.",
    415: "The body is not what its Content-Type has to say.",
    422: "It contradicts an earlier request.",
    428: "The request has to say on what it relies.",
    429: "Too many requests.",
    500: "The fault is on our side.",
    503: "Not now; Retry-After says when to ask again.",
    504: "The API did not answer in time.",
}

RETRY = (429, 503, 504)

SECURITY: dict[str, dict[str, Any]] = {
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
        "sign-in, `marketflow/admin` with the group `admins`, `marketflow/metrics` with that group or the client "
        "for scrapers.",
    },
}
