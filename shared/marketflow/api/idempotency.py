"""The header `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header), which every POST may have."""

from __future__ import annotations

import re

from marketflow.api.messages import Request
from marketflow.api.problems import Problem

HEADER = "Idempotency-Key"
LONGEST = 255

_KEY = re.compile(rf"[!-~]{{1,{LONGEST}}}")


def idempotency_key(request: Request) -> str | None:
    """The client's own word for this request; None without one. Raises RefusedError (400) for what cannot be one.

    It has no spaces: HTTP strips those at its ends.
    """
    key = request.headers.get(HEADER.lower())
    if key is not None and not _KEY.fullmatch(key):
        raise Problem.INVALID_HEADER.refusal(
            f"{HEADER}: expected 1 to {LONGEST} printable ASCII characters without spaces, such as a UUID."
        )
    return key
