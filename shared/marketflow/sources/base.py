"""What every source is: pure functions around one GET."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from marketflow.domain.fetching import FetchRequest, FetchTask, RawResponse, Verdict
from marketflow.domain.interval import Interval
from marketflow.domain.jobs import History
from marketflow.domain.records import ParsedPayload
from marketflow.errors import RefusedError, RetryLaterError
from marketflow.sources import wire
from marketflow.sources.catalog import CATALOG, SourceSpec

if TYPE_CHECKING:
    import httpx

KEPT_HEADERS = ("content-type", "date", "etag", "retry-after")
"""The response headers that are archived; a source adds its own, in lower case, in `kept_headers`."""


class Source(ABC):
    """One vendor. `build_requests`, `check` and `parse` are pure; `fetch` is the only I/O.

    `base_urls` overrides the catalogue's hosts, `api_key` unlocks what the vendor keeps behind one.
    """

    name: ClassVar[str]
    kept_headers: ClassVar[tuple[str, ...]] = ()
    histories: ClassVar[Mapping[Interval, History]] = {}
    """What a backfill may ask for; an interval that is missing has no history here."""

    def __init__(self, *, base_urls: Sequence[str] = (), api_key: str | None = None) -> None:
        self.spec: SourceSpec = CATALOG[self.name]
        catalogued = self.spec.keyed_base_urls if api_key and self.spec.keyed_base_urls else self.spec.base_urls
        self.base_urls = tuple(url.rstrip("/") for url in base_urls) or catalogued
        self.api_key = api_key

    @abstractmethod
    def build_requests(
        self, task: FetchTask, symbols: Sequence[str], *, now: datetime, since: datetime | None
    ) -> list[FetchRequest]:
        """The GETs that answer `task` for `symbols` (vendor spelling).

        `since` is the UTC time of the last good fetch of this dataset, None when there was none: without a window in
        the task, the requests reach back that far, as deep as one call allows. Raises RefusedError for a dataset or a
        window that the source does not have.
        """

    @abstractmethod
    def check(self, request: FetchRequest, response: RawResponse) -> Verdict:
        """Whether `response` is an answer, from its status and its body's envelope.

        Raises RetryLaterError, SymbolUnavailableError, SourceBlockedError or MalformedPayloadError.
        """

    @abstractmethod
    def parse(self, request: FetchRequest, response: RawResponse) -> ParsedPayload:
        """The rows of `response`. A bad row becomes a Reject; raises as `check` does when nothing of it is data."""

    @classmethod
    def pages(cls, interval: Interval, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
        """`[start, end)` in windows of one request each: in order, without overlap, none longer than the source allows.

        The same range always gives the same pages. Raises RefusedError for an interval without history.
        """
        if interval not in cls.histories:
            message = f"{CATALOG[cls.name].title} gives no history of {interval}."
            raise RefusedError(message, status=422, code="window_not_available", parameter="interval")
        return wire.spans(start, end, cls.histories[interval].page)

    def headers(self) -> Mapping[str, str]:
        """The request headers; the place for a credential, since a URL ends up in logs."""
        return {}

    async def fetch(self, client: httpx.AsyncClient, request: FetchRequest) -> RawResponse:
        """GET `request` from the first host that can answer; the last answer when every one has trouble.

        A host that cannot be reached, fails (5xx) or does not serve this place (451) is passed over for the next one.
        Raises RetryLaterError when none answers at all.
        """
        import httpx  # noqa: PLC0415 - the ETL only parses and shall not pay for an HTTP client at its cold start

        failures: list[str] = []
        answer: RawResponse | None = None
        for base_url in self.base_urls:
            try:
                received = await client.get(
                    base_url + request.path,
                    params=request.params,
                    headers=self.headers(),
                    timeout=self.spec.timeout_seconds,
                )
            except httpx.RequestError as error:
                failures.append(f"{httpx.URL(base_url).host}: {type(error).__name__}")
                continue
            answer = self._kept(received)
            if answer.status != 451 and not 500 <= answer.status < 600:
                break
        if answer is None:
            raise RetryLaterError(f"{self.spec.title} did not answer: {', '.join(failures)}.")
        return answer

    def _kept(self, received: httpx.Response) -> RawResponse:
        """What is archived of an answer: its status, body, and the headers that mean something."""
        kept = {*KEPT_HEADERS, *self.kept_headers}
        return RawResponse(
            status=received.status_code,
            headers={name.lower(): value for name, value in received.headers.items() if name.lower() in kept},
            received_at=datetime.now(UTC),
            body=received.content,
        )
