"""What every function's wiring shares: the clock, the one connection, and what a process has built so far."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cache
from typing import ParamSpec, TypeVar

from marketflow.config import AwsCredentials
from marketflow.persistence.connection import Database

P = ParamSpec("P")
T = TypeVar("T")

opened = ExitStack()
"""What `close` closes."""

_forget: list[Callable[[], None]] = []


def per_process(build: Callable[P, T]) -> Callable[P, T]:
    """Build once for the same arguments, which must be hashable; `close` forgets it."""
    cached = cache(build)
    _forget.append(cached.cache_clear)
    return cached  # type: ignore[return-value]  # typeshed's cache forgets the parameters


def utc_now() -> datetime:
    """The system clock, UTC."""
    return datetime.now(UTC)


@per_process
def database_at(
    url: str, *, connect_deadline_seconds: float = 10.0, statement_timeout_seconds: float = 30.0
) -> Database:
    """The process' one connection to the database at `url`, which is opened by the first statement."""
    database = Database(
        url,
        credentials=AwsCredentials.load,
        connect_deadline_seconds=connect_deadline_seconds,
        statement_timeout_seconds=statement_timeout_seconds,
    )
    opened.callback(database.close)
    return database


def cursor_key(database_url: str) -> bytes:
    """What tells a damaged cursor from a good one.

    Every process of a deployment has the same address of the database and nobody outside knows it, which is all that
    this key needs: a cursor grants nothing.
    """
    return hashlib.sha256(database_url.encode()).digest()


def close() -> None:
    """Close what was opened and forget what was wired. Lambda never calls it; tests and tools do."""
    opened.close()
    for forget in _forget:
        forget()
