"""What goes over the wire: requests, answers, and the small helpers that every simulated vendor uses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

JSON_TYPE = "application/json"
HTML_TYPE = "text/html"


class Answer(NamedTuple):
    """One HTTP answer: status, headers (lower-case names), body bytes."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request below a vendor's prefix. `headers` has lower-case names, `now_ms` is the vendor's clock."""

    path: str
    params: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    now_ms: int

    @property
    def now(self) -> int:
        """The vendor's clock in whole seconds."""
        return self.now_ms // 1000

    def param(self, name: str) -> str | None:
        """The last value of query parameter `name`; None when it was not sent."""
        return next((value for key, value in reversed(self.params) if key == name), None)


def json_answer(status: int, document: object, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer with `document` as compact JSON."""
    body = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    return Answer(status, {"content-type": JSON_TYPE, **(headers or {})}, body)


def html_answer(status: int, title: str, text: str) -> Answer:
    """An answer with a small HTML page, as gateways and firewalls send it."""
    page = (
        f"<!DOCTYPE html>\n<html><head><title>{title}</title></head>\n"
        f"<body><h1>{title}</h1><p>{text}</p></body></html>\n"
    )
    return Answer(status, {"content-type": HTML_TYPE}, page.encode())


def plain_number(value: float, decimals: int, *, point: bool = False) -> str:
    """`value` as JSON text with at most `decimals` decimals: no exponent, no trailing zeros.

    A whole number has no point, unless `point` asks for one (`2` or `2.0`).
    """
    text = f"{value:.{decimals}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return f"{text}.0" if point and "." not in text else text


def with_numbers(head: Mapping[str, Any], name: str, numbers: Mapping[str, str]) -> bytes:
    """The JSON object `head` with a last member `name`, an object whose values are the given number texts."""
    members = ",".join(f'"{key}":{number}' for key, number in numbers.items())
    start = json.dumps(head, separators=(",", ":"))[:-1]
    return f'{start},"{name}":{{{members}}}}}'.encode()
