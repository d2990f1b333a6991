"""The small interfaces through which services reach the world; tests satisfy them with fakes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from marketflow.domain.fetching import FetchReport, FetchRequest, FetchTask, RawResponse, Verdict
from marketflow.domain.jobs import Part
from marketflow.domain.state import SourceState
from marketflow.domain.symbol import Symbol

Clock = Callable[[], datetime]
"""Gives the present moment as an aware UTC time."""


class SourcePort(Protocol):
    """The pure half of a source, as `marketflow.sources.base.Source` has it."""

    @property
    def name(self) -> str:
        """The source's name in the catalogue."""
        ...

    def build_requests(
        self, task: FetchTask, symbols: Sequence[str], *, now: datetime, since: datetime | None
    ) -> list[FetchRequest]:
        """The GETs that answer `task`."""
        ...

    def check(self, request: FetchRequest, response: RawResponse) -> Verdict:
        """Whether `response` is an answer; raises a typed error when not."""
        ...


class Fetch(Protocol):
    """The I/O half of a source: one GET."""

    async def __call__(self, request: FetchRequest) -> RawResponse:
        """The answer to `request`; raises RetryLaterError when no host answers."""
        ...


class Archive(Protocol):
    """Where bodies are kept."""

    def put(self, request: FetchRequest, response: RawResponse, *, failed: bool = False) -> str:
        """Keep an answer; its key."""
        ...


class Outbox(Protocol):
    """Where messages go."""

    def send(self, texts: Sequence[str]) -> None:
        """Hand over every message, or raise RetryLaterError."""
        ...


class TaskQueue(Protocol):
    """Where tasks wait."""

    def send(self, texts: Sequence[str], *, delay_seconds: int = 0) -> None:
        """Put tasks there, to be done after so many seconds (cut at what the queue can), or raise RetryLaterError."""
        ...


class Codec(Protocol):
    """The words on the queue."""

    def payload(
        self,
        request: FetchRequest,
        response: RawResponse,
        *,
        raw_key: str,
        correlation_id: str,
        part: Part | None = None,
    ) -> str:
        """The message that carries one answer, which may be a part of a backfill."""
        ...

    def report(self, report: FetchReport, *, correlation_id: str) -> str:
        """The message that carries the report of one run."""
        ...


class SymbolBook(Protocol):
    """The active symbols of each source."""

    def read(self, source: str) -> Sequence[Symbol]:
        """The active symbols of `source`."""
        ...


class StateStore(Protocol):
    """What fetchers remember between runs."""

    def read(self, source: str) -> SourceState:
        """The state of `source`."""
        ...

    def update(self, source: str, change: Callable[[SourceState], SourceState]) -> SourceState:
        """Apply `change` atomically; the new state."""
        ...
