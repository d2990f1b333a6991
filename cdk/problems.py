"""The gateway's own errors as data: each becomes a problem+json body (RFC 9457) like those of marketflow.api.problems.

Response types: https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from aws_cdk.aws_apigateway import ResponseType


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What the gateway answers for `kind`. `retry_after` is in seconds; None: asking again is no use, or who knows."""

    kind: ResponseType
    status: int
    code: str
    title: str
    detail: str
    retry_after: int | None = None

    @property
    def template(self) -> str:
        """The body. The gateway replaces `$context` variables, and nothing else: this is no VTL.

        `instance` names the occurrence by its request id: what the client sent in the path is not repeated unescaped.
        """
        body = {
            "type": f"urn:marketflow:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": "urn:uuid:$context.requestId",
            "code": self.code,
            "request_id": "$context.requestId",
        }
        return json.dumps(body, separators=(",", ":"))

    @property
    def headers(self) -> dict[str, str]:
        """Static header values, quoted as the gateway wants them."""
        headers = {"Content-Type": "'application/problem+json'", "Cache-Control": "'no-store'"}
        if self.retry_after is not None:
            headers["Retry-After"] = f"'{self.retry_after}'"
        return headers


_SIGNED = "This API takes an API key in the header x-api-key, no AWS signature."
_OURS = "The fault is on this side. Report the request_id if it lasts."
_NO_PATH = "There is no such path."
_AGAIN = "The API did not answer; ask again."


def _problem(kind: ResponseType, *facts: str, status: int, retry_after: int | None = None) -> Problem:
    code, title, detail = facts
    return Problem(kind=kind, status=status, code=code, title=title, detail=detail, retry_after=retry_after)


def _bad(kind: ResponseType, detail: str) -> Problem:
    return _problem(kind, "bad_request", "Bad request", detail, status=400)


def _forbidden(kind: ResponseType, detail: str) -> Problem:
    return _problem(kind, "forbidden", "Forbidden", detail, status=403)


def _internal(kind: ResponseType) -> Problem:
    return _problem(kind, "internal_error", "Internal error", _OURS, status=500)


def _no_path(kind: ResponseType) -> Problem:
    return _problem(kind, "path_not_found", "No such path", _NO_PATH, status=404)


_T = ResponseType

PROBLEMS = (
    _bad(_T.BAD_REQUEST_BODY, "The request body is not valid."),
    _bad(_T.BAD_REQUEST_PARAMETERS, "A request parameter is missing or not valid."),
    _problem(_T.UNAUTHORIZED, "unauthorized", "Unauthorized", "This path needs a valid access token.", status=401),
    _problem(
        _T.INVALID_API_KEY,
        *("invalid_api_key", "Invalid API key", "Send a valid API key in the header x-api-key."),
        status=403,
    ),
    _forbidden(_T.ACCESS_DENIED, "The access token does not allow this."),
    _forbidden(_T.EXPIRED_TOKEN, _SIGNED),
    _forbidden(_T.INVALID_SIGNATURE, _SIGNED),
    _forbidden(_T.WAF_FILTERED, "The request was filtered."),
    # What the gateway says of a path or a method that it does not have.
    _no_path(_T.MISSING_AUTHENTICATION_TOKEN),
    _no_path(_T.RESOURCE_NOT_FOUND),
    _problem(_T.REQUEST_TOO_LARGE, "request_too_large", "Request too large", "At most 10 MB are read.", status=413),
    _problem(
        _T.UNSUPPORTED_MEDIA_TYPE,
        *("unsupported_media_type", "Unsupported media type", "This content type is not accepted."),
        status=415,
    ),
    _problem(
        _T.THROTTLED,
        *("throttled", "Too many requests", "Too many requests at once; ask again in a second."),
        status=429,
        retry_after=1,
    ),
    _problem(
        _T.QUOTA_EXCEEDED,
        *("quota_exceeded", "Quota exceeded", "The API key's quota for today is used up; it starts anew at 00:00 UTC."),
        status=429,
        retry_after=3600,
    ),
    _internal(_T.API_CONFIGURATION_ERROR),
    _internal(_T.AUTHORIZER_CONFIGURATION_ERROR),
    _internal(_T.AUTHORIZER_FAILURE),
    _problem(_T.INTEGRATION_FAILURE, "unavailable", "Unavailable", _AGAIN, status=504, retry_after=1),
    _problem(_T.INTEGRATION_TIMEOUT, "timeout", "Timeout", "The answer took too long.", status=504, retry_after=1),
    _bad(_T.DEFAULT_4_XX, "The request was not understood."),
    _internal(_T.DEFAULT_5_XX),
)
