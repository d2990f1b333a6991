"""A pipeline with an old month, and the bucket into which it is exported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any

import pyarrow.parquet as pq  # type: ignore[import-untyped]  # pyarrow ships no types

from marketflow.domain.coverage import Asked
from marketflow.domain.interval import Interval
from marketflow.domain.loading import LoadResult, Provenance
from marketflow.domain.records import Candle, ParsedPayload, Price
from marketflow.domain.retention import Dataset, begins, ends, prefix
from marketflow.history.bucket import HistoryBucket
from marketflow.persistence.connection import Database
from marketflow.persistence.loader import Loader
from marketflow.persistence.months import MonthBook
from marketflow.services.retire import Retired, Retirer
from tests.cloud import Cloud

JANUARY, FEBRUARY = date(2026, 1, 1), date(2026, 2, 1)
NOW = datetime(2026, 4, 20, 3, tzinfo=UTC)
"""With two months kept February stays, and January is due."""

EVE = datetime(2026, 1, 31, 23, 56, tzinfo=UTC)
"""Four minutes before January is over."""

MINUTE = timedelta(minutes=1)


def candle(symbol: str, open_time: datetime, close: str = "101.50", **changes: Any) -> Candle:  # noqa: ANN401
    """A valid minute."""
    good = Candle(
        source_symbol=symbol,
        interval=Interval.M1,
        open_time=open_time,
        open=Decimal("100.10"),
        high=max(Decimal(110), Decimal(close)),
        low=min(Decimal("95.00000812"), Decimal(close)),
        close=Decimal(close),
        volume=Decimal("12345678901.123456789012345678"),
        final=True,
        currency="USDT",
        quote_volume=None,
        trades=12,
    )
    return replace(good, **changes)


@dataclass
class Crashing:
    """Passes calls on to `target`; the one that `fails` names never happens, like the rest of a process that ended."""

    target: Any
    fails: Callable[[str], None]

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the target has
        def call(*arguments: object, **named: object) -> Any:  # noqa: ANN401 - the same
            self.fails(name)
            return getattr(self.target, name)(*arguments, **named)

        return call


@dataclass
class Pipeline:
    """The loader, the database and the bucket."""

    database: Database
    cloud: Cloud
    keep: int | None = 2
    now: datetime = NOW
    fails: Callable[[str], None] = lambda _: None
    answers: int = 0
    loader: Loader = field(init=False)

    def __post_init__(self) -> None:
        self.loader = Loader(self.database)

    def load(self, *rows: Candle | Price, at: datetime = EVE, asked: tuple[Asked, ...] = ()) -> LoadResult:
        """One answer with these rows, received then."""
        self.answers += 1
        provenance = Provenance(
            raw_key=f"raw/source=binance/{at:%Y%m%dT%H%M%S}-{self.answers}",
            source="binance",
            dataset="klines_1m",
            observed_at=at,
        )
        candles = tuple(row for row in rows if isinstance(row, Candle))
        prices = tuple(row for row in rows if isinstance(row, Price))
        return self.loader.load(ParsedPayload(candles, prices, asked=asked), provenance)

    def fill(self) -> None:
        """Eight minutes of two coins around the end of January, one corrected and one held back; a price each month."""
        self.database.query("DELETE FROM months WHERE month < '2026-01-01'")
        for number in range(8):
            at = EVE + number * MINUTE
            self.load(
                *(candle(symbol, at, f"10{number}.50") for symbol in ("BTCUSDT", "ETHUSDT")),
                at=at + MINUTE,
                asked=tuple(Asked(name, Interval.M1, ((at, at + MINUTE),)) for name in ("BTCUSDT", "ETHUSDT")),
            )
        self.load(candle("ETHUSDT", EVE + MINUTE, "99.25", volume=None), at=EVE + timedelta(hours=2))
        self.load(candle("BTCUSDT", EVE + 2 * MINUTE, "99999"), at=EVE + timedelta(hours=3))
        self.load(*(Price("BTCUSDT", EVE + n * 8 * MINUTE, Decimal("7.10")) for n in range(2)), at=EVE + MINUTE)

    def retire(self, *, file_rows: int = 5) -> Retired:
        """One run, in a process of its own."""
        retirer = Retirer(
            months=Crashing(MonthBook(self.database, chunk_rows=3), self.fails),
            history=Crashing(HistoryBucket(bucket=self.cloud.bucket, client=self.cloud.s3), self.fails),
            history_months=self.keep,
            clock=lambda: self.now,
            file_rows=file_rows,
        )
        return retirer.run(time_left=lambda: 900.0)

    def stored(self, dataset: Dataset, month: date) -> list[dict[str, Any]]:
        """The rows of a month in the database, as the export has them."""
        time = "as_of" if dataset is Dataset.PRICES else "open_time"
        values = {
            Dataset.CANDLES: "open, high, low, close, volume, quote_volume, trades, final, held",
            Dataset.REVISIONS: "open, high, low, close, volume, quote_volume, trades",
            Dataset.PRICES: "price, held",
        }[dataset]
        names = ["symbol", "source", time, *values.split(", "), "observed_at", "raw_key"]
        rows = self.database.query(
            f"""SELECT s.symbol, s.source, t.{time}, {", ".join(f"t.{name}" for name in values.split(", "))},
                       t.observed_at, o.key
                FROM {dataset} AS t JOIN symbols AS s ON s.id = t.symbol_id JOIN raw_objects AS o ON o.id = t.raw_id
                WHERE t.{time} >= :start AND t.{time} < :end
                ORDER BY s.id, t.{time}, t.observed_at, t.raw_id""",  # noqa: S608 - our own names
            start=begins(month),
            end=ends(month),
        )
        return [dict(zip(names, row, strict=True)) for row in rows]

    def exported(self, dataset: Dataset, month: date) -> list[dict[str, Any]]:
        """The rows of a month in the bucket, in the order of the files."""
        found: list[dict[str, Any]] = []
        for key in self.cloud.keys(prefix(dataset, month)):
            body = self.cloud.s3.get_object(Bucket=self.cloud.bucket, Key=key)["Body"].read()
            found += pq.read_table(BytesIO(body), partitioning=None).to_pylist()
        return found

    def files(self) -> dict[str, str]:
        """What is in the bucket, by the hash of its content."""
        listed = self.cloud.s3.list_objects_v2(Bucket=self.cloud.bucket)["Contents"]
        return {one["Key"]: one["ETag"] for one in listed}

    def tables(self) -> set[str]:
        """The partitions of months that there are."""
        return {
            row[0]
            for row in self.database.query(
                "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ '_20[0-9_]+$'"
            )
        }
