"""The parameters of each route: what may be given, in which form, and what is wrong when it is not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Literal, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from marketflow.api.problems import Problem
from marketflow.domain.interval import Interval
from marketflow.domain.models import STRICT
from marketflow.domain.reading import Adjustment, Layout
from marketflow.domain.symbol import AssetType
from marketflow.errors import RefusedError

MAX_ROWS = 10_000
MAX_SYMBOLS = 100
MAX_NAME_LENGTH = 40
MAX_CURSOR_LENGTH = 400
MAX_CHARACTERS = 8192
"""Of all names and values together; the gateway lets no more than 10,240 bytes of request line and headers through."""

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)

P = TypeVar("P", bound=BaseModel)


def moment(value: object) -> datetime:
    """A time as clients write it, in UTC. Raises ValueError that says what is expected."""
    text = str(value)
    try:
        if _DATE.fullmatch(text):
            return datetime.fromisoformat(text).replace(tzinfo=UTC)
        if _TIME.fullmatch(text):
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ValueError(
        "expected an RFC 3339 time with its offset, such as 2026-01-31T09:30:00Z, or a date, such as 2026-01-31; "
        "a plus sign in a URL is written %2B"
    )


def _whole_number(value: object) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", str(value)):
        raise ValueError("expected a whole number")
    return int(str(value))


def _truth(value: object) -> bool:
    if value not in ("true", "false"):
        raise ValueError("expected true or false")
    return value == "true"


def _names(value: object) -> tuple[str, ...]:
    text = str(value)
    if text.count(",") >= MAX_SYMBOLS:
        raise ValueError(f"at most {MAX_SYMBOLS} symbols in one request")
    names = tuple(dict.fromkeys(text.split(",")))
    if any(len(name) > MAX_NAME_LENGTH for name in names):
        raise ValueError(f"no symbol has more than {MAX_NAME_LENGTH} characters")
    if "" in names:
        raise ValueError("expected symbols with a comma between each two, such as BTCUSDT,AAPL")
    return names


Moment = Annotated[
    datetime,
    BeforeValidator(moment),
    WithJsonSchema(
        {
            "anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}],
            "examples": ["2026-01-31T09:30:00Z", "2026-01-31"],
        },
        mode="validation",
    ),
]
WholeNumber = Annotated[int, BeforeValidator(_whole_number)]
Truth = Annotated[bool, BeforeValidator(_truth)]
Names = Annotated[
    tuple[str, ...],
    BeforeValidator(_names),
    WithJsonSchema(
        {
            "type": "array",
            "items": {"type": "string", "pattern": "^[^,]+$", "maxLength": MAX_NAME_LENGTH},
            "minItems": 1,
            "maxItems": MAX_SYMBOLS,
            "examples": [["BTCUSDT", "AAPL"]],
        },
        mode="validation",
    ),
]
# Postgres takes no NUL, and no name or search has a control character in it.
Text = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]*$")]
Cursor = Annotated[
    str | None,
    Field(max_length=MAX_CURSOR_LENGTH, description="Where the page begins, from the Link header of the page before."),
]


class NoParameters(BaseModel):
    """A route that takes none; the base of those that do. What a model does not name is refused."""

    model_config = STRICT


class SymbolParameters(NoParameters):
    """GET /v1/symbols/{symbol}."""

    symbol: str = Field(description="The symbol's name or its numeric id.", examples=["BTCUSDT"])


class SymbolsParameters(NoParameters):
    """GET /v1/symbols."""

    asset_type: AssetType | None = Field(default=None, description="Only this kind of market.")
    source: Text | None = Field(default=None, max_length=40, description="Only symbols of this source.")
    active: Truth | None = Field(default=None, description="Only those that are fetched, or only those that are not.")
    q: Text | None = Field(default=None, max_length=100, description="A part of the symbol or its name, in any case.")
    limit: WholeNumber = Field(default=100, ge=1, le=1000, description="Symbols on a page.")
    cursor: Cursor = None


class Numbers(NoParameters):
    """The base of every route that answers with decimals."""

    numbers: Literal["number", "string"] = Field(
        default="number", description="Decimals as JSON numbers or, for clients that would round those, as strings."
    )

    @property
    def quoted(self) -> bool:
        """Whether decimals are written as strings."""
        return self.numbers == "string"


class PricesParameters(Numbers):
    """GET /v1/prices."""

    symbols: Names = Field(description=f"Up to {MAX_SYMBOLS} names with commas between them.")


class PriceParameters(Numbers):
    """GET /v1/prices/{symbol}."""

    symbol: str = Field(description="The symbol's name.", examples=["BTCUSDT"])


class _Range(Numbers):
    start: Moment | None = Field(default=None, description="The first time; a date means its midnight in UTC.")
    end: Moment | None = Field(default=None, description="The time at which to stop; it is not included.")
    order: Literal["asc", "desc"] | None = Field(
        default=None, description="By time; without it asc when `start` is given, else desc: the newest first."
    )
    limit: WholeNumber = Field(default=1000, ge=1, le=MAX_ROWS, description="Rows on a page.")
    cursor: Cursor = None

    @field_validator("end")
    @classmethod
    def _after_start(cls, end: datetime | None, info: ValidationInfo) -> datetime | None:
        start = info.data.get("start")
        if start is not None and end is not None and end <= start:
            raise ValueError("must be later than start")
        return end

    @property
    def descending(self) -> bool:
        """Whether the newest comes first."""
        return self.order == "desc" or (self.order is None and self.start is None)


class HistoryParameters(_Range):
    """GET /v1/prices/{symbol}/history: times are those of the prices, `as_of`."""

    symbol: str = Field(description="The symbol's name.", examples=["BTCUSDT"])
    source: Text | None = Field(default=None, max_length=40, description="Only what this source said.")
    format: Layout = Field(default=Layout.JSON, description="A JSON array, CSV with a header row, or JSON lines.")


class _Candles(_Range):
    """Times are open times."""

    interval: Interval = Field(
        description="The candles' length; 1m is a minute, 1M a month. 1m, and 1d of stocks, are what the source gave. "
        "The others are rolled up from these: on the exchange's clock for stocks and on UTC for the others, a week "
        "from Monday.",
        examples=["1h"],
    )
    as_known_at: Moment | None = Field(
        default=None,
        description="What answers that were received by this time said, which is not to come: final candles alone.",
    )


class CandlesParameters(_Candles):
    """GET /v1/candles/{symbol}."""

    symbol: str = Field(description="The symbol's name.", examples=["BTCUSDT"])
    format: Layout = Field(default=Layout.JSON, description="A JSON array, CSV with a header row, or JSON lines.")
    adjustment: Adjustment = Field(
        default=Adjustment.RAW,
        description="Prices as they were traded (raw), or in terms of today's shares (split), also less the dividends "
        "since (all). The latter two are for stocks only.",
    )


class CandleBatchParameters(_Candles):
    """GET /v1/candles."""

    symbols: Names = Field(description=f"Up to {MAX_SYMBOLS} names with commas between them.")


_REASONS = {"string_pattern_mismatch": "expected text without control characters"}


def read(model: type[P], *, query: Mapping[str, list[str]], path: Mapping[str, str]) -> P:
    """The parameters of one request. Raises RefusedError: 414 too long, 400 with the first parameter that is wrong."""
    length = sum(map(len, path.values())) + sum(
        len(name) + len(value) for name, values in query.items() for value in values
    )
    if length > MAX_CHARACTERS:
        raise Problem.URI_TOO_LONG.refusal(
            f"Path and query hold {length} characters; at most {MAX_CHARACTERS} are read."
        )
    for name, values in query.items():
        if len(values) != 1:
            raise Problem.REPEATED_PARAMETER.refusal(f"{name[:40]} is given more than once.", parameter=name[:40])
        if name in path:
            raise _unknown(name, model, path)
    try:
        return model.model_validate({**{name: values[0] for name, values in query.items()}, **path})
    except ValidationError as error:
        raise _fault(error, model, path) from None


def _fault(error: ValidationError, model: type[BaseModel], path: Mapping[str, str]) -> RefusedError:
    faults = error.errors(include_url=False)
    # A misspelt name comes before what it seems to leave missing.
    fault = next((one for one in faults if one["type"] == "extra_forbidden"), faults[0])
    name = str(fault["loc"][0])
    if fault["type"] == "extra_forbidden":
        return _unknown(name, model, path)
    if fault["type"] == "missing":
        return Problem.MISSING_PARAMETER.refusal(f"{name} is required.", parameter=name)
    reason = _REASONS.get(fault["type"]) or fault["msg"].replace("Input should be", "expected")
    if fault["type"] == "value_error":
        reason = str(fault["ctx"]["error"])
    return Problem.INVALID_PARAMETER.refusal(f"{name}: {reason}.", parameter=name)


def _unknown(name: str, model: type[BaseModel], path: Mapping[str, str]) -> RefusedError:
    names = [field.alias or name for name, field in model.model_fields.items()]
    known = [name for name in names if name not in path]
    said = f"known here: {', '.join(known)}" if known else "this path takes none"
    return Problem.UNKNOWN_PARAMETER.refusal(f"{name[:40]} is not a parameter; {said}.", parameter=name[:40])
