"""The books of a run: every answer that was archived, what of it was loaded, and what the tables must hold by then."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple, Protocol

from local.simulation.log import Log
from local.simulation.oracle import Fact, Key, Reading, Served, Values

_ROWS = """
SELECT 'candles', s.source_symbol, CAST(c.interval AS text), c.open_time, c.final, c.observed_at, c.raw_id,
       c.open, c.high, c.low, c.close, c.volume, c.quote_volume, c.trades
FROM candles AS c JOIN symbols AS s ON s.id = c.symbol_id {where}
UNION ALL
SELECT 'prices', s.source_symbol, '', c.as_of, true, c.observed_at, c.raw_id,
       c.price, NULL, NULL, NULL, NULL, NULL, NULL
FROM prices AS c JOIN symbols AS s ON s.id = c.symbol_id {where}
"""
_REVISIONS = """
SELECT 'candles', s.source_symbol, CAST(c.interval AS text), c.open_time, true, c.observed_at, c.raw_id,
       c.open, c.high, c.low, c.close, c.volume, c.quote_volume, c.trades
FROM revisions AS c JOIN symbols AS s ON s.id = c.symbol_id {where} ORDER BY c.observed_at, c.raw_id
"""
WRITTEN_BY = _ROWS.format(where="WHERE c.raw_id = :raw_id")
EVERYTHING = _ROWS.format(where="")
REVISED_BY = _REVISIONS.format(where="WHERE c.raw_id = :raw_id")
REVISIONS = _REVISIONS.format(where="")


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


class Said:
    """Everything that the loaded answers say about one key, and what follows from it, whatever the order."""

    def __init__(self) -> None:
        self._final: dict[tuple[datetime, int], Values] = {}
        self._forming: dict[tuple[datetime, int], Values] = {}

    def add(self, row: Row) -> None:
        """One more observation."""
        (self._final if row.final else self._forming)[row.observed_at, row.raw_id] = row.values

    def runs(self) -> list[Row]:
        """What was believed to be final, one after the other, each with the first answer that said it."""
        ordered = [Row(True, *when, values) for when, values in sorted(self._final.items())]
        return [next(same) for _, same in groupby(ordered, key=lambda row: row.values)]

    def newest(self) -> Row:
        """The newest observation; a forming one only where there is none that is final."""
        found = self._final or self._forming
        return Row(bool(self._final), *max(found), found[max(found)])


class Ledger:
    """What was archived and loaded so far. `reader` must be another connection than the loader's.

    `begun` are the answers of which something was stored, `loaded` those of which all was.
    """

    def __init__(self, reader: Reader, log: Log) -> None:
        self._reader = reader
        self._log = log
        self._said: dict[Key, Said] = {}
        self.answers: dict[str, Answer] = {}
        self.refused: list[Answer] = []
        self.published: set[str] = set()
        self.begun: set[str] = set()
        self.loaded: dict[str, int] = {}
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

    def due(self) -> tuple[dict[Key, Row], dict[Key, list[Row]]]:
        """What the tables must hold by now: the rows, and of corrected candles what was believed before."""
        rows = {key: self._due(key) for key in self._said}
        revised = {key: said.runs()[:-1] for key, said in self._said.items() if key[0] == "candles"}
        return rows, {key: earlier for key, earlier in revised.items() if earlier}

    def commit(self, key: str, *, whole: bool = True) -> None:
        """The answer `key` was loaded: compare what that wrote with what it had to write.

        Not the `whole` of it: what contradicts a final candle comes in a transaction of its own.
        """
        answer = self.answers.get(key)
        if answer is None:
            self._log.violate("Only archived answers are loaded.", "a key of the archive", key)
            return
        if key not in self.loaded:
            self._take(answer, whole=whole)
        self.begun.add(key)
        if whole:
            self.loaded[key] = self.loaded.get(key, 0) + 1
        number = raw_id(key)
        written = dict(row_of(found) for found in self._reader.query(WRITTEN_BY, raw_id=number))
        revised = {row_of(found) for found in self._reader.query(REVISED_BY, raw_id=number)}
        self._log.note("loaded", f"{key} wrote {len(written)} and revised {len(revised)}")
        for moment, row in sorted(written.items()):
            self._compare(moment, row)
        for moment in sorted({fact.key for fact in answer.reading.facts} & self._said.keys()):
            due, runs = self._due(moment), self._said[moment].runs()[:-1] if moment[0] == "candles" else []
            if due.raw_id == number and moment not in written:
                self._log.violate(f"{_name(moment)} is written.", due, self.rows.get(moment))
            wanted = {(moment, run) for run in runs if run.raw_id == number}
            if found := wanted ^ {one for one in revised if one[0] == moment}:
                self._log.violate(f"{_name(moment)} is revised.", sorted(wanted), sorted(found))

    def _due(self, key: Key) -> Row:
        said = self._said[key]
        runs = said.runs() if key[0] == "candles" else []
        return runs[-1] if runs else said.newest()

    def _take(self, answer: Answer, *, whole: bool) -> None:
        """What `answer` says counts from now on."""
        number = raw_id(answer.key)
        for fact in answer.reading.facts:
            row = Row(fact.final, answer.observed_at, number, fact.values)
            if whole or fact.key not in self._said or not odd(row, self._due(fact.key)):
                self._said.setdefault(fact.key, Said()).add(row)

    def _compare(self, key: Key, row: Row) -> None:
        """A row that this answer wrote, now or when it was loaded before."""
        before = self.rows.get(key)
        if row == before:
            return
        if before is not None and before.final and not row.final:
            self._log.violate(f"{_name(key)} stays final.", before, row)
        due = self._due(key) if key in self._said else None
        if row != due:
            self._log.violate(f"{_name(key)} is what was observed last.", due, row)
        self.rows[key] = row


def odd(row: Row, known: Row) -> bool:
    """Whether `row` of a candle contradicts the final one that is `known`, or is about an earlier time."""
    if not (row.final and known.final):
        return False
    return row.values != known.values or (row.observed_at, row.raw_id) < (known.observed_at, known.raw_id)


def _name(key: Key) -> str:
    table, symbol, interval, moment = key
    return f"{table} {symbol} {interval} {moment:%Y-%m-%dT%H:%M:%SZ}".replace("  ", " ")


def finals(reading: Reading) -> list[Fact]:
    """The candles of an answer that can no longer change."""
    return [fact for fact in reading.facts if fact.final and fact.key[0] == "candles"]
