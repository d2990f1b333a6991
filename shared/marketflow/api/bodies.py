"""JSON bodies of requests: how large, how deep and of what form they may be, and what is wrong when they are not."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from marketflow.api.messages import Request
from marketflow.api.problems import Problem
from marketflow.domain.models import STRICT
from marketflow.errors import RefusedError

MAX_BYTES = 64 * 1024
MAX_DEPTH = 8

MERGE_PATCH = "application/merge-patch+json"
"""The type of a body that says what is to change (RFC 7396); a PATCH takes it beside plain JSON."""

B = TypeVar("B", bound=BaseModel)


class Body(BaseModel):
    """The base of every body: an unknown member is refused, so that a typing error cannot pass for a wish."""

    model_config = STRICT


def read(model: type[B], request: Request) -> B:
    """The body of `request`. Raises RefusedError: 413 too large, 415 not JSON by its type, 400 what is wrong in it.

    Numbers with a point arrive as Decimal, never as float.
    """
    text = _text(request)
    try:
        return model.model_validate(_parse(text), strict=False)
    except ValidationError as error:
        raise _fault(error) from None


def refuse(request: Request) -> None:
    """Raises RefusedError (400) when there is a body where none belongs."""
    if request.body:
        raise Problem.INVALID_BODY.refusal(f"{request.method} takes no body here.")


def _text(request: Request) -> str:
    body = request.body or b""
    if len(body) > MAX_BYTES:
        raise Problem.REQUEST_TOO_LARGE.refusal(f"The body has {len(body)} bytes; at most {MAX_BYTES} are read.")
    kind, _, charset = request.headers.get("content-type", "").partition(";")
    kinds = ("application/json", MERGE_PATCH) if request.method == "PATCH" else ("application/json",)
    if kind.strip().lower() not in kinds or charset.strip().lower() not in ("", "charset=utf-8"):
        raise Problem.UNSUPPORTED_MEDIA_TYPE.refusal(f"Send the body as Content-Type: {kinds[-1]}, in UTF-8.")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Problem.UNSUPPORTED_MEDIA_TYPE.refusal("Send the body as it is, without a Content-Encoding.")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Problem.INVALID_BODY.refusal(f"The body is not UTF-8 at byte {error.start}.") from None


def _parse(text: str) -> dict[str, Any]:
    _measure(text)
    try:
        value = json.loads(
            text, parse_float=Decimal, parse_constant=_no_number, object_pairs_hook=_object, parse_int=_whole
        )
    except json.JSONDecodeError as error:
        at = f"line {error.lineno}, column {error.colno}"
        raise Problem.INVALID_BODY.refusal(f"The body is not JSON: {error.msg} at {at}.") from None
    if not isinstance(value, dict):
        raise Problem.INVALID_BODY.refusal("The body is not a JSON object.")
    return value


def _measure(text: str) -> None:
    """Refuse what is nested deeper than any body of ours, before a parser recurses into it."""
    depth, inside, escaped = 0, False, False
    for character in text:
        if inside:
            inside = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            inside = True
        elif character in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise Problem.INVALID_BODY.refusal(f"The body is nested deeper than {MAX_DEPTH} levels.")
        elif character in "]}":
            depth -= 1


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Problem.INVALID_BODY.refusal(f"{twice[:40]} is given more than once.", parameter=twice[:40])
    return members


def _no_number(word: str) -> float:
    raise Problem.INVALID_BODY.refusal(f"{word} is no JSON number.")


def _whole(digits: str) -> int:
    if len(digits) > 40:
        raise Problem.INVALID_BODY.refusal(f"A number of {len(digits)} digits is not meant.")
    return int(digits)


def _fault(error: ValidationError) -> RefusedError:
    faults = error.errors(include_url=False, include_input=False)
    # A misspelt name comes before what it seems to leave missing.
    fault = next((one for one in faults if one["type"] == "extra_forbidden"), faults[0])
    name = ".".join(str(part)[:40] for part in fault["loc"]) or "body"
    if fault["type"] == "extra_forbidden":
        return Problem.INVALID_BODY.refusal(f"{name} is not a member of this body.", parameter=name)
    if fault["type"] == "missing":
        return Problem.INVALID_BODY.refusal(f"{name} is required.", parameter=name)
    reason = str(fault["ctx"]["error"]) if fault["type"] == "value_error" else fault["msg"]
    return Problem.INVALID_BODY.refusal(f"{name}: {reason.replace('Input should be', 'expected')}.", parameter=name)
