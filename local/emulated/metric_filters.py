"""Metric filters of a log group: the JSON patterns that MarketFlow's are written in. Pure, without the emulator.

Known are comparisons of `$.member` with a number, a text with `*` in it, or another `IS NULL` / `NOT EXISTS`, joined by
`&&`, or by `||`. An empty pattern is every event.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

TERM = re.compile(
    r"""\(?\s*\$\.(?P<path>[\w.\[\]-]+)\s*
        (?: (?P<sign>>=|<=|!=|=|>|<)\s*(?P<value>"[^"]*"|[^\s"()]+)
          | (?P<word>IS\s+NULL|IS\s+TRUE|IS\s+FALSE|NOT\s+EXISTS|EXISTS) )\s*\)?""",
    re.VERBOSE,
)
ORDER: dict[str, Callable[[float, float], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
Matches = Callable[[Any], bool]
_ABSENT = object()


class PatternError(ValueError):
    """The pattern is none that is known here."""


@lru_cache(maxsize=256)
def compiled(pattern: str) -> Matches:
    """Whether an event (its JSON, or its text when it has none) matches the pattern. Raises PatternError."""
    text = pattern.strip()
    if not text:
        return lambda _: True
    if not (text.startswith("{") and text.endswith("}")):
        return lambda event: text.strip('"') in (event if isinstance(event, str) else json.dumps(event))
    inner = text[1:-1]
    if "&&" in inner and "||" in inner:
        raise PatternError(f"{pattern}: && and || in one pattern are not known here")
    terms = [_term(part, pattern) for part in re.split(r"&&|\|\|", inner)]
    combine = any if "||" in inner else all
    return lambda event: combine(term(event) for term in terms)


def metric_value(transformation: Mapping[str, Any], event: Any) -> float | None:  # noqa: ANN401 - any JSON
    """What a matching event adds: the number that the transformation names, or that of a member of the event."""
    text = str(transformation["metricValue"])
    found = member(event, text[2:]) if text.startswith("$.") else text
    try:
        return float(found)
    except (TypeError, ValueError):
        return None


def dimensions(transformation: Mapping[str, Any], event: Any) -> dict[str, str] | None:  # noqa: ANN401 - the same
    """The dimensions of a matching event; None when it lacks one of them, and is not counted."""
    found = {name: member(event, path[2:]) for name, path in (transformation.get("dimensions") or {}).items()}
    return None if any(value in (_ABSENT, None) for value in found.values()) else {k: str(v) for k, v in found.items()}


def member(event: Any, path: str) -> Any:  # noqa: ANN401 - the same
    """A member of the event by its path, `a.b`; a mark of its own when there is none."""
    for name in path.split("."):
        if not isinstance(event, dict) or name not in event:
            return _ABSENT
        event = event[name]
    return event


def _term(text: str, pattern: str) -> Matches:
    found = TERM.fullmatch(text.strip())
    if found is None:
        raise PatternError(f"{pattern}: {text.strip()} is no comparison that is known here")
    path, sign = found["path"], found["sign"]
    if sign is None:
        word = " ".join(found["word"].split())
        return lambda event: _states(member(event, path), word)
    wanted = found["value"].strip('"')
    return lambda event: _compares(member(event, path), sign, wanted)


def _states(value: object, word: str) -> bool:
    match word:
        case "IS NULL":
            return value is None
        case "IS TRUE" | "IS FALSE":
            return value is (word == "IS TRUE")
    return (value is _ABSENT) == (word == "NOT EXISTS")


def _compares(value: object, sign: str, wanted: str) -> bool:
    if value is _ABSENT or value is None:
        return False
    try:
        return ORDER[sign](float(str(value)), float(wanted))
    except ValueError:
        pass
    same = fnmatchcase(str(value), wanted.replace("[", "[[]"))
    return same if sign == "=" else not same if sign == "!=" else False
