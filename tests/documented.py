"""Holds an answer against docs/openapi.json."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

from jsonschema import Draft202012Validator

from local.openapi import DOCUMENT, ROOT
from tests.unit.api.market import Answer

DOCUMENTED: dict[str, Any] = json.loads((ROOT / DOCUMENT).read_text(encoding="utf-8"))


def _closed(schema: Any) -> Any:  # noqa: ANN401 - any JSON
    """The same without room for members that are not documented; a problem's extensions stay possible."""
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(one) for name, one in schema.items()}
    if schema.get("type") == "object" and "properties" in schema and "instance" not in schema["properties"]:
        closed["additionalProperties"] = False
    return closed


_SCHEMAS = _closed(deepcopy(DOCUMENTED["components"]["schemas"]))


def check(path: str, answer: Answer, *, method: str = "GET") -> None:
    """Fail when the answer to `method` of the template `path` is not one that the document describes."""
    responses = DOCUMENTED["paths"][path][method.lower()]["responses"]
    assert str(answer.status) in responses, f"{path} answers {answer.status}: {answer.body}"
    response = responses[str(answer.status)]
    headers = set(response["headers"])
    expected = headers - {"Link", "Content-Disposition", "X-Request-Id", "Retry-After"}
    assert expected <= answer.headers.keys()
    told = answer.headers.keys() & {
        "Link",
        "Location",
        "Content-Disposition",
        "ETag",
        "Retry-After",
        "Cache-Control",
        "RateLimit-Policy",
        "X-Adjustment",
    }
    assert told <= headers, f"{path} does not tell of {told - headers}"
    if "content" not in response:
        assert answer.body == ""
        return
    media_type = answer.headers["Content-Type"].partition(";")[0]
    assert media_type in response["content"], media_type
    content = response["content"][media_type]
    if media_type in ("application/json", "application/problem+json"):
        schema = {"components": {"schemas": _SCHEMAS}, **_closed(content["schema"])}
        validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
        assert not [f"{error.json_path}: {error.message}" for error in validator.iter_errors(answer.json)]
    if answer.status >= 400:
        assert answer.json["code"] in content["examples"], answer.body
