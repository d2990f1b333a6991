"""The header `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header), which every POST may have."""

from __future__ import annotations

import re

from marketflow.api.messages import Request
from marketflow.api.problems import Problem

HEADER = "Idempotency-Key"
PATTERN = r"^[!-~]([ -~]{0,253}[!-~])?$"


def idempotency_key(request: Request) -> str | None:
    """The client's own word for this request; None without one. Raises RefusedError (400) for what cannot be one."""
    key = request.headers.get(HEADER.lower())
    if key is not None and not re.search(PATTERN, key):
        raise Problem.INVALID_PARAMETER.refusal(
            f"{HEADER}: expected 1 to 255 printable ASCII characters, such as a UUID.", parameter=HEADER
        )
    return key
