"""Loads one message of the payload queue: an answer becomes rows, a report becomes its source's status."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from marketflow.domain.fetching import FetchReport
from marketflow.domain.loading import Delivery, LoadResult
from marketflow.errors import MalformedPayloadError


class Message(Protocol):
    """A message of the payload queue."""

    @property
    def correlation_id(self) -> str:
        """The tick or task that it comes from."""
        ...

    def content(self) -> Delivery | FetchReport:
        """What it carries."""
        ...


class Pipeline(Protocol):
    """The ETL of one source."""

    def run(self, delivery: Delivery) -> LoadResult:
        """Load one answer."""
        ...


class ReportBook(Protocol):
    """Where the reports of fetchers go."""

    def record_report(self, report: FetchReport) -> None:
        """Store what a run says of its source."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What became of a message. `result` is None for a report; `raw_key` names the answer that was loaded."""

    correlation_id: str
    source: str
    raw_key: str | None = None
    result: LoadResult | None = None


class Loading:
    """Gives each message to whom it belongs."""

    def __init__(
        self,
        *,
        decode: Callable[[str], Message],
        pipelines: Mapping[str, Pipeline],
        reports: ReportBook,
    ) -> None:
        self._decode = decode
        self._pipelines = pipelines
        self._reports = reports

    def load(self, body: str) -> Loaded:
        """Load the message in `body`; loading it again changes nothing.

        Raises MalformedPayloadError when it is not a message of ours or of no known source: it belongs in the
        dead-letter queue. Raises RetryLaterError when the database cannot take it now.
        """
        message = self._decode(body)
        content = message.content()
        if isinstance(content, FetchReport):
            self._reports.record_report(content)
            return Loaded(correlation_id=message.correlation_id, source=content.source)
        source = content.request.source
        if source not in self._pipelines:
            known = ", ".join(self._pipelines)
            raise MalformedPayloadError(f"No source is called {source!r}; there are {known}.", reason="unknown_source")
        result = self._pipelines[source].run(content)
        return Loaded(correlation_id=message.correlation_id, source=source, raw_key=content.raw_key, result=result)
