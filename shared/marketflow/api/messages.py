"""A request as it comes from API Gateway and the answer that goes back (REST API, Lambda proxy integration).

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Self
from urllib.parse import quote, urlencode

from marketflow.api import security

NO_STORE = "no-store"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who signed in, as the gateway found in the access token: the user's (or machine's) id and the granted scopes."""

    subject: str
    scopes: frozenset[str]


_LONE_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})").sub
"""One that a gateway decoded: what it begins is no escape."""

_HOST = re.compile(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:]+\](:[0-9]{1,5})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request. `path` begins at the version (`/v1/…`), `public_path` is what the client sees before it.

    Both are percent-encoded as they came. `query` has decoded values, all those that were given for a name; `headers`
    has lower-case names. `origin` is scheme and host, empty when the Host header is missing or no host. `body` is None
    when there is none. `api_key` is the key that the gateway found good, `caller` who signed in; each None without one.
    """

    method: str
    path: str
    public_path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str] = field(repr=False)
    id: str
    origin: str = ""
    body: bytes | None = None
    api_key: str | None = field(default=None, repr=False)
    caller: Caller | None = None

    @classmethod
    def from_event(cls, event: Mapping[str, Any], *, base_path: str) -> Self:
        """The request in a proxy event; `base_path` is the stage, which a custom domain may leave in the path."""
        context = event.get("requestContext") or {}
        path = str(event["path"])
        query = event.get("multiValueQueryStringParameters")
        if query is None:
            query = {name: [value] for name, value in (event.get("queryStringParameters") or {}).items()}
        headers = {str(name).lower(): str(value) for name, value in (event.get("headers") or {}).items()}
        host = headers.get("host", "")
        scheme = "https" if headers.get("x-forwarded-proto", "http") == "https" else "http"
        return cls(
            method=str(event["httpMethod"]).upper(),
            path=path.removeprefix(base_path) if path.startswith(f"{base_path}/") else path,
            public_path=str(context.get("path") or path),
            query=query,
            headers=headers,
            id=str(context.get("requestId") or "unknown"),
            origin=f"{scheme}://{host}" if _HOST.fullmatch(host) else "",
            body=_body(event),
            api_key=(context.get("identity") or {}).get("apiKey") or None,
            caller=_caller(context),
        )

    def url_with(self, name: str, value: str) -> str:
        """This request's URL with one query parameter set; relative to the host when that is not known."""
        pairs = [(key, one) for key, values in self.query.items() if key != name for one in values]
        query = urlencode([*pairs, (name, value)], safe=",:", quote_via=quote, errors="replace")
        return f"{self.origin}{self.reference}?{query}"

    @property
    def reference(self) -> str:
        """The public path as a URI reference, whatever the gateway decoded in it."""
        quoted = quote(self.public_path, safe="/%:@!$&'()*+,;=~", errors="replace")
        return _LONE_PERCENT("%25", quoted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One answer. `cache_control` says how long it stays true; problems are never stored."""

    status: int = 200
    body: str = ""
    content_type: str = "application/json"
    cache_control: str = NO_STORE
    headers: Mapping[str, str] = field(default_factory=dict)

    def for_gateway(self, request: Request) -> dict[str, Any]:
        """The proxy integration's answer: with an entity tag, 304 when the client has that, for HEAD without a body."""
        said = {"Cache-Control": self.cache_control, "X-Request-Id": request.id}
        headers = {**security.HEADERS, **said, **self.headers}
        status, body = self.status, self.body
        if status == 200 and request.method in ("GET", "HEAD"):
            headers["ETag"] = tag = entity_tag(body)
            if _client_has(tag, request.headers.get("if-none-match", "")):
                status, body = 304, ""
        if status not in (204, 304):
            headers["Content-Type"] = self.content_type
        return {
            "statusCode": status,
            "headers": headers,
            "body": "" if request.method == "HEAD" else body,
            "isBase64Encoded": False,
        }


def _body(event: Mapping[str, Any]) -> bytes | None:
    """The body's bytes. What claims to be base64 and is not is passed on as it came: nothing can read it as JSON."""
    text = event.get("body")
    if not text:
        return None
    if event.get("isBase64Encoded"):
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            return str(text).encode(errors="replace")
    return str(text).encode(errors="surrogatepass")


def _caller(context: Mapping[str, Any]) -> Caller | None:
    claims = (context.get("authorizer") or {}).get("claims") or {}
    if not (subject := claims.get("sub")):
        return None
    return Caller(subject=str(subject), scopes=frozenset(str(claims.get("scope", "")).split()))


def entity_tag(body: str) -> str:
    """A strong validator: the same tag means the same bytes."""
    return f'"{sha256(body.encode()).hexdigest()[:32]}"'


def _client_has(tag: str, if_none_match: str) -> bool:
    """Whether `If-None-Match` names the tag, by the weak comparison that RFC 9110 section 13.1.2 asks for."""
    candidates = {candidate.strip().removeprefix("W/") for candidate in if_none_match.split(",")}
    return tag in candidates or "*" in candidates
