"""Errors as `application/problem+json` (RFC 9457): one code for each reason, stable within v1."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Self

from marketflow.api.json_text import compact
from marketflow.api.messages import Request, Response
from marketflow.errors import RefusedError

RETRY_SECONDS = 5
MAX_REFERENCE = 500
"""A longer path is not repeated in a problem."""


class Problem(Enum):
    """Every code that this API answers with: its HTTP status and the title that belongs to it."""

    status: int
    title: str

    UNKNOWN_PARAMETER = "unknown_parameter", 400, "Unknown parameter"
    MISSING_PARAMETER = "missing_parameter", 400, "Missing parameter"
    REPEATED_PARAMETER = "repeated_parameter", 400, "Repeated parameter"
    INVALID_PARAMETER = "invalid_parameter", 400, "Invalid parameter"
    INVALID_CURSOR = "invalid_cursor", 400, "Invalid cursor"
    INVALID_BODY = "invalid_body", 400, "Invalid body"
    INVALID_SYMBOL = "invalid_symbol", 400, "Invalid symbol"
    NOT_POSSIBLE = "not_possible", 400, "Not possible"
    NOT_ADJUSTABLE = "not_adjustable", 400, "Not adjustable"
    INVALID_HEADER = "invalid_header", 400, "Invalid header"
    UNKNOWN_CURRENCY = "unknown_currency", 400, "Unknown currency"
    PATH_NOT_FOUND = "path_not_found", 404, "No such path"
    SYMBOL_NOT_FOUND = "symbol_not_found", 404, "No such symbol"
    PRICE_NOT_FOUND = "price_not_found", 404, "No price yet"
    BACKFILL_NOT_FOUND = "backfill_not_found", 404, "No such backfill"
    REPLAY_NOT_FOUND = "replay_not_found", 404, "No such replay"
    NO_PATH = "no_path", 404, "No path between the currencies"
    KEY_NOT_FOUND = "key_not_found", 404, "No such key"
    METHOD_NOT_ALLOWED = "method_not_allowed", 405, "Method not allowed"
    RATE_TOO_OLD = "rate_too_old", 409, "Rate too old"
    SYMBOL_EXISTS = "symbol_exists", 409, "Symbol exists"
    TOO_MANY_KEYS = "too_many_keys", 409, "Too many keys"
    IDEMPOTENCY_IN_PROGRESS = "idempotency_in_progress", 409, "First request still running"
    PRECONDITION_FAILED = "precondition_failed", 412, "Precondition failed"
    REQUEST_TOO_LARGE = "request_too_large", 413, "Request too large"
    URI_TOO_LONG = "uri_too_long", 414, "URI too long"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type", 415, "Unsupported media type"
    IDEMPOTENCY_MISMATCH = "idempotency_mismatch", 422, "Idempotency key used before"
    PRECONDITION_REQUIRED = "precondition_required", 428, "Precondition required"
    INTERNAL_ERROR = "internal_error", 500, "Internal error"
    DATABASE_UNAVAILABLE = "database_unavailable", 503, "Database unavailable"
    SERVICE_UNAVAILABLE = "service_unavailable", 503, "Service unavailable"
    CATALOG_UNAVAILABLE = "catalog_unavailable", 503, "Catalog unavailable"
    MIGRATIONS_PENDING = "migrations_pending", 503, "Database migrations pending"

    def __new__(cls, code: str, status: int, title: str) -> Self:
        """A member whose value is its code."""
        member = object.__new__(cls)
        member._value_ = code
        member.status = status
        member.title = title
        return member

    def members(self, detail: str) -> dict[str, object]:
        """The members that every problem has; `detail` tells this occurrence to a person."""
        return {
            "type": f"urn:marketflow:problem:{self.value}",
            "title": self.title,
            "status": self.status,
            "detail": detail,
            "code": self.value,
        }

    @property
    def passes(self) -> bool:
        """Whether the same request may succeed in a while; the answer then says in how many seconds."""
        return self.status == 503 or self is Problem.IDEMPOTENCY_IN_PROGRESS

    def refusal(self, detail: str, *, parameter: str | None = None) -> RefusedError:
        """This problem as the error to raise."""
        return RefusedError(detail, status=self.status, code=self.value, parameter=parameter)

    def response(
        self,
        request: Request,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, object] | None = None,
    ) -> Response:
        """This problem as the answer to `request`; `extra` are further members."""
        body = {
            **self.members(detail),
            "instance": request.reference if len(request.reference) <= MAX_REFERENCE else f"urn:uuid:{request.id}",
            "request_id": request.id,
            **(extra or {}),
        }
        retry = {"Retry-After": str(RETRY_SECONDS)} if self.passes else {}
        return Response(
            status=self.status,
            body=compact(body),
            content_type="application/problem+json",
            headers={**retry, **(headers or {})},
        )


_BY_CODE = {problem.value: problem for problem in Problem}


def refused(request: Request, error: RefusedError) -> Response:
    """The answer to a request that was refused, with the name of the parameter that is to blame."""
    extra = {} if error.parameter is None else {"parameter": error.parameter}
    return _BY_CODE[error.code].response(request, error.detail, extra=extra)


def item(symbol: str, error: RefusedError) -> str:
    """The JSON object that stands in a list in place of a symbol's data."""
    return compact({"symbol": symbol, "problem": _BY_CODE[error.code].members(error.detail)})
