"""Rows as Parquet: exact decimals, written a row group at a time and read back the same way.

Arrow parses the text that PostgreSQL writes, so that no row becomes Python objects on its way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Context, Decimal
from io import BytesIO
from typing import IO, Any

import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow ships no types
import pyarrow.compute as pc  # type: ignore[import-untyped]  # the same
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # the same
from pyarrow import csv

from marketflow.domain.retention import COLUMNS, Chunk, Dataset, Kind, Total, Totals
from marketflow.errors import NotExportedError

ROW_GROUP = 100_000
"""Rows of a row group, some more where a chunk ends behind it: what is in memory while a file is written."""

_EXACT = Context(prec=100)
"""Python itself rounds sums to 28 digits."""

NUMBER = pa.decimal128(38, 18)
_WIDE = pa.decimal256(76, 18)
_TYPES = {
    Kind.TEXT: pa.string(),
    Kind.MOMENT: pa.timestamp("us", tz="UTC"),
    Kind.NUMBER: NUMBER,
    Kind.COUNT: pa.int64(),
    Kind.FLAG: pa.bool_(),
}
_READ_AS = {**_TYPES, Kind.MOMENT: pa.int64(), Kind.NUMBER: pa.string()}
"""Arrow's own reader of decimals lets one of 39 digits pass, and cuts longer ones; its conversion of texts does not."""


def schema(dataset: Dataset) -> pa.Schema:
    """The columns of a file."""
    return pa.schema([(name, _TYPES[kind]) for name, kind in COLUMNS[dataset].items()])


def write(dataset: Dataset, chunks: Iterable[Chunk], target: IO[bytes], *, row_group: int = ROW_GROUP) -> int:
    """Write a file with the rows of `chunks`, in their order; how many those are.

    Raises NotExportedError when a number has more than 20 digits before its point or 18 behind it.
    """
    rows = 0
    with pq.ParquetWriter(target, schema(dataset), compression="zstd", write_statistics=True) as writer:
        waiting: list[pa.Table] = []
        for chunk in chunks:
            waiting.append(_table(dataset, chunk))
            if sum(table.num_rows for table in waiting) >= row_group:
                rows += _flush(writer, waiting)
        rows += _flush(writer, waiting)
    return rows


def _flush(writer: pq.ParquetWriter, waiting: list[pa.Table]) -> int:
    table = pa.concat_tables(waiting) if waiting else None
    waiting.clear()
    if table is None:
        return 0
    writer.write_table(table, row_group_size=max(1, table.num_rows))
    return int(table.num_rows)


def _table(dataset: Dataset, chunk: Chunk) -> pa.Table:
    columns = COLUMNS[dataset]
    try:
        read = csv.read_csv(
            BytesIO(chunk.text.encode()),
            read_options=csv.ReadOptions(column_names=list(columns), block_size=len(chunk.text) * 4 + 1),
            convert_options=csv.ConvertOptions(
                column_types={name: _READ_AS[kind] for name, kind in columns.items()},
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
        table = pa.table([_typed(read[name], kind) for name, kind in columns.items()], schema=schema(dataset))
    except pa.ArrowInvalid as error:
        raise NotExportedError(f"A row of {dataset} does not fit the export: {error}.") from error
    if table.num_rows != chunk.rows:
        raise NotExportedError(f"{chunk.rows} rows of {dataset} were read as {table.num_rows}.")
    return table


def _typed(column: pa.ChunkedArray, kind: Kind) -> pa.ChunkedArray:
    if kind is Kind.NUMBER:
        # In one step a text of more than 38 digits may overflow before Arrow looks at it.
        return column.cast(_WIDE).cast(NUMBER)
    return column.cast(_TYPES[kind])


def totals(dataset: Dataset, source: IO[bytes]) -> Totals:
    """What the rows of a file sum up to for each symbol: every value is read, a row group at a time."""
    found: dict[str, dict[str, Total]] = {}
    for symbol, table in _symbols(source):
        known = found.setdefault(symbol, {})
        for name, kind in COLUMNS[dataset].items():
            if name != "symbol":
                count, total = known.get(name, (0, Decimal(0)))
                more, summed = _total(table[name], kind)
                known[name] = (count + more, _EXACT.add(total, summed))
    return found


def _symbols(source: IO[bytes]) -> Iterator[tuple[str, pa.Table]]:
    """The rows of each symbol in each row group."""
    file = pq.ParquetFile(source)
    for number in range(file.num_row_groups):
        group = file.read_row_group(number)
        for symbol in pc.unique(group["symbol"]).to_pylist():
            yield symbol, pc.filter(group, pc.equal(group["symbol"], symbol))


def _total(column: pa.ChunkedArray, kind: Kind) -> Total:
    match kind:
        case Kind.TEXT:
            values = pc.utf8_length(column).cast(pa.int64())
        case Kind.MOMENT:
            # Microseconds of many rows overflow an int64.
            values = column.cast(pa.int64()).cast(pa.decimal128(38, 0))
        case Kind.NUMBER:
            values = column.cast(_WIDE)
        case _:
            values = column
    summed: Any = pc.sum(values).as_py()
    return len(column) - column.null_count, Decimal(summed or 0)
