"""What breaks between two OpenAPI 3.1 documents of an API: within a major version there are only additions.

A client of the old document must get along with the new one without a change: its calls are still accepted, and what it
reads is still there. Words for people (summaries, descriptions, examples) may change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from local.checks.contract_schemas import Comparison, Schema, Side

METHODS = ("get", "head", "post", "put", "patch", "delete", "options", "trace")
FORM = {"style": None, "explode": None, "allowReserved": False}
"""How a parameter is written in a URL, with what an absent word stands for."""

Entries = Mapping[str, Any]


def breaking(old: Entries, new: Entries) -> list[str]:
    """Every change that breaks a client of `old`, one line each; empty when there are only additions."""
    # A schema that contains itself says everything once more.
    return list(dict.fromkeys(Contract(old, new).changes()))


class Contract:
    """The documents `old` and `new` of one API."""

    def __init__(self, old: Entries, new: Entries) -> None:
        self._old, self._new = Side(old), Side(new)
        self._sent = Comparison(self._old, self._new, sent=True)
        self._answered = Comparison(self._old, self._new, sent=False)

    def changes(self) -> Iterator[str]:
        """What breaks."""
        old, new = self._old.document, self._new.document
        servers = {server["url"] for server in new.get("servers", ())}
        for server in old.get("servers", ()):
            if server["url"] not in servers:
                yield f"server {server['url']}: was removed"
        for path, before in old["paths"].items():
            after = new["paths"].get(path, {})
            for method in METHODS:
                if method not in before:
                    continue
                at = f"{method.upper()} {path}"
                if method in after:
                    yield from self._operation(before, after, method, at)
                else:
                    yield f"{at}: was removed"

    def _operation(self, old_path: Entries, new_path: Entries, method: str, at: str) -> Iterator[str]:
        old, new = old_path[method], new_path[method]
        if "operationId" in old and old["operationId"] != new.get("operationId"):
            yield f"{at}: operationId {old['operationId']} became {new.get('operationId', 'none')}"
        accepted = list(_alternatives(self._new, new))
        for needed in _alternatives(self._old, old):
            if not any(_needs_no_more(one, needed) for one in accepted):
                yield f"{at}: security {_credentials(needed)} is no longer enough"
        yield from self._parameters(_parameters(self._old, old_path, old), _parameters(self._new, new_path, new), at)
        yield from self._body(old.get("requestBody"), new.get("requestBody"), at)
        for status, response in old.get("responses", {}).items():
            if status in new.get("responses", {}):
                yield from self._response(response, new["responses"][status], f"{at} {status}")
            else:
                yield f"{at} {status}: was removed"

    def _parameters(
        self, old: Mapping[tuple[str, str], Entries], new: Mapping[tuple[str, str], Entries], at: str
    ) -> Iterator[str]:
        for key, parameter in new.items():
            if parameter.get("required") and not old.get(key, {}).get("required"):
                yield f"{at} {_spot(key)}: is required now"
        for key, before in old.items():
            spot = f"{at} {_spot(key)}"
            if key not in new:
                # An unknown parameter is refused, so one that is gone refuses those who give it.
                yield f"{spot}: was removed"
                continue
            after = new[key]
            for word, absent in FORM.items():
                if before.get(word, absent) != after.get(word, absent):
                    yield f"{spot}: {word} {before.get(word, absent)} became {after.get(word, absent)}"
            yield from self._sent.changes(before.get("schema", True), after.get("schema", True), spot)
            yield from self._content(before, after, spot, self._sent)

    def _body(self, old: Schema | None, new: Schema | None, at: str) -> Iterator[str]:
        before = {} if old is None else self._old.resolve(old)
        after = {} if new is None else self._new.resolve(new)
        if old is not None and new is None:
            yield f"{at} body: was removed"
        elif after.get("required") and not before.get("required"):
            yield f"{at} body: is required now"
        if new is not None:
            yield from self._content(before, after, f"{at} body", self._sent)

    def _response(self, old: Schema, new: Schema, at: str) -> Iterator[str]:
        before, after = self._old.resolve(old), self._new.resolve(new)
        yield from self._content(before, after, at, self._answered)
        headers = {name.lower(): header for name, header in after.get("headers", {}).items()}
        for name, entry in before.get("headers", {}).items():
            if name.lower() not in headers:
                yield f"{at} header {name}: was removed"
                continue
            was, now = self._old.resolve(entry), self._new.resolve(headers[name.lower()])
            if was.get("required") and not now.get("required"):
                yield f"{at} header {name}: is no longer always there"
            yield from self._answered.changes(was.get("schema", True), now.get("schema", True), f"{at} header {name}")

    def _content(self, old: Entries, new: Entries, at: str, comparison: Comparison) -> Iterator[str]:
        after = new.get("content", {})
        for media_type, before in old.get("content", {}).items():
            spot = f"{at} {media_type}"
            if media_type in after:
                yield from comparison.changes(before.get("schema", True), after[media_type].get("schema", True), spot)
            else:
                yield f"{spot}: was removed"


def _parameters(side: Side, path: Entries, operation: Entries) -> dict[tuple[str, str], Entries]:
    """By place and name; an operation's own replaces that of its path."""
    entries = [side.resolve(one) for one in (*path.get("parameters", ()), *operation.get("parameters", ()))]
    # The names of headers have no case.
    return {(one["in"], one["name"].lower() if one["in"] == "header" else one["name"]): one for one in entries}


def _spot(key: tuple[str, str]) -> str:
    return f"{key[0]} {key[1]}"


Credentials = dict[tuple[str, ...], frozenset[str]]
"""The scopes of each scheme that a request needs, all of them together."""


def _alternatives(side: Side, operation: Entries) -> Iterator[Credentials]:
    """What opens the operation; a scheme is what it looks like on the wire, whatever its name in the document."""
    schemes = side.document.get("components", {}).get("securitySchemes", {})
    anyone: dict[str, list[str]] = {}
    for needed in operation.get("security", side.document.get("security")) or [anyone]:
        found: Credentials = {}
        for name, scopes in needed.items():
            scheme = side.resolve(schemes.get(name, {"type": name}))
            words = tuple(str(scheme[word]).lower() for word in ("type", "scheme", "in", "name") if word in scheme)
            found[words] = frozenset(scopes)
        yield found


def _needs_no_more(new: Credentials, old: Credentials) -> bool:
    return all(scheme in old and scopes <= old[scheme] for scheme, scopes in new.items())


def _credentials(needed: Credentials) -> str:
    if not needed:
        return "none"
    return " with ".join(" ".join((*scheme, *sorted(scopes))) for scheme, scopes in needed.items())
