"""What errors say, the gateway's own included: facts of the documentation that no code needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from marketflow.api.problems import RETRY_SECONDS, Problem
from marketflow.api.routing import Access


@dataclass(frozen=True, kw_only=True)
class GatewayProblem:
    """An error that API Gateway answers by itself; cdk/problems.py deploys it, and a test compares the two."""

    code: str
    status: int
    title: str
    detail: str
    to: frozenset[Access] = frozenset(Access)
    """The routes that answer it, by who may call them."""


_KEYED = frozenset({Access.KEY})
_SIGNED_IN = frozenset({Access.USER, Access.ADMIN, Access.METRICS})

GATEWAY = (
    GatewayProblem(
        code="unauthorized",
        status=401,
        title="Unauthorized",
        detail="This path needs a valid access token.",
        to=_SIGNED_IN,
    ),
    GatewayProblem(
        code="forbidden",
        status=403,
        title="Forbidden",
        detail="The access token does not allow this.",
        to=_SIGNED_IN,
    ),
    GatewayProblem(
        code="invalid_api_key",
        status=403,
        title="Invalid API key",
        detail="Send a valid API key in the header x-api-key.",
        to=_KEYED,
    ),
    GatewayProblem(code="request_too_large", status=413, title="Request too large", detail="At most 10 MB are read."),
    GatewayProblem(
        code="throttled",
        status=429,
        title="Too many requests",
        detail="Too many requests at once; ask again in a second.",
    ),
    GatewayProblem(
        code="quota_exceeded",
        status=429,
        title="Quota exceeded",
        detail="The API key's quota for today is used up; it starts anew at 00:00 UTC.",
        to=_KEYED,
    ),
    GatewayProblem(code="bad_request", status=400, title="Bad request", detail="The request was not understood."),
    GatewayProblem(code="unavailable", status=504, title="Unavailable", detail="The API did not answer; ask again."),
    GatewayProblem(code="timeout", status=504, title="Timeout", detail="The answer took too long."),
)

DETAILS: Mapping[Problem, str] = {
    Problem.UNKNOWN_PARAMETER: "intervall is not a parameter; known here: numbers, start, end, order, limit, cursor.",
    Problem.MISSING_PARAMETER: "interval is required.",
    Problem.REPEATED_PARAMETER: "limit is given more than once.",
    Problem.INVALID_PARAMETER: "limit: expected a whole number.",
    Problem.INVALID_CURSOR: "The cursor was not made for this query, or was changed. Follow the URL in the Link header "
    "as it is, or start again without a cursor.",
    Problem.INVALID_BODY: "symbol is required.",
    Problem.INVALID_SYMBOL: "quote_currency: it is the base currency too, and USDT in USDT is always one.",
    Problem.NOT_POSSIBLE: "end: 2027-01-01T00:00:00Z is in the future; it is 2026-11-23T12:00:00Z now.",
    Problem.NOT_ADJUSTABLE: "adjustment: split is for stocks, and BTCUSDT is crypto: it has no splits and dividends. "
    "Leave the parameter out, or ask for raw.",
    Problem.REQUEST_TOO_LARGE: "The body has 70000 bytes; at most 65536 are read.",
    Problem.URI_TOO_LONG: "Path and query hold 9000 characters; at most 8192 are read.",
    Problem.UNSUPPORTED_MEDIA_TYPE: "Send the body as Content-Type: application/json, in UTF-8.",
    Problem.UNKNOWN_CURRENCY: "'XYZ' is no currency of ISO 4217 and none of an active crypto pair. Codes are in "
    "capitals.",
    Problem.PATH_NOT_FOUND: "There is nothing at this path.",
    Problem.SYMBOL_NOT_FOUND: "There is no symbol 'NOPE'. Names are case-sensitive; /v1/symbols lists them.",
    Problem.PRICE_NOT_FOUND: "No price of 'BTCUSDT' has been observed yet.",
    Problem.BACKFILL_NOT_FOUND: "There is no backfill 'nope'.",
    Problem.REPLAY_NOT_FOUND: "There is no replay 'nope'.",
    Problem.NO_PATH: "No path of active pairs with a price leads from BTC to XAF.",
    Problem.KEY_NOT_FOUND: "There is no key of this id; GET /v1/keys lists yours.",
    Problem.METHOD_NOT_ALLOWED: "POST is not possible here; allowed: GET, HEAD, OPTIONS.",
    Problem.RATE_TOO_OLD: "The leg from BTC to USDT has a price of BTCUSDT that is 7200 seconds old; at most 3600 are "
    "accepted. A greater max_age_seconds takes it.",
    Problem.TOO_MANY_KEYS: "You have 10 keys, and more are not possible: revoke one first.",
    Problem.INVALID_HEADER: "Idempotency-Key: expected 1 to 255 printable ASCII characters without spaces, such as a "
    "UUID.",
    Problem.SYMBOL_EXISTS: "There is a symbol BTCUSDT already.",
    Problem.IDEMPOTENCY_IN_PROGRESS: "The first request with this Idempotency-Key still runs; ask again in a second.",
    Problem.IDEMPOTENCY_MISMATCH: "This Idempotency-Key came with another body before. Take a new key.",
    Problem.PRECONDITION_FAILED: "BTCUSDT is not what you know any more: get it again, and its ETag.",
    Problem.PRECONDITION_REQUIRED: "Send If-Match with the ETag of the symbol that you mean to change, as GET gave it, "
    "or * for any state.",
    Problem.CATALOG_UNAVAILABLE: "Nothing was changed: the fetchers could not be told. Try again in "
    f"{RETRY_SECONDS} seconds.",
    Problem.INTERNAL_ERROR: "Something went wrong on our side. Please report the request_id.",
    Problem.DATABASE_UNAVAILABLE: f"The database cannot answer now; try again in {RETRY_SECONDS} seconds.",
    Problem.SERVICE_UNAVAILABLE: f"A service behind this API cannot answer now; try again in {RETRY_SECONDS} seconds.",
    Problem.MIGRATIONS_PENDING: "The database is at revision 0001, this API needs 0002.",
}
"""An example of what each problem says."""
