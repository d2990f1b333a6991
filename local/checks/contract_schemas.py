"""Whether a JSON Schema (2020-12) changed in a way that breaks those who send it, or those who read it.

What a client sends must still be accepted: every value of the old schema is one of the new. What a client reads must
still be what it was told: every value of the new schema is one of the old, but for members and enumerated values that
were added. `pattern`, `format` and the like cannot be compared, so that only leaving one out is ever harmless.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

Schema = Mapping[str, Any]

UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
WORDS = ("pattern", "format", "multipleOf", "uniqueItems", "contentEncoding", "contentMediaType")
OPAQUE = (
    *("not", "if", "then", "else", "contains", "minContains", "maxContains", "prefixItems", "patternProperties"),
    *("propertyNames", "dependentRequired", "dependentSchemas", "unevaluatedItems", "unevaluatedProperties"),
)
"""What this module does not understand must stay as it is written."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two documents."""

    document: Mapping[str, Any]

    def resolve(self, entry: Schema) -> Schema:
        """The entry behind `$ref`; what stands beside the reference is kept. Raises KeyError for one to nowhere."""
        while "$ref" in entry:
            found: Any = self.document
            for part in entry["$ref"].removeprefix("#/").split("/"):
                found = found[part.replace("~1", "/").replace("~0", "~")]
            entry = {**found, **{name: value for name, value in entry.items() if name != "$ref"}}
        return entry

    def variants(self, schema: Schema | bool) -> list[dict[str, Any]]:
        """The schemas of one type each, of which a value has to fit one."""
        if isinstance(schema, bool):
            return [{}] if schema else []
        schema = self.resolve(schema)
        rest = {name: value for name, value in schema.items() if name not in ("allOf", "anyOf", "oneOf", "const")}
        if "const" in schema:
            rest["enum"] = [schema["const"]]
        groups = [self.variants(part) for part in schema.get("allOf", ())]
        groups += [self._any(schema[name]) for name in ("anyOf", "oneOf") if name in schema]
        found = [_merged([rest, *parts]) for parts in product(*groups)]
        return [one for merged in found for one in _by_type(merged)]

    def _any(self, choices: Iterable[Schema]) -> list[dict[str, Any]]:
        return [one for choice in choices for one in self.variants(choice)]


def _merged(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for part in parts:
        properties = {**merged.get("properties", {}), **part.get("properties", {})}
        required = sorted({*merged.get("required", ()), *part.get("required", ())})
        merged = {**merged, **part, "properties": properties, "required": required}
    return merged


def _by_type(schema: dict[str, Any]) -> list[dict[str, Any]]:
    types = schema.get("type")
    return [{**schema, "type": one} for one in types] if isinstance(types, list) else [schema]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Compares schemas of the documents `old` and `new`; `sent` ones are those of requests."""

    old: Side
    new: Side
    sent: bool

    def changes(
        self, old: Schema | bool, new: Schema | bool, at: str, seen: frozenset[tuple[int, int]] = frozenset()
    ) -> Iterator[str]:
        """What breaks, each with the place `at` where it stands."""
        pair = (id(old), id(new))
        if pair in seen:
            return
        olds, news = self.old.variants(old), self.new.variants(new)
        inner, outer = (olds, news) if self.sent else (news, olds)
        for one in inner:
            found = []
            for other in outer:
                before, after = (one, other) if self.sent else (other, one)
                found.append((one.get("type") != other.get("type"), list(self._one(before, after, at, seen | {pair}))))
            if not found:
                yield f"{at}: {_named(one)} is {'no longer accepted' if self.sent else 'answered now'}"
            elif all(problems for _, problems in found):
                # The most alike tells best what was meant.
                yield from min(found, key=lambda entry: (entry[0], len(entry[1])))[1]

    def _one(self, old: Schema, new: Schema, at: str, seen: frozenset[tuple[int, int]]) -> Iterator[str]:
        """The same for schemas without alternatives."""
        inner, outer = (old, new) if self.sent else (new, old)
        if not _type_fits(inner.get("type"), outer.get("type")):
            yield f"{at}: type {old.get('type', 'any')} became {new.get('type', 'any')}"
            return
        yield from self._values(old, new, at)
        for name in (*UPPER, *LOWER):
            if not _bound_fits(name, inner.get(name), outer.get(name)):
                yield f"{at}: {name} {old.get(name, 'without')} became {new.get(name, 'without')}"
        for name in WORDS:
            if outer.get(name) and inner.get(name) != outer[name]:
                yield f"{at}: {name} {old.get(name, 'without')} became {new.get(name, 'without')}"
        for name in OPAQUE:
            if old.get(name) != new.get(name):
                yield f"{at}: {name} changed, which cannot be judged"
        if self.sent and "default" in old and old["default"] != new.get("default"):
            yield f"{at}: the default {_text(old['default'])} became {_text(new.get('default'))}"
        yield from self._members(old, new, at, seen)
        if "items" in inner or "items" in outer:
            yield from self.changes(old.get("items", True), new.get("items", True), f"{at}[]", seen)

    def _values(self, old: Schema, new: Schema, at: str) -> Iterator[str]:
        inner, outer = (old, new) if self.sent else (new, old)
        if "enum" not in outer:
            return
        if "enum" not in inner:
            limited = ", ".join(map(_text, outer["enum"]))
            yield f"{at}: {'only' if self.sent else 'no longer only'} {limited}"
        elif self.sent:
            accepted = set(map(_text, new["enum"]))
            for value in old["enum"]:
                if _text(value) not in accepted:
                    yield f"{at}: the value {_text(value)} is no longer accepted"

    def _members(self, old: Schema, new: Schema, at: str, seen: frozenset[tuple[int, int]]) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        for name in sorted(before.keys() - after.keys()):
            yield f"{at}.{name}: was removed"
        for name in sorted(before.keys() & after.keys()):
            yield from self.changes(before[name], after[name], f"{at}.{name}", seen)
        needed, promised = set(new.get("required", ())), set(old.get("required", ()))
        if self.sent:
            for name in sorted(needed - promised):
                yield f"{at}.{name}: is required now"
        else:
            for name in sorted((promised - needed) & after.keys()):
                yield f"{at}.{name}: is no longer always there"
        further = old.get("additionalProperties", True)
        if self.sent:
            yield from self.changes(further, new.get("additionalProperties", True), f"{at}.*", seen)
        elif not isinstance(further, bool):
            left = new.get("additionalProperties", True)
            if left is False:
                yield f"{at}.*: was removed"
            yield from self.changes(further, left, f"{at}.*", seen)


def _type_fits(inner: str | None, outer: str | None) -> bool:
    return outer is None or inner == outer or (inner, outer) == ("integer", "number")


def _bound_fits(name: str, inner: float | None, outer: float | None) -> bool:
    """Whether a bound lets no more through than the other. Nothing is shorter than nothing."""
    if outer is None:
        return True
    if inner is None:
        return name in ("minLength", "minItems", "minProperties") and outer == 0
    return inner <= outer if name in UPPER else inner >= outer


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _named(schema: Schema) -> str:
    return f"a value of type {schema['type']}" if "type" in schema else "a value"
