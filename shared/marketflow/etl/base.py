"""The three things that the ETL is given: a parser, the archive and the loader."""

from __future__ import annotations

from typing import Protocol

from marketflow.domain.fetching import FetchRequest, RawResponse
from marketflow.domain.loading import LoadResult, Provenance
from marketflow.domain.records import ParsedPayload


class Parser(Protocol):
    """The half of a source that reads its answers."""

    def parse(self, request: FetchRequest, response: RawResponse) -> ParsedPayload:
        """The rows of `response`; raises MalformedPayloadError when nothing of it is data."""
        ...


class Archive(Protocol):
    """Where bodies that did not fit a message are claimed."""

    def get(self, key: str) -> tuple[FetchRequest, RawResponse]:
        """What was asked and answered at `key`; raises MalformedPayloadError when the object is not readable."""
        ...


class Loader(Protocol):
    """Where rows go."""

    def load(self, payload: ParsedPayload, provenance: Provenance) -> LoadResult:
        """Store rows and refused rows; loading the same again changes nothing."""
        ...
