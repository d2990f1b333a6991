"""What the service takes and answers, as pydantic models."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator

MAX_SYMBOLS = 100


class Interval(StrEnum):
    """The length of a candle."""

    M1 = "1m"
    D1 = "1d"


class CandleQuery(BaseModel):
    """The query of /candles/{symbol}; what it does not name is refused."""

    model_config = ConfigDict(extra="forbid")

    interval: Interval
    start: AwareDatetime | None = None
    end: AwareDatetime | None = None
    order: Literal["asc", "desc"] | None = None
    limit: int = Field(default=1000, ge=1, le=10_000)
    cursor: AwareDatetime | None = None


class PriceQuery(BaseModel):
    """The query of /prices."""

    model_config = ConfigDict(extra="forbid")

    symbols: str = Field(min_length=1, max_length=MAX_SYMBOLS * 41)

    @field_validator("symbols")
    @classmethod
    def _not_too_many(cls, value: str) -> str:
        if value.count(",") >= MAX_SYMBOLS:
            raise ValueError(f"at most {MAX_SYMBOLS} symbols in one request")
        return value


class CandleOut(BaseModel):
    """One candle."""

    model_config = ConfigDict(from_attributes=True)

    open_time: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal | None
    quote_volume: Decimal | None
    trades: int | None
    final: bool


class PriceOut(BaseModel):
    """The latest price of one symbol."""

    symbol: str
    price: Decimal
    currency: str
    as_of: datetime
    age_seconds: int
    stale: bool
    source: str


class ProblemOut(BaseModel):
    """Why there is no price of a symbol."""

    symbol: str
    problem: str
