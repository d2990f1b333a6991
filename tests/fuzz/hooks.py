"""What Schemathesis cannot know of this API: which refusals of well-formed requests are meant."""

from __future__ import annotations

import contextlib
import re
from typing import Any

import schemathesis
from schemathesis.checks import CheckContext
from schemathesis.core.failures import Failure
from schemathesis.specs.openapi.checks import positive_data_acceptance

BY_MEANING = frozenset(
    {
        "idempotency_mismatch",
        "invalid_cursor",
        "invalid_symbol",
        "not_adjustable",
        "not_possible",
        "precondition_failed",
        "throttled",
        "unknown_currency",
    }
)
"""Codes of requests that fit every schema, and are wrong all the same: no schema knows which cursors were given out,
which Idempotency-Key came before, or how many requests there were in this second.
"""

DETAILS = (
    "must be later than start",
    "the future has no prices yet",
    "days before end",
    "expected a day up to today",
    "expected an IANA time zone",
    "expected printable text",
)
"""No schema can say that one parameter has to be greater than another or than the time of day, or which zones exist."""


_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def is_meant(response: schemathesis.Response) -> bool:
    """Whether the refusal is one that no schema could have foretold."""
    with contextlib.suppress(ValueError):
        problem = response.json()
        said = problem.get("detail", "")
        return problem.get("code") in BY_MEANING or any(detail in said for detail in DETAILS)
    return False


@schemathesis.hook
def map_query(context: schemathesis.HookContext, query: dict[str, Any] | None) -> dict[str, Any] | None:
    """Leave a made-up cursor out of every second query: it is never a good one, and hides what comes behind it."""
    if query and "limit" in query:
        return {name: value for name, value in query.items() if name != "cursor"}
    return query


@schemathesis.hook
def map_headers(context: schemathesis.HookContext, headers: dict[str, Any] | None) -> dict[str, Any] | None:
    """Leave control characters out (RFC 9110, section 5.5): servers refuse them before any API sees the request."""
    if not headers:
        return headers
    return {name: _CONTROL.sub("", value) if isinstance(value, str) else value for name, value in headers.items()}


@schemathesis.check
def valid_data_is_accepted(ctx: CheckContext, response: schemathesis.Response, case: schemathesis.Case) -> bool | None:
    """Schemathesis' own check, which knows nothing of meaning, without the refusals by meaning."""
    try:
        return positive_data_acceptance(ctx, response, case)
    except Failure:
        if is_meant(response):
            return None
        raise
