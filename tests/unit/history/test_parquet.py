"""Files of the export: exact, or refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from io import BytesIO
from typing import Any

import pyarrow.parquet as pq  # type: ignore[import-untyped]  # pyarrow ships no types
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflow.domain.retention import COLUMNS, Chunk, Dataset
from marketflow.errors import NotExportedError
from marketflow.history import parquet

pytestmark = pytest.mark.unit

START = datetime(2026, 7, 1, tzinfo=UTC)

fitting = st.decimals(-(10**20) + 1, 10**20 - 1, places=18) | st.decimals(0, 10**6, places=8)


def line(price: str, *, symbol: str = "BTCUSDT", at: datetime = START, key: str | None = "raw/1") -> str:
    """A row of prices as PostgreSQL writes it."""
    moment = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    quoted = "" if key is None else '"' + key.replace('"', '""') + '"'
    return f'"{symbol}","binance",{moment},{price},false,{moment + 1},{quoted}'


def chunk(*lines: str) -> Chunk:
    """Lines together."""
    return Chunk(rows=len(lines), text="\n".join(lines))


def read_back(*chunks: Chunk, row_group: int = 100) -> list[dict[str, Any]]:
    """The rows of a file."""
    file = BytesIO()
    parquet.write(Dataset.PRICES, chunks, file, row_group=row_group)
    file.seek(0)
    rows: list[dict[str, Any]] = pq.read_table(file).to_pylist()
    return rows


@given(st.lists(fitting, min_size=1, max_size=20))
def test_every_decimal_that_fits_comes_back_exactly(prices: Sequence[Decimal]) -> None:
    """Twenty digits before the point and eighteen behind it, whatever they are."""
    rows = read_back(chunk(*(line(f"{price:f}") for price in prices)))
    assert [row["price"] for row in rows] == prices


@given(
    st.integers(10**20, 10**60).map(str)
    | st.integers(10**20, 10**40).map(lambda number: f"-{number}.5")
    | st.integers(1, 10**6).map(lambda number: f"0.{'0' * 18}{number}").filter(lambda text: Decimal(text) % 1 != 0)
)
def test_a_decimal_that_does_not_fit_is_refused(price: str) -> None:
    """Neither rounded nor cut: the month that it is in stays where it is."""
    with pytest.raises(NotExportedError, match="does not fit the export"):
        read_back(chunk(line(price)))


@pytest.mark.parametrize("price", ["NaN", "Infinity", "1e5x", "one"])
def test_what_is_no_decimal_is_refused(price: str) -> None:
    """It would be another number, or none."""
    with pytest.raises(NotExportedError):
        read_back(chunk(line(price)))


@given(st.text(st.characters(exclude_categories=("Cs", "Cc"))), st.timedeltas(timedelta(-9999), timedelta(9999)))
def test_texts_and_moments_come_back(key: str, since: timedelta) -> None:
    """With quotes, commas and microseconds; no text is another thing than an empty one."""
    at = START + since
    first, second = read_back(chunk(line("1", key=key, at=at), line("1", key=None)))
    assert (first["raw_key"], second["raw_key"]) == (key, None)
    assert first["as_of"] == at
    assert first["observed_at"] - first["as_of"] == timedelta(microseconds=1)


@given(st.lists(st.tuples(st.sampled_from("ABC"), fitting), max_size=40), st.integers(1, 7))
def test_the_totals_are_those_of_the_rows(values: list[tuple[str, Decimal]], row_group: int) -> None:
    """Of each symbol, over all row groups, without rounding."""
    values = sorted(values, key=lambda one: one[0])
    chunks = [chunk(line(f"{price:f}", symbol=symbol)) for symbol, price in values]
    file = BytesIO()
    assert parquet.write(Dataset.PRICES, chunks, file, row_group=row_group) == len(values)
    found = parquet.totals(Dataset.PRICES, file)
    assert found.keys() == {symbol for symbol, _ in values}
    for symbol, totals in found.items():
        prices = [Fraction(price) for one, price in values if one == symbol]
        count, total = totals["price"]
        assert (count, Fraction(total)) == (len(prices), sum(prices))
        assert totals.keys() == COLUMNS[Dataset.PRICES].keys() - {"symbol"}


def test_rows_that_are_lost_on_the_way_are_missed() -> None:
    """A line that is no row, and a count that is not that of the lines."""
    with pytest.raises(NotExportedError, match="3 rows of prices were read as 2"):
        read_back(Chunk(rows=3, text=chunk(line("1"), line("2")).text))


def test_a_file_is_compressed_and_has_bounded_row_groups() -> None:
    """Zstandard; a reader, and the function itself, hold one group at a time."""
    file = BytesIO()
    parquet.write(Dataset.PRICES, (chunk(*[line("1")] * 30) for _ in range(10)), file, row_group=90)
    read = pq.ParquetFile(file)
    assert [read.metadata.row_group(number).num_rows for number in range(read.num_row_groups)] == [90, 90, 90, 30]
    assert read.metadata.row_group(0).column(3).compression == "ZSTD"
    assert str(read.schema_arrow.field("price").type) == "decimal128(38, 18)"


def test_an_empty_export_is_a_file() -> None:
    """With the columns, and no row."""
    file = BytesIO()
    assert parquet.write(Dataset.CANDLES, [], file) == 0
    assert pq.ParquetFile(file).schema_arrow.names == list(COLUMNS[Dataset.CANDLES])
    assert parquet.totals(Dataset.CANDLES, file) == {}
