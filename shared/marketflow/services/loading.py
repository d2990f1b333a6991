"""Loads one message of the payload queue: an answer becomes rows, a report becomes its source's status.

What is a part of a job is counted for it as well, in a second statement: loading is idempotent, and so is counting, so
that a crash between the two is mended by the next delivery.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from marketflow.domain.fetching import FetchReport, FetchRequest, RawResponse
from marketflow.domain.jobs import Claim, Listed, Part, PartFailure
from marketflow.domain.loading import Delivery, LoadResult
from marketflow.errors import MalformedPayloadError


class Message(Protocol):
    """A message of the payload queue."""

    @property
    def correlation_id(self) -> str:
        """The tick or task that it comes from."""
        ...

    def content(self) -> Delivery | FetchReport | Claim | Listed:
        """What it carries."""
        ...


class Pipeline(Protocol):
    """The ETL of one source."""

    def run(self, delivery: Delivery) -> LoadResult:
        """Load one answer."""
        ...


class Claims(Protocol):
    """The archive."""

    def get(self, key: str) -> tuple[FetchRequest, RawResponse]:
        """What was asked and answered at `key`; raises MalformedPayloadError when the object is not readable."""
        ...


class PartBook(Protocol):
    """Where the parts of jobs are counted; each method may be repeated, in any order."""

    def part_loaded(self, part: Part, *, raw_key: str, result: LoadResult) -> None:
        """Note what became of a part whose answer was loaded."""
        ...

    def part_failed(self, failure: PartFailure, *, received: bool) -> None:
        """Note that a part gives nothing; `received` says whether there was an answer at all."""
        ...

    def listed(self, listed: Listed) -> None:
        """Note how many parts a job has."""
        ...


class ReportBook(Protocol):
    """Where the reports of fetchers go."""

    def record_report(self, report: FetchReport) -> None:
        """Store what a run says of its source."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What became of a message. `result` is None for one without an answer; `raw_key` names that which was loaded."""

    correlation_id: str
    source: str = ""
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
        jobs: PartBook,
        archive: Claims,
    ) -> None:
        self._decode = decode
        self._pipelines = pipelines
        self._reports = reports
        self._jobs = jobs
        self._archive = archive

    def load(self, body: str) -> Loaded:
        """Load the message in `body`; loading it again changes nothing.

        Raises MalformedPayloadError when it is not a message of ours or of no known source: it belongs in the
        dead-letter queue. Raises RetryLaterError when the database cannot take it now.
        """
        message = self._decode(body)
        content = message.content()
        if isinstance(content, FetchReport):
            self._reports.record_report(content)
            if content.lost is not None:
                self._jobs.part_failed(content.lost, received=False)
            return Loaded(correlation_id=message.correlation_id, source=content.source)
        if isinstance(content, Listed):
            self._jobs.listed(content)
            return Loaded(correlation_id=message.correlation_id)
        if isinstance(content, Claim):
            content = self._claimed(content)
        source = content.request.source
        if source not in self._pipelines:
            known = ", ".join(self._pipelines)
            raise MalformedPayloadError(f"No source is called {source!r}; there are {known}.", reason="unknown_source")
        result = self._pipelines[source].run(content)
        if content.part is not None:
            self._jobs.part_loaded(content.part, raw_key=content.raw_key, result=result)
        return Loaded(correlation_id=message.correlation_id, source=source, raw_key=content.raw_key, result=result)

    def _claimed(self, claim: Claim) -> Delivery:
        """The answer out of the archive. One that cannot be read is a failed part; it goes to the dead letters too."""
        try:
            request, response = self._archive.get(claim.raw_key)
        except MalformedPayloadError as error:
            self._jobs.part_failed(PartFailure(part=claim.part, reason=error.reason, detail=str(error)), received=True)
            raise
        return Delivery(request=request, response=response, raw_key=claim.raw_key, part=claim.part)
