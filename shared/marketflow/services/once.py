"""Work that is done once, however often a client asks for it with the same `Idempotency-Key`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Once(Protocol):
    """Remembers the answer to a request for a day, and gives it again when the request comes again.

    Requests are the same by `operation` (the route), `owner` (the caller's subject) and `key` (the client's own word);
    `payload` are the bytes that must not differ between them.
    """

    def __call__(self, *, operation: str, owner: str, key: str | None, payload: bytes, work: Callable[[], str]) -> str:
        """What `work` answers, or answered before. Without a `key` it is just `work()`.

        The text is kept as it is: it must hold no secret. Raises RefusedError, 422 `idempotency_mismatch` when the same
        key came with another payload, 409 `idempotency_in_progress` while the first request is still running; whatever
        `work` raises is raised and nothing is remembered.
        """
        ...
