"""Klines of Binance as pydantic models: https://github.com/binance/binance-spot-api-docs/blob/master/rest-api.md."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

FIELDS = ("open_time", "open", "high", "low", "close", "volume", "close_time", "quote_volume", "trades")


class Kline(BaseModel):
    """One candle as the vendor gives it; times are milliseconds."""

    model_config = ConfigDict(frozen=True)

    open_time: int = Field(ge=0, multiple_of=60_000)
    open: Decimal = Field(gt=0)
    high: Decimal = Field(gt=0)
    low: Decimal = Field(gt=0)
    close: Decimal = Field(gt=0)
    volume: Decimal = Field(ge=0)
    close_time: int
    quote_volume: Decimal = Field(ge=0)
    trades: int = Field(ge=0)

    @model_validator(mode="after")
    def _is_a_candle(self) -> Self:
        if not self.low <= min(self.open, self.close) <= max(self.open, self.close) <= self.high:
            raise ValueError("high and low do not hold the other prices")
        if self.close_time != self.open_time + 59_999:
            raise ValueError("not a whole minute")
        return self


_ADAPTER = TypeAdapter(list[Kline])


def parse(body: bytes) -> list[Kline]:
    """The candles of an answer. Raises pydantic's ValidationError when one is none."""
    return _ADAPTER.validate_python([dict(zip(FIELDS, row, strict=False)) for row in json.loads(body)])


def moment(milliseconds: int) -> datetime:
    """The vendor's time, UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
