"""How long rows stay in the database, and what they are exported as before they leave it: months, columns, totals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from marketflow.domain.ticks import Tick

AHEAD = 2
"""For so many months behind this one there are partitions before anything needs them."""


PRICES_SINCE = datetime(2026, 1, 1, tzinfo=UTC)
"""Prices from before are the daily past of currencies, in one partition that is kept for ever."""


class RetireOrder(Tick):
    """The event of the schedule on which old months are retired."""


class Dataset(StrEnum):
    """What is exported of a month; the names are folders in the bucket and tables in Athena."""

    CANDLES = "candles"
    PRICES = "prices"
    REVISIONS = "revisions"


class Kind(StrEnum):
    """What a column holds. Numbers are decimal(38, 18), moments microseconds in UTC."""

    TEXT = "text"
    MOMENT = "moment"
    NUMBER = "number"
    COUNT = "count"
    FLAG = "flag"


_VALUES = dict.fromkeys(("open", "high", "low", "close", "volume", "quote_volume"), Kind.NUMBER)
_NAMES = {"symbol": Kind.TEXT, "source": Kind.TEXT}
_ANSWER = {"observed_at": Kind.MOMENT, "raw_key": Kind.TEXT}

COLUMNS: Mapping[Dataset, Mapping[str, Kind]] = {
    Dataset.CANDLES: {
        **_NAMES,
        "open_time": Kind.MOMENT,
        **_VALUES,
        "trades": Kind.COUNT,
        "final": Kind.FLAG,
        "held": Kind.FLAG,
        **_ANSWER,
    },
    Dataset.PRICES: {**_NAMES, "as_of": Kind.MOMENT, "price": Kind.NUMBER, "held": Kind.FLAG, **_ANSWER},
    Dataset.REVISIONS: {**_NAMES, "open_time": Kind.MOMENT, **_VALUES, "trades": Kind.COUNT, **_ANSWER},
}
"""The columns of each export, in order; `symbol` and the moment behind it are what rows are sorted by."""

Total = tuple[int, Decimal]
"""How many values of a column are there, and their sum: of texts the lengths, of flags the ones, of moments the µs."""

Totals = Mapping[str, Mapping[str, Total]]
"""Of each symbol by name, of each column but `symbol`: what database and export are compared by."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows of one symbol as lines of CSV without a header, in order: texts quoted, nothing where a value is null."""

    rows: int
    text: str


class ExportedFile(BaseModel):
    """A file of the export that was read back and found right: the rows of the symbols with ids in `(after, last]`."""

    model_config = ConfigDict(frozen=True)

    dataset: Dataset
    key: str
    rows: int
    after: int
    last: int


class Manifest(BaseModel):
    """How far the export of a month has come. `token` names the beginning of it; `complete` are finished datasets."""

    model_config = ConfigDict(frozen=True)

    token: str
    files: tuple[ExportedFile, ...] = ()
    complete: tuple[Dataset, ...] = ()

    def of(self, dataset: Dataset) -> list[ExportedFile]:
        """The files of one dataset, in order."""
        return [file for file in self.files if file.dataset is dataset]

    def rows(self, dataset: Dataset) -> int:
        """How many rows they have."""
        return sum(file.rows for file in self.of(dataset))


def month_of(moment: datetime) -> date:
    """The first day of the month in UTC that `moment` (aware) is in."""
    return moment.astimezone(UTC).date().replace(day=1)


def months_on(month: date, number: int) -> date:
    """The month so many behind `month`, before it when negative."""
    years, index = divmod(month.month - 1 + number, 12)
    return date(month.year + years, index + 1, 1)


def begins(month: date) -> datetime:
    """When a month begins, UTC."""
    return datetime(month.year, month.month, 1, tzinfo=UTC)


def ends(month: date) -> datetime:
    """When the month after it begins, UTC."""
    return begins(months_on(month, 1))


def prefix(dataset: Dataset, month: date) -> str:
    """Where the files of a month lie in the bucket, Hive style: what is a folder there is a column in Athena."""
    interval = "" if dataset is Dataset.PRICES else "interval=1m/"
    return f"history/{dataset}/{interval}month={month:%Y-%m}/"
