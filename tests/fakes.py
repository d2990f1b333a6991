"""Fakes of the world around the services; each satisfies the Protocol that production satisfies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from marketflow.domain.fetching import FetchReport, FetchRequest, FetchTask, RawResponse, Verdict
from marketflow.domain.jobs import Part
from marketflow.domain.state import SourceState
from marketflow.domain.symbol import AssetType, Symbol
from marketflow.errors import MarketFlowError, RetryLaterError

NOON = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


def symbol(name: str, source: str = "fake") -> Symbol:
    """An active crypto symbol quoted in USDT."""
    return Symbol(
        symbol=name,
        source=source,
        source_symbol=name,
        asset_type=AssetType.CRYPTO,
        base_currency="AAA",
        quote_currency="USDT",
        price_unit="USDT",
    )


def response(body: bytes = b"ok", status: int = 200, **headers: str) -> RawResponse:
    """An answer that came at noon."""
    return RawResponse(status=status, headers=headers, received_at=NOON, body=body)


@dataclass
class FakeSource:
    """A source with one request per symbol, or one for all (`batched`); `errors` maps a symbol to what check raises."""

    name: str = "fake"
    batched: bool = False
    errors: dict[str, MarketFlowError] = field(default_factory=dict)
    verdict: Verdict = field(default_factory=Verdict)
    seen_since: list[datetime | None] = field(default_factory=list)

    def build_requests(
        self, task: FetchTask, symbols: Sequence[str], *, now: datetime, since: datetime | None
    ) -> list[FetchRequest]:
        """One request a symbol, or one for all."""
        self.seen_since.append(since)
        groups = [tuple(symbols)] if self.batched else [(one,) for one in symbols]
        return [FetchRequest(source=self.name, dataset=task.dataset, symbols=group, path="/x") for group in groups]

    def check(self, request: FetchRequest, response: RawResponse) -> Verdict:
        """Raise what `errors` holds for one of the request's symbols."""
        for one in request.symbols:
            if one in self.errors:
                raise self.errors[one]
        return self.verdict


@dataclass
class FakeFetch:
    """Answers every request; the symbols in `silent` never answer."""

    silent: set[str] = field(default_factory=set)
    asked: list[FetchRequest] = field(default_factory=list)

    async def __call__(self, request: FetchRequest) -> RawResponse:
        """An answer at noon."""
        self.asked.append(request)
        if self.silent & set(request.symbols):
            raise RetryLaterError("fake did not answer")
        return response()


@dataclass
class FakeArchive:
    """Keeps answers in a dict."""

    kept: dict[str, RawResponse] = field(default_factory=dict)

    def put(self, request: FetchRequest, response: RawResponse, *, failed: bool = False) -> str:
        """Keep one answer under a key that says what it is."""
        key = f"{'errors' if failed else 'raw'}/{request.dataset}/{'+'.join(request.symbols)}"
        self.kept[key] = response
        return key


class FakeCodec:
    """Readable messages."""

    def payload(
        self,
        request: FetchRequest,
        response: RawResponse,
        *,
        raw_key: str,
        correlation_id: str,
        part: Part | None = None,
    ) -> str:
        """Names the raw key, and the part of a job that it is."""
        return f"payload {raw_key}" + (f" {part.job}#{part.number}" if part else "")

    def report(self, report: FetchReport, *, correlation_id: str) -> str:
        """Names the counts, and the part that is lost."""
        lost = report.lost
        return f"report {report.succeeded}/{report.requests}" + (f" lost #{lost.part.number}" if lost else "")


@dataclass
class FakeOutbox:
    """Keeps what was sent."""

    sent: list[str] = field(default_factory=list)

    def send(self, texts: Sequence[str], *, delay_seconds: int = 0) -> None:
        """Keep the messages; with their delay, when they have one."""
        self.sent += texts if not delay_seconds else [f"{text} in {delay_seconds} s" for text in texts]


@dataclass
class FakeSymbols:
    """Always the same symbols."""

    symbols: Sequence[Symbol] = ()

    def read(self, source: str) -> Sequence[Symbol]:
        """Those symbols."""
        return self.symbols


@dataclass
class FakeStates:
    """Keeps the state in memory."""

    state: SourceState = field(default_factory=SourceState)

    def read(self, source: str) -> SourceState:
        """The newest state."""
        return self.state

    def update(self, source: str, change: Callable[[SourceState], SourceState]) -> SourceState:
        """Apply a change."""
        self.state = change(self.state)
        return self.state
