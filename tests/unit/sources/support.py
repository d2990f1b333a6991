"""The hand-written fixtures as requests and responses, for every dataset that the catalogue schedules."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from marketflow.domain.fetching import FetchRequest, FetchTask, RawResponse
from marketflow.sources.base import Source
from marketflow.sources.catalog import CATALOG
from marketflow.sources.factory import create

FIXTURES = Path(__file__).parents[2] / "fixtures" / "sources"
DATASETS = [
    (spec.name, dataset) for spec in CATALOG.values() for schedule in spec.schedules for dataset in schedule.datasets
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
