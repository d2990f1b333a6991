"""Answers of Binance as they come over the wire: seeded random walks, 1,000 minutes each, symbol after symbol."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime

from marketflow.domain.fetching import FetchRequest, RawResponse
from marketflow.domain.interval import Interval
from marketflow.domain.loading import Delivery
from marketflow.persistence.loader import raw_id

ROWS = 1000
_MINUTE = timedelta(minutes=1)
_EIGHT = 100_000_000


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: what the ETL is given, the symbol's number, and the same rows as they stand in the table."""

    delivery: Delivery
    symbol_id: int
    body: bytes
    rows: tuple[tuple[object, ...], ...]


def answers(symbols: Sequence[tuple[int, str]], *, start: datetime, seed: int, rows: int = ROWS) -> Iterator[Answer]:
    """Answers without end: one window of `rows` minutes for each symbol, then the next window for each.

    The first window opens at `start`. The source's clock stands a few seconds behind a window's end, so that all of it
    is final.
    """
    # One walk a symbol, which does not depend on who else is asked for.
    chances = [random.Random(f"{seed} {name}") for _, name in symbols]
    # Those with which `bench.fill` ends: another level would be an absurd move.
    prices = [int(_EIGHT * 64_000 / (1 + number % 97) ** 1.5) for number, _ in symbols]
    while True:
        for at, (number, name) in enumerate(symbols):
            klines, prices[at] = _walk(chances[at], prices[at], start, rows)
            yield _answer(number, name, klines, start, rows)
        start += rows * _MINUTE


def _walk(chance: random.Random, price: int, start: datetime, rows: int) -> tuple[list[list[object]], int]:
    """`rows` klines whose first opens at `price`, in units of the eighth decimal, and the last close."""
    first, klines = round(start.timestamp()) * 1000, []
    for at in range(rows):
        open_ms = first + at * 60_000
        close = max(price + int(price * chance.gauss(0, 0.0008)), 1000)
        high = max(price, close) + int(price * chance.random() * 0.0005)
        low = min(price, close) - int(price * chance.random() * 0.0005)
        volume = int(chance.lognormvariate(2, 1) * _EIGHT)
        numbers = [_decimal(one) for one in (price, high, low, close, volume)]
        worth, bought = volume * close // _EIGHT, chance.random()
        klines.append(
            [
                open_ms,
                *numbers,
                open_ms + 59_999,
                _decimal(worth),
                1 + int(chance.random() * 4000),
                _decimal(int(volume * bought)),
                _decimal(int(worth * bought)),
                "0",
            ]
        )
        price = close
    return klines, price


def _decimal(units: int) -> str:
    """So many units of the eighth decimal, as Binance writes numbers."""
    return f"{units // _EIGHT}.{units % _EIGHT:08d}"


def _answer(number: int, name: str, klines: list[list[object]], start: datetime, rows: int) -> Answer:
    end = start + rows * _MINUTE
    received = end + timedelta(seconds=4)
    body = json.dumps(klines, separators=(",", ":")).encode()
    key = f"raw/source=binance/date={end:%Y-%m-%d}/symbol={name}/klines_1m-{end:%Y%m%dT%H%M%S}000Z-bench.gz"
    request = FetchRequest(
        source="binance",
        dataset="klines_1m",
        symbols=(name,),
        path="/api/v3/klines",
        params=(("symbol", name), ("interval", "1m"), ("limit", "1000")),
        interval=Interval.M1,
        start=start,
        end=end,
    )
    headers = {
        "content-type": "application/json;charset=UTF-8",
        "date": format_datetime(end + timedelta(seconds=3), usegmt=True),
    }
    response = RawResponse(status=200, headers=headers, received_at=received, body=body)
    return Answer(
        delivery=Delivery(request=request, response=response, raw_key=key),
        symbol_id=number,
        body=body,
        rows=tuple(
            (number, "1m", start + at * _MINUTE, *kline[1:6], kline[7], kline[8], "t", received, raw_id(key))
            for at, kline in enumerate(klines)
        ),
    )
