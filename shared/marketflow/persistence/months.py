"""The months of minutes and prices: read whole, watched while they are exported, dropped in one step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal

from marketflow.domain.retention import COLUMNS, Chunk, Dataset, Totals, begins, ends
from marketflow.persistence import months_sql
from marketflow.persistence.connection import Database

CHUNK_ROWS = 20_000
"""About 4 MB of text."""

MOST_DELETED = 20_000
"""Rows that one statement deletes: a second's work."""


class MonthBook:
    """Satisfies `Months` of marketflow.services.export. Every method raises as `Database.query` does."""

    def __init__(self, database: Database, *, chunk_rows: int = CHUNK_ROWS) -> None:
        self._database = database
        self._chunk_rows = chunk_rows

    def make(self, first: date, last: date) -> None:
        """Make what is missing of the partitions from `first` to `last`."""
        self._database.query(months_sql.MAKE, first=begins(first), last=begins(last))

    def bring_back(self, since: date) -> list[date]:
        """Put months from `since` on into use again, without rows; those that were not."""
        months = [row[0] for row in self._database.query(months_sql.BROUGHT_BACK, since=since)]
        for month in months:
            self._database.together(
                (months_sql.FORGET_MONTH, {"month": month}),
                (months_sql.UNTIDY_AGAIN, {"month": month}),
                (months_sql.MAKE, {"first": begins(month), "last": begins(month)}),
            )
        return months

    def due(self, before: date) -> list[date]:
        """The months before `before` that are in use, the oldest first."""
        return [row[0] for row in self._database.query(months_sql.DUE, before=before)]

    def untidy(self) -> list[date]:
        """Retired months of which rows are left in tables without partitions, the oldest first."""
        return [row[0] for row in self._database.query(months_sql.UNTIDY)]

    def claim(self, month: date, run: str, until: datetime) -> bool:
        """Keep a month from other runs until then; False when another one has it."""
        return bool(self._database.query(months_sql.CLAIM, month=month, run=run, until=until))

    def release(self, month: date, run: str) -> None:
        """Give a month back."""
        self._database.query(months_sql.RELEASE, month=month, run=run)

    def watch(self, month: date) -> None:
        """Notice from now on what is written to a month. Raises RetryLaterError when writers leave no moment for it."""
        self._database.query(months_sql.WATCH, month=month)

    def begin(self, month: date, run: str, token: str) -> None:
        """Begin an export under a new token: what was noticed so far is forgotten."""
        self._database.query(months_sql.BEGIN, month=month, run=run, token=token)

    def unchanged(self, month: date, token: str) -> bool:
        """Whether nothing was written to a month since the export `token` began."""
        return self._database.query(months_sql.UNCHANGED, month=month, token=token) == [[1]]

    def symbols(self, dataset: Dataset, month: date) -> list[int]:
        """The ids of the symbols that have rows in a month, in order."""
        return [row[0] for row in self._database.query(months_sql.symbols(dataset), **_bounds(month))]

    def chunks(self, dataset: Dataset, month: date, symbol: int) -> Iterator[Chunk]:
        """The rows of a symbol in a month, some thousands at a time, those of one moment together."""
        # The bound itself is in `start`: the first page begins just before it.
        after = begins(month) - timedelta(microseconds=1)
        statement = months_sql.chunk(dataset)
        while True:
            ((rows, last, text),) = self._database.query(
                statement, symbol=symbol, after=after, most=self._chunk_rows, **_bounds(month)
            )
            if rows:
                yield Chunk(rows=rows, text=text)
            if rows < self._chunk_rows:
                return
            after = last

    def totals(self, dataset: Dataset, month: date, *, after: int, last: int) -> Totals:
        """What the rows of the symbols with ids in `(after, last]` sum up to."""
        names = [name for name in COLUMNS[dataset] if name != "symbol"]
        rows = self._database.query(months_sql.totals(dataset), after=after, last=last, **_bounds(month))
        return {
            symbol: {
                name: (known, Decimal(total)) for name, known, total in zip(names, found[::2], found[1::2], strict=True)
            }
            for symbol, *found in rows
        }

    def count(self, dataset: Dataset, month: date) -> int:
        """How many rows a month has."""
        return int(self._database.query(months_sql.count(dataset), **_bounds(month))[0][0])

    def retire(self, month: date, run: str, token: str) -> bool:
        """Drop the partitions and mark the month in one transaction; False when it was written to or is not ours.

        Raises RetryLaterError when those who read and write leave no moment for it within half a second.
        """
        return bool(self._database.query(months_sql.RETIRE, month=month, run=run, token=token)[0][0])

    def tidy(self, month: date, *, may_go_on: Callable[[], bool]) -> bool:
        """Delete what names only rows of retired months, bit by bit; whether everything is done.

        Every month before this one has to be retired as well.
        """
        for statement, values in self._leftovers(month):
            while True:
                if not may_go_on():
                    return False
                ((gone,),) = self._database.query(statement, **values)
                if gone < values.get("most", gone + 1):
                    break
        self._database.query(months_sql.TIDIED, month=month)
        return True

    def _leftovers(self, month: date) -> Iterator[tuple[str, dict[str, object]]]:
        """Statements that delete a part and answer how many rows that were; those with `most` may have left some."""
        most = {"most": MOST_DELETED}
        yield months_sql.FORGET_REVISIONS, {**_bounds(month), **most}
        for (symbol,) in self._database.query(months_sql.EVERY_SYMBOL):
            yield months_sql.FORGET_ANSWERS, {"symbol": symbol, "end": ends(month), **most}
        day = begins(month)
        while day < ends(month):
            next_day = day + timedelta(days=1)
            yield months_sql.FORGET_RAW_OBJECTS, {"day": day, "next_day": next_day, "end": ends(month)}
            day = next_day


def _bounds(month: date) -> dict[str, datetime]:
    return {"start": begins(month), "end": ends(month)}
