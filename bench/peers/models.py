"""The tables as the usual ORM classes; the peers share MarketFlow's schema, so that all of them read the same rows."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import BigInteger, DateTime, ForeignKey, Numeric
from sqlalchemy.dialects.postgresql import ENUM
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

INTERVALS = ("1m", "5m", "15m", "30m", "1h", "4h", "1d", "1w", "1M")

_UTC = DateTime(timezone=True)


class Base(DeclarativeBase):
    """The base of the tables."""


class Symbol(Base):
    """An instrument."""

    __tablename__ = "symbols"

    id: Mapped[int] = mapped_column(primary_key=True)
    symbol: Mapped[str]
    source: Mapped[str]
    source_symbol: Mapped[str]
    asset_type: Mapped[str]
    quote_currency: Mapped[str]


class RawObject(Base):
    """An archived answer."""

    __tablename__ = "raw_objects"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    key: Mapped[str]
    source: Mapped[str]
    dataset: Mapped[str]
    received_at: Mapped[datetime] = mapped_column(_UTC)


class Candle(Base):
    """One candle."""

    __tablename__ = "candles"

    symbol_id: Mapped[int] = mapped_column(ForeignKey("symbols.id"), primary_key=True)
    interval: Mapped[str] = mapped_column(ENUM(*INTERVALS, name="candle_interval", create_type=False), primary_key=True)
    open_time: Mapped[datetime] = mapped_column(_UTC, primary_key=True)
    open: Mapped[Decimal] = mapped_column(Numeric)
    high: Mapped[Decimal] = mapped_column(Numeric)
    low: Mapped[Decimal] = mapped_column(Numeric)
    close: Mapped[Decimal] = mapped_column(Numeric)
    volume: Mapped[Decimal | None] = mapped_column(Numeric)
    quote_volume: Mapped[Decimal | None] = mapped_column(Numeric)
    trades: Mapped[int | None] = mapped_column(BigInteger)
    final: Mapped[bool]
    observed_at: Mapped[datetime] = mapped_column(_UTC)
    raw_id: Mapped[int] = mapped_column(BigInteger)
    held: Mapped[bool]


class Price(Base):
    """One observed price."""

    __tablename__ = "prices"

    symbol_id: Mapped[int] = mapped_column(ForeignKey("symbols.id"), primary_key=True)
    as_of: Mapped[datetime] = mapped_column(_UTC, primary_key=True)
    price: Mapped[Decimal] = mapped_column(Numeric)
    observed_at: Mapped[datetime] = mapped_column(_UTC)
    raw_id: Mapped[int] = mapped_column(BigInteger)
    held: Mapped[bool]
