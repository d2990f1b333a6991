"""Work that is done once, however often its request comes: what `Idempotency-Key` promises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Once(Protocol):
    """Remembers what was answered to a key."""

    def __call__(self, *, operation: str, owner: str, key: str | None, payload: bytes, work: Callable[[], str]) -> str:
        """The answer of `work`, or the one that it gave when the same key came first; without a key, just that of work.

        A key belongs to its owner and operation. Raises RefusedError: 422 `idempotency_mismatch` when the same key came
        with another payload, 409 `idempotency_in_progress` while the first request still runs.
        """
        ...
