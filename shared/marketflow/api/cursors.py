"""Opaque cursors: where the next page begins, bound to the query that it continues."""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Sequence
from hashlib import sha256

from marketflow.api.messages import Request
from marketflow.api.problems import Problem

_MAC_BYTES = 16
_FREE = frozenset({"cursor", "limit"})
"""What a client may change from page to page."""


class Cursors:
    """Writes and reads cursors, signed with `key` so that only what we wrote, for the same path and query, is read.

    A cursor is base64url of a MAC and the last row's sort key as a JSON array of strings.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def write(self, request: Request, position: Sequence[str]) -> str:
        """The cursor behind the row at `position`."""
        payload = json.dumps(list(position), separators=(",", ":")).encode()
        return urlsafe_b64encode(self._mac(request, payload) + payload).decode().rstrip("=")

    def read(self, request: Request, cursor: str, *, length: int) -> list[str]:
        """The position in `cursor`, `length` strings. Raises RefusedError (400) for any other text."""
        try:
            text = cursor.encode("ascii")
            raw = urlsafe_b64decode(text + b"=" * (-len(text) % 4))
        except (UnicodeEncodeError, Base64Error):
            raise _refuse() from None
        mac, payload = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        # The decoder skips foreign characters and spare bits: only the one canonical spelling is accepted.
        canonical = urlsafe_b64encode(raw).rstrip(b"=") == text
        if not canonical or not hmac.compare_digest(mac, self._mac(request, payload)):
            raise _refuse()
        position = json.loads(payload)
        if len(position) != length:
            raise _refuse()
        return [str(part) for part in position]

    def link(self, request: Request, position: Sequence[str] | None) -> dict[str, str]:
        """The header that leads to the page behind the row at `position`; none when that was the last page."""
        if position is None:
            return {}
        return {"Link": f'<{request.url_with("cursor", self.write(request, position))}>; rel="next"'}

    def _mac(self, request: Request, payload: bytes) -> bytes:
        query = sorted((name, values) for name, values in request.query.items() if name not in _FREE)
        question = json.dumps([request.path, query]).encode()
        return hmac.digest(self._key, sha256(question).digest() + payload, "sha256")[:_MAC_BYTES]


def _refuse() -> Exception:
    return Problem.INVALID_CURSOR.refusal(
        "The cursor was not made for this query, or was changed. Follow the URL in the Link header as it is, or start "
        "again without a cursor.",
        parameter="cursor",
    )
