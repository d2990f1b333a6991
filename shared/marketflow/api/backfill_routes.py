"""The operator's routes for history: backfills from a source, replays of the archive, redrives of dead letters."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from marketflow.api.bodies import Body
from marketflow.api.cursors import Cursors
from marketflow.api.idempotency import idempotency_key
from marketflow.api.json_text import compact
from marketflow.api.messages import Request, Response
from marketflow.api.parameters import Cursor, Moment, NoParameters, Text, WholeNumber, moment
from marketflow.api.problems import Problem
from marketflow.api.routing import Access, Route
from marketflow.domain.interval import Interval
from marketflow.domain.jobs import JobKind, JobStatus
from marketflow.services.backfills import Backfills
from marketflow.services.once import Once

_TIMES = {
    "anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}, {"type": "null"}],
    "examples": ["2026-01-31T09:30:00Z", "2026-01-31"],
}
_MaybeMoment = Annotated[
    datetime | None,
    BeforeValidator(lambda value: None if value is None else moment(value)),
    WithJsonSchema(_TIMES, mode="validation"),
]


class BackfillBody(Body):
    """POST /v1/backfills."""

    symbol: Text = Field(min_length=1, max_length=40, description="The symbol's name.", examples=["BTCUSDT"])
    interval: Interval = Field(
        description="The candles' length; one that the source itself has, 1d for currencies.", examples=["1m"]
    )
    start: Moment = Field(description="The first open time; a date means its midnight in UTC.")
    end: _MaybeMoment = Field(default=None, description="The time at which to stop, not included; without it, now.")


class ReplayBody(Body):
    """POST /v1/replays."""

    source: Text = Field(min_length=1, max_length=40, description="Whose answers.", examples=["binance"])
    start: Moment = Field(description="From when on they were received; a date means its midnight in UTC.")
    end: _MaybeMoment = Field(default=None, description="Until when, not included; without it, now.")
    symbol: Text | None = Field(default=None, max_length=40, description="Only answers that may name this symbol.")


class RedriveBody(Body):
    """POST /v1/redrives."""

    queue: Text = Field(min_length=1, max_length=80, description="The dead-letter queue.", examples=["payloads-dlq"])


class JobsParameters(NoParameters):
    """GET /v1/backfills."""

    status: JobStatus | None = Field(default=None, description="Only those that stand so.")
    limit: WholeNumber = Field(default=100, ge=1, le=1000, description="Backfills on a page.")
    cursor: Cursor = None


class BackfillParameters(NoParameters):
    """GET /v1/backfills/{backfill}."""

    backfill: str = Field(description="The backfill's id.", examples=["0b6e6f6e-2f9b-4a55-8d8f-0f6a4a7c2d11"])


class ReplayParameters(NoParameters):
    """GET /v1/replays/{replay}."""

    replay: str = Field(description="The replay's id.", examples=["0b6e6f6e-2f9b-4a55-8d8f-0f6a4a7c2d11"])


_ONCE = (
    Problem.INVALID_HEADER,
    Problem.IDEMPOTENCY_IN_PROGRESS,
    Problem.IDEMPOTENCY_MISMATCH,
    Problem.CATALOG_UNAVAILABLE,
)


class BackfillRoutes:
    """Routes over `backfills`. A POST is done `once` for an Idempotency-Key; `cursors` has the positions of pages."""

    def __init__(self, *, backfills: Backfills, once: Once, cursors: Cursors) -> None:
        self._backfills = backfills
        self._once = once
        self._cursors = cursors

    def table(self) -> tuple[Route, ...]:
        """The routes, in the order in which the documentation shows them."""
        return (
            Route(
                method="POST",
                path="/v1/backfills",
                handler=self.begin_backfill,
                summary="Fetches the past of a symbol from its source, in the background: that of currencies from the "
                "ECB's reference rates, which are daily. Asking twice for the same range stores nothing twice.",
                access=Access.ADMIN,
                body=BackfillBody,
                problems=(Problem.NOT_POSSIBLE, Problem.SYMBOL_NOT_FOUND, *_ONCE),
            ),
            Route(
                method="GET",
                path="/v1/backfills",
                handler=self.backfills,
                summary="Lists backfills, the newest first.",
                access=Access.ADMIN,
                parameters=JobsParameters,
                problems=(Problem.INVALID_CURSOR,),
            ),
            Route(
                method="GET",
                path="/v1/backfills/{backfill}",
                handler=self.backfill,
                summary="How a backfill does: what was asked, received, stored, empty and failed, and why.",
                access=Access.ADMIN,
                parameters=BackfillParameters,
                problems=(Problem.BACKFILL_NOT_FOUND,),
            ),
            Route(
                method="POST",
                path="/v1/replays",
                handler=self.begin_replay,
                summary="Loads what the archive received of a source again, in the background. Tables that hold it "
                "already stay as they are.",
                access=Access.ADMIN,
                body=ReplayBody,
                problems=(Problem.NOT_POSSIBLE, Problem.SYMBOL_NOT_FOUND, *_ONCE),
            ),
            Route(
                method="GET",
                path="/v1/replays/{replay}",
                handler=self.replay,
                summary="How a replay does; how many answers there are is known once the archive was listed.",
                access=Access.ADMIN,
                parameters=ReplayParameters,
                problems=(Problem.REPLAY_NOT_FOUND,),
            ),
            Route(
                method="POST",
                path="/v1/redrives",
                handler=self.redrive,
                summary="Sends dead letters back to the queue that they came from. What fails again comes back.",
                access=Access.ADMIN,
                body=RedriveBody,
                problems=(Problem.NOT_POSSIBLE, *_ONCE),
            ),
        )

    def begin_backfill(self, request: Request, parameters: NoParameters, body: BackfillBody) -> Response:  # noqa: ARG002 - every handler's shape
        """A new backfill."""
        text = self._begun(
            request,
            "/v1/backfills",
            body,
            lambda: self._backfills.backfill(
                symbol=body.symbol, interval=body.interval, start=body.start, end=body.end
            ),
        )
        return _accepted(request, text)

    def begin_replay(self, request: Request, parameters: NoParameters, body: ReplayBody) -> Response:  # noqa: ARG002 - the same
        """A new replay."""
        text = self._begun(
            request,
            "/v1/replays",
            body,
            lambda: self._backfills.replay(source=body.source, start=body.start, end=body.end, symbol=body.symbol),
        )
        return _accepted(request, text)

    def redrive(self, request: Request, parameters: NoParameters, body: RedriveBody) -> Response:  # noqa: ARG002 - the same
        """A new redrive."""

        def begin() -> str:
            begun = self._backfills.redrive(body.queue)
            return compact({"id": begun.id, "queue": begun.queue, "asked_at": begun.asked_at})

        return Response(status=202, body=self._begun(request, "/v1/redrives", body, begin))

    def backfills(self, request: Request, parameters: JobsParameters) -> Response:
        """A page of backfills."""
        after = None
        if parameters.cursor is not None:
            created_at, last = self._cursors.read(request, parameters.cursor, length=2)
            after = (datetime.fromisoformat(created_at), last)
        page = self._backfills.page(JobKind.BACKFILL, status=parameters.status, after=after, limit=parameters.limit)
        link = {}
        if page.last is not None:
            url = request.url_with("cursor", self._cursors.write(request, page.last))
            link["Link"] = f'<{url}>; rel="next"'
        return Response(body=page.body, headers=link)

    def backfill(self, request: Request, parameters: BackfillParameters) -> Response:  # noqa: ARG002 - every handler's shape
        """One backfill."""
        return Response(body=self._backfills.job(JobKind.BACKFILL, parameters.backfill))

    def replay(self, request: Request, parameters: ReplayParameters) -> Response:  # noqa: ARG002 - the same
        """One replay."""
        return Response(body=self._backfills.job(JobKind.REPLAY, parameters.replay))

    def _begun(self, request: Request, path: str, body: Body, work: Callable[[], str]) -> str:
        """What `work` gives, done once for the request's Idempotency-Key."""
        return self._once(
            operation=f"POST {path}",
            owner=request.caller.subject if request.caller else "",
            key=idempotency_key(request),
            payload=body.model_dump_json().encode(),
            work=work,
        )


def _accepted(request: Request, text: str) -> Response:
    """A job that has begun, and where to see how it does."""
    path = request.public_path.rstrip("/")
    return Response(status=202, body=text, headers={"Location": f"{request.origin}{path}/{json.loads(text)['id']}"})
