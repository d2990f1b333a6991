"""What a payload turns into: candles, prices, corporate actions, and the rows that were refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from marketflow.domain.coverage import Asked, Session
from marketflow.domain.interval import Interval


@dataclass(frozen=True, slots=True)
class Candle:
    """One OHLCV candle in the vendor's spelling of its symbol.

    `open_time` is the inclusive UTC start. Prices are in `currency`, a major unit. `final` is true only when the
    source's own clock is past the close. `volume` counts the base asset; None means that the source gives none.
    `position` is the row's place in its payload, which names it in the quarantine.
    """

    source_symbol: str
    interval: Interval
    open_time: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal | None
    final: bool
    currency: str | None = None
    quote_volume: Decimal | None = None
    trades: int | None = None
    position: int = 0


@dataclass(frozen=True, slots=True)
class Price:
    """One observed price, with the UTC time that the source gives it (its `Date` header where it gives none)."""

    source_symbol: str
    as_of: datetime
    price: Decimal
    currency: str | None = None
    position: int = 0


class ActionKind(StrEnum):
    """What a company does that changes the price of its share from one day to the next."""

    DIVIDEND = "dividend"
    SPLIT = "split"


@dataclass(frozen=True, slots=True)
class CorporateAction:
    """One dividend or split of a share.

    `effective` is 00:00 exchange time of the ex-date, as UTC: the open time of that day's candle, which is the first
    one that has the action in its price. A dividend has its `amount` a share in `currency`, a major unit, adjusted by
    the source for the splits up to its answer as prices are. A split makes `denominator` shares into `numerator`: 4
    and 1, or 1 and 10 for a reverse split.
    """

    source_symbol: str
    kind: ActionKind
    effective: datetime
    amount: Decimal | None = None
    currency: str | None = None
    numerator: Decimal | None = None
    denominator: Decimal | None = None
    position: int = 0


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that is not data: where it stood in its payload, which rule it broke, and the row as JSON text.

    `open_time` is that of the candle that it would have been, None when the row does not tell.
    """

    reason: str
    detail: str
    position: int
    row: str
    source_symbol: str | None = None
    open_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class ParsedPayload:
    """Everything that one response says, in the order in which it says it.

    `candles` may be columns (`series.Series`). `asked` says for which open times it is complete, `sessions` when the
    exchange is open.
    """

    candles: Sequence[Candle] = ()
    prices: tuple[Price, ...] = ()
    rejects: tuple[Reject, ...] = field(default=())
    actions: tuple[CorporateAction, ...] = ()
    asked: tuple[Asked, ...] = ()
    sessions: tuple[Session, ...] = ()
