"""The books of a run: every answer that was archived, what of it was loaded, and what the tables must hold by then."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from local.simulation.log import Log
from local.simulation.oracle import Fact, Key, Reading, Served, Values

_TOUCHED = """
SELECT 'candles', s.source_symbol, CAST(c.interval AS text), c.open_time, c.final, c.observed_at, c.raw_id,
       c.open, c.high, c.low, c.close, c.volume, c.quote_volume, c.trades
FROM candles AS c JOIN symbols AS s ON s.id = c.symbol_id {where}
UNION ALL
SELECT 'prices', s.source_symbol, '', c.as_of, true, c.observed_at, c.raw_id,
       c.price, NULL, NULL, NULL, NULL, NULL, NULL
FROM prices AS c JOIN symbols AS s ON s.id = c.symbol_id {where}
"""
WRITTEN_BY = _TOUCHED.format(where="WHERE c.raw_id = :raw_id")
EVERYTHING = _TOUCHED.format(where="")


class Reader(Protocol):
    """A connection that sees what is committed."""

    def query(self, sql: str, /, **params: object) -> list[list[Any]]:
        """The rows of a statement."""
        ...


class Row(NamedTuple):
    """A row of a table, or what one must be."""

    final: bool
    observed_at: datetime
    raw_id: int
    values: Values


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer in the archive: `reading` is what the oracle finds in it, `observed_at` the fetcher's time of it."""

    key: str
    source: str
    dataset: str
    observed_at: datetime
    served: Served
    reading: Reading


def raw_id(key: str) -> int:
    """The number by which rows name the archived answer `key`."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big", signed=True)


def row_of(found: Sequence[Any]) -> tuple[Key, Row]:
    """A row of one of the statements here."""
    table, symbol, interval, moment, final, observed_at, raw, *values = found
    width = 7 if table == "candles" else 1
    return (table, symbol, interval, moment), Row(final, observed_at, raw, tuple(values[:width]))


class Ledger:
    """What was archived and loaded so far. `reader` must be another connection than the loader's."""

    def __init__(self, reader: Reader, log: Log) -> None:
        self._reader = reader
        self._log = log
        self.answers: dict[str, Answer] = {}
        self.refused: list[Answer] = []
        self.published: set[str] = set()
        self.loaded: dict[str, int] = {}
        self.due: dict[Key, Row] = {}
        self.rows: dict[Key, Row] = {}
        self.reports: dict[str, datetime] = {}

    def archive(self, answer: Answer, *, failed: bool) -> None:
        """An answer was archived, `failed` below the errors."""
        self._log.note("archived", answer.key)
        (self.refused.append(answer) if failed else self.answers.setdefault(answer.key, answer))
        untouched = answer.served.status == 200 and not answer.served.struck
        if untouched and (failed or answer.reading.whole):
            self._log.violate("An answer without a fault is handed on.", "raw/", answer.key)

    def report(self, source: str, finished_at: datetime) -> None:
        """A report was stored."""
        self.reports[source] = max(self.reports.get(source, finished_at), finished_at)

    def commit(self, key: str) -> None:
        """The answer `key` was loaded: compare what that wrote with what it had to write."""
        answer = self.answers.get(key)
        if answer is None:
            self._log.violate("Only archived answers are loaded.", "a key of the archive", key)
            return
        wanted = self._take(answer) if key not in self.loaded else {}
        self.loaded[key] = self.loaded.get(key, 0) + 1
        written = dict(row_of(found) for found in self._reader.query(WRITTEN_BY, raw_id=raw_id(key)))
        self._log.note("loaded", f"{key} wrote {len(written)}")
        for moment, row in sorted(written.items()):
            self._compare(moment, row)
        for moment in sorted(wanted.keys() - written.keys()):
            self._log.violate(f"{_name(moment)} is written.", wanted[moment], self.rows.get(moment))

    def _take(self, answer: Answer) -> dict[Key, Row]:
        """Move on what the tables must hold by `answer`; the rows that change with it."""
        changed = {}
        number = raw_id(answer.key)
        for fact in answer.reading.facts:
            row = Row(fact.final, answer.observed_at, number, fact.values)
            before = self.due.get(fact.key)
            if before is not None and not newer(row, before):
                continue
            self.due[fact.key] = row
            if before is None or not before.final or before.values != row.values:
                changed[fact.key] = row
        return changed

    def _compare(self, key: Key, row: Row) -> None:
        """A row that this answer wrote, now or when it was loaded before."""
        before, due = self.rows.get(key), self.due.get(key)
        if row == before:
            return
        if before is not None and not newer(row, before):
            self._log.violate(f"{_name(key)} goes forward.", f"newer than {before}", row)
        if due is None or (row.final, row.values) != (due.final, due.values):
            self._log.violate(f"{_name(key)} is what was observed last.", due, row)
        self.rows[key] = row


def newer(row: Row, before: Row) -> bool:
    """Whether `row` may take the place of `before`: final counts before time."""
    return (before.final, before.observed_at) < (row.final, row.observed_at)


def _name(key: Key) -> str:
    table, symbol, interval, moment = key
    return f"{table} {symbol} {interval} {moment:%Y-%m-%dT%H:%M:%SZ}".replace("  ", " ")


def finals(reading: Reading) -> list[Fact]:
    """The candles of an answer that can no longer change."""
    return [fact for fact in reading.facts if fact.final and fact.key[0] == "candles"]
