"""The hand-written fixtures as requests and responses, for every dataset that is scheduled or backfilled."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from marketflow.domain.fetching import FetchRequest, FetchTask, RawResponse
from marketflow.domain.records import Candle, ParsedPayload
from marketflow.sources.base import Source
from marketflow.sources.catalog import CATALOG
from marketflow.sources.factory import SOURCES, create

FIXTURES = Path(__file__).parents[2] / "fixtures" / "sources"
DATASETS = [
    *((spec.name, dataset) for spec in CATALOG.values() for one in spec.schedules for dataset in one.datasets),
    *((name, past.dataset) for name in SOURCES for past in SOURCES[name].histories.values() if CATALOG[name].supplies),
]


@dataclass(frozen=True)
class Sample:
    """One fixture: what was asked, what came back, and what is to be read in it."""

    source: Source
    task: FetchTask
    symbols: tuple[str, ...]
    now: datetime
    headers: dict[str, str]
    body: Any
    rows: int
    forming: frozenset[datetime]

    @property
    def request(self) -> FetchRequest:
        """The first request that the source builds for the fixture's symbols."""
        return self.source.build_requests(self.task, self.symbols, now=self.now, since=None)[0]

    def response(self, body: object = None, *, status: int = 200, **headers: str) -> RawResponse:
        """The fixture's answer, or another body (bytes as they are, anything else as JSON), status and headers."""
        if not isinstance(body, bytes):
            body = json.dumps(self.body if body is None else body, ensure_ascii=False).encode()
        merged = self.headers | {name.replace("_", "-"): value for name, value in headers.items()}
        return RawResponse(status=status, headers=merged, received_at=self.now, body=body)


def sample(source: str, dataset: str) -> Sample:
    """The fixture of one dataset, with a source made by the factory."""
    facts = json.loads((FIXTURES / source / f"{dataset}.json").read_text(encoding="utf-8"))
    return Sample(
        source=create(source),
        task=FetchTask(dataset=dataset),
        symbols=tuple(facts["symbols"]),
        now=datetime.fromisoformat(facts["received_at"]),
        headers=facts["headers"],
        body=facts["body"],
        rows=facts["rows"],
        forming=frozenset(datetime.fromisoformat(moment) for moment in facts["forming"]),
    )


class ChartBody:
    """A chart fixture's body to be changed: `meta`, the stamps and the quote arrays at hand."""

    def __init__(self, case: Sample) -> None:
        self.document = copy.deepcopy(case.body)
        self.result: dict[str, Any] = self.document["chart"]["result"][0]
        self.meta: dict[str, Any] = self.result["meta"]
        self.quote: dict[str, list[Any]] = self.result["indicators"]["quote"][0]

    def rows(self, *rows: tuple[Any, ...]) -> None:
        """Replace all rows by flat ones, from `(stamp, price)` or `(stamp, price, volume)`."""
        self.result["timestamp"] = [row[0] for row in rows]
        for name in ("open", "high", "low", "close"):
            self.quote[name] = [row[1] for row in rows]
        self.quote["volume"] = [row[2] if len(row) > 2 else 100 for row in rows]
        self.result["indicators"].pop("adjclose", None)


def read_chart(
    case: Sample, body: ChartBody, *, clock: int | None = None, request: FetchRequest | None = None
) -> ParsedPayload:
    """What is read in `body` when the source's clock is at `clock` (unix seconds)."""
    headers: dict[str, Any] = {}
    if clock is not None:
        headers["date"] = datetime.fromtimestamp(clock, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    return case.source.parse(request or case.request, case.response(body.document, **headers))


def opens(candles: tuple[Candle, ...]) -> list[int]:
    """Open times as unix seconds."""
    return [int(candle.open_time.timestamp()) for candle in candles]
