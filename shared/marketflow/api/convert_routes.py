"""The route that changes one currency into another."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from marketflow.api.json_text import compact
from marketflow.api.messages import NO_STORE, Request, Response
from marketflow.api.parameters import Moment, Numbers, Text, WholeNumber
from marketflow.api.problems import Problem
from marketflow.api.representations import REVALIDATE
from marketflow.api.routing import Route
from marketflow.domain.symbol import AssetType
from marketflow.services.convert import MAX_AGE_SECONDS, SIGNIFICANT_DIGITS, Conversion, Converter, Question

_AMOUNT = r"[0-9]{1,24}(\.[0-9]{1,30})?"


def _amount(value: object) -> Decimal:
    text = str(value)
    if not re.fullmatch(_AMOUNT, text) or not Decimal(text):
        raise ValueError("expected a plain decimal number above zero, such as 1 or 0.25")
    return Decimal(text)


Amount = Annotated[
    Decimal,
    BeforeValidator(_amount),
    WithJsonSchema(
        {"type": "string", "pattern": f"^(?!0+(\\.0+)?$){_AMOUNT}$", "examples": ["0.25"]}, mode="validation"
    ),
]


class ConvertParameters(Numbers):
    """GET /v1/convert."""

    source: Text = Field(
        alias="from", max_length=12, description="What is changed: ISO 4217, or a crypto code.", examples=["BTC"]
    )
    target: Text = Field(
        alias="to", max_length=12, description="Into what: ISO 4217, or a crypto code.", examples=["TRY"]
    )
    amount: Amount = Field(
        default=Decimal(1),
        description=f"How much of it, above zero. The result has up to {SIGNIFICANT_DIGITS} significant digits.",
    )
    at: Moment | None = Field(
        default=None, description="With the last prices at or before this time, which is not to come; now without it."
    )
    max_age_seconds: WholeNumber | None = Field(
        default=None,
        ge=1,
        le=999_999_999,
        description="How old each leg's price may be at that time; without it "
        f"{MAX_AGE_SECONDS[AssetType.CRYPTO]} for crypto and {MAX_AGE_SECONDS[AssetType.FOREX]} for reference rates.",
    )


class ConvertRoutes:
    """The route over `converter`."""

    def __init__(self, *, converter: Converter) -> None:
        self._converter = converter

    def table(self) -> tuple[Route, ...]:
        """The one route."""
        return (
            Route(
                method="GET",
                path="/v1/convert",
                handler=self.convert,
                summary="An amount of one currency in another, through the shortest path of pairs with a price. "
                "A leg whose source is `parity` is assumed to be one for one: no pair of the two is known.",
                parameters=ConvertParameters,
                problems=(Problem.UNKNOWN_CURRENCY, Problem.NO_PATH, Problem.RATE_TOO_OLD),
            ),
        )

    def convert(self, request: Request, parameters: ConvertParameters) -> Response:  # noqa: ARG002 - the same
        """A conversion; the past may still be filled in, and the present is over at once."""
        answer = self._converter.convert(
            Question(
                source=parameters.source,
                target=parameters.target,
                amount=parameters.amount,
                at=parameters.at,
                max_age_seconds=parameters.max_age_seconds,
            )
        )
        return Response(
            body=compact(conversion(answer), quoted=parameters.quoted),
            cache_control=NO_STORE if parameters.at is None else REVALIDATE,
        )


def conversion(answer: Conversion) -> dict[str, object]:
    """A conversion and its legs."""
    return {
        "from": answer.source,
        "to": answer.target,
        "amount": answer.amount,
        "result": answer.result,
        "rate": answer.rate,
        "as_of": answer.as_of,
        "age_seconds": answer.age_seconds,
        "legs": [
            {
                "symbol": leg.symbol,
                "from": leg.source_currency,
                "to": leg.target_currency,
                "rate": leg.rate,
                "as_of": leg.as_of,
                "age_seconds": leg.age_seconds,
                "source": leg.source,
                "inverted": leg.inverted,
            }
            for leg in answer.legs
        ],
    }
