"""The route that says what is missing and why."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo, WithJsonSchema, field_validator

from marketflow.api.json_text import compact
from marketflow.api.messages import Request, Response
from marketflow.api.parameters import Moment, NoParameters, Truth, WholeNumber
from marketflow.api.problems import Problem
from marketflow.api.routing import Route
from marketflow.domain.gaps import Coverage, Question
from marketflow.domain.interval import Interval
from marketflow.services.coverage import MAX_CANDLES, MAX_RANGE, Coverages

MAX_GAPS = 10_000


def _stored(interval: Interval) -> Interval:
    if not interval.stored:
        raise ValueError(f"{interval} is rolled up from 1m or 1d: ask for the coverage of these")
    return interval


_Stored = Annotated[
    Interval,
    AfterValidator(_stored),
    WithJsonSchema({"type": "string", "enum": [interval.value for interval in Interval if interval.stored]}),
]


class CoverageParameters(NoParameters):
    """GET /v1/coverage/{symbol}: times are open times."""

    symbol: str = Field(description="The symbol's name.", examples=["BTCUSDT"])
    interval: _Stored = Field(description="The candles' length: one that sources give.", examples=["1m"])
    start: Moment | None = Field(
        default=None,
        description="The first time; a date means its midnight in UTC. By default the first stored candle.",
    )
    end: Moment | None = Field(
        default=None,
        description="The time at which to stop; it is not included. By default now. The range has at most "
        f"{MAX_CANDLES} intervals (a year of minutes) and {MAX_RANGE.days // 365} years.",
    )
    closed: Truth = Field(
        default=False,
        description="Whether the hours in which the market was closed are told too; gaps then end with a session.",
    )
    limit: WholeNumber = Field(
        default=1000, ge=1, le=MAX_GAPS, description="At most so many gaps, the oldest first; the counts are of all."
    )

    @field_validator("end")
    @classmethod
    def _after_start(cls, end: Moment | None, info: ValidationInfo) -> Moment | None:
        start = info.data.get("start")
        if start is not None and end is not None and end <= start:
            raise ValueError("must be later than start")
        return end


class CoverageRoutes:
    """The route over `coverages`."""

    def __init__(self, *, coverages: Coverages) -> None:
        self._coverages = coverages

    def table(self) -> tuple[Route, ...]:
        """The one route."""
        return (
            Route(
                method="GET",
                path="/v1/coverage/{symbol}",
                handler=self.coverage,
                summary="How many candles of a symbol must exist, how many are stored, and why each other one is not.",
                parameters=CoverageParameters,
                problems=(Problem.NOT_POSSIBLE, Problem.SYMBOL_NOT_FOUND),
            ),
        )

    def coverage(self, request: Request, parameters: CoverageParameters) -> Response:  # noqa: ARG002 - every handler's
        """The coverage; the next fetch may change it."""
        answer = self._coverages.coverage(
            Question(
                name=parameters.symbol,
                interval=parameters.interval,
                start=parameters.start,
                end=parameters.end,
                closed=parameters.closed,
                limit=parameters.limit,
            )
        )
        return Response(body=compact(written(answer)), cache_control="private, no-cache")


def written(answer: Coverage) -> dict[str, object]:
    """The answer's members, in the contract's order."""
    return {
        "symbol": answer.symbol,
        "interval": answer.interval,
        "start": answer.start,
        "end": answer.end,
        "expected": answer.expected,
        "present": answer.present,
        "missing": answer.missing,
        "complete": answer.complete,
        "missing_by_reason": {reason.value: count for reason, count in answer.missing_by_reason.items()},
        "gap_count": answer.gap_count,
        "gaps": [
            {
                "start": gap.start,
                "end": gap.end,
                "missing": gap.missing,
                "reason": gap.reason,
                "repair": {"state": gap.repair, "tries": gap.tries},
            }
            for gap in answer.gaps
        ],
    }
