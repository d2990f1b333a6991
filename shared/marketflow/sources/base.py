"""What every source is: pure functions around one GET."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import ClassVar

import httpx

from marketflow.domain.fetching import FetchRequest, FetchTask, RawResponse, Verdict
from marketflow.domain.records import ParsedPayload
from marketflow.errors import RetryLaterError
from marketflow.sources.catalog import CATALOG, SourceSpec

KEPT_HEADERS = ("content-type", "date", "etag", "retry-after")
"""The response headers that are archived; a source adds its own in `kept_headers`."""


class Source(ABC):
    """One vendor. `build_requests`, `check` and `parse` are pure; `fetch` is the only I/O.

    `base_urls` overrides the catalogue's hosts, `api_key` unlocks what the vendor keeps behind one.
    """

    name: ClassVar[str]
    kept_headers: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *, base_urls: Sequence[str] = (), api_key: str | None = None) -> None:
        self.spec: SourceSpec = CATALOG[self.name]
        self.base_urls = tuple(base_urls) or self.spec.base_urls
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

    def headers(self) -> Mapping[str, str]:
        """The request headers; the place for a credential, since a URL ends up in logs."""
        return {}

    async def fetch(self, client: httpx.AsyncClient, request: FetchRequest) -> RawResponse:
        """GET `request` from the first host that answers. Raises RetryLaterError when none does."""
        failures = []
        for base_url in self.base_urls:
            try:
                answer = await client.get(
                    base_url + request.path,
                    params=request.params,
                    headers=self.headers(),
                    timeout=self.spec.timeout_seconds,
                )
            except httpx.TransportError as error:
                failures.append(f"{httpx.URL(base_url).host}: {type(error).__name__}")
                continue
            kept = {*KEPT_HEADERS, *self.kept_headers}
            return RawResponse(
                status=answer.status_code,
                headers={name.lower(): value for name, value in answer.headers.items() if name.lower() in kept},
                received_at=datetime.now(UTC),
                body=answer.content,
            )
        raise RetryLaterError(f"{self.spec.title} did not answer: {', '.join(failures)}.")
