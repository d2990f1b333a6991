"""Months in memory, the bucket to which they are exported, and a wire that breaks when a test says so."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from zlib import crc32

from marketflow.domain.retention import Chunk, Dataset, Manifest, Totals, prefix
from marketflow.errors import NotExportedError, RetryLaterError
from marketflow.services.retire import PARTITIONED, Retired, Retirer

NOW = datetime(2026, 11, 20, 3, tzinfo=UTC)
OLD, OLDER, KEPT = date(2026, 8, 1), date(2026, 7, 1), date(2026, 9, 1)
"""With two months kept: two that are due, and the oldest that is not."""

Rows = dict[int, list[str]]


class CrashError(Exception):
    """The process ended here."""


def sums(rows: Iterable[str]) -> Totals:
    """Rows of the form `symbol:value` by symbol."""
    found: dict[str, dict[str, tuple[int, Decimal]]] = {}
    for row in rows:
        known, total = found.setdefault(row.partition(":")[0], {"value": (0, Decimal(0))})["value"]
        found[row.partition(":")[0]]["value"] = (known + 1, total + crc32(row.encode()))
    return found


@dataclass
class World:
    """The database's months and the bucket; every call of the service passes `step`."""

    tables: dict[tuple[Dataset, date], Rows] = field(default_factory=dict)
    in_use: set[date] = field(default_factory=set)
    retired: dict[date, bool] = field(default_factory=dict)
    tokens: dict[date, str] = field(default_factory=dict)
    changed: set[date] = field(default_factory=set)
    watched: set[date] = field(default_factory=set)
    claims: dict[date, tuple[str, datetime]] = field(default_factory=dict)
    files: dict[str, list[str]] = field(default_factory=dict)
    manifests: dict[date, Manifest] = field(default_factory=dict)
    crash_at: int | None = None
    steps: int = 0
    busy: int = 0
    before_drop: Callable[[], None] | None = None
    now: datetime = NOW
    ids: int = 0

    def step(self) -> None:
        """One call; the one that the test chose never happens."""
        self.steps += 1
        if self.steps == self.crash_at:
            raise CrashError

    def put(self, dataset: Dataset, month: date, symbol: int, *values: object) -> None:
        """Write rows, as the ETL does."""
        self.in_use.add(month)
        self.tables.setdefault((dataset, month), {}).setdefault(symbol, []).extend(f"S{symbol}:{one}" for one in values)
        if month in self.watched:
            self.changed.add(month)

    def rows(self, dataset: Dataset, month: date) -> list[str]:
        """The rows in the database, in order."""
        return [row for _, rows in sorted(self.tables.get((dataset, month), {}).items()) for row in rows]

    def exported(self, dataset: Dataset, month: date) -> list[str]:
        """The rows in the bucket, in the order of the files."""
        folder = prefix(dataset, month)
        return [row for key in sorted(self.files) if key.startswith(folder) for row in self.files[key]]

    def run(self, *, keep: int | None = 2, seconds: Callable[[], float] = lambda: 900.0, file_rows: int = 4) -> Retired:
        """One tick of the schedule, in a process of its own."""
        retirer = Retirer(
            months=FakeMonths(self),
            history=FakeHistory(self),
            history_months=keep,
            clock=lambda: self.now,
            new_id=self.new_id,
            file_rows=file_rows,
        )
        return retirer.run(time_left=seconds)

    def new_id(self) -> str:
        """Another one each time."""
        self.ids += 1
        return f"id-{self.ids}"


@dataclass
class FakeMonths:
    """The months of a world."""

    world: World

    def make(self, first: date, last: date) -> None:
        """Both, and nothing between."""
        self.world.step()
        self.world.in_use |= {first, last} - self.world.retired.keys()

    def bring_back(self, since: date) -> list[date]:
        """Without rows."""
        self.world.step()
        found = sorted(month for month in self.world.retired if month >= since)
        for month in found:
            del self.world.retired[month]
            self.world.in_use.add(month)
        return found

    def due(self, before: date) -> list[date]:
        """In use and older."""
        self.world.step()
        return sorted(month for month in self.world.in_use if month < before)

    def untidy(self) -> list[date]:
        """Retired, with something left."""
        self.world.step()
        return sorted(month for month, tidied in self.world.retired.items() if not tidied)

    def claim(self, month: date, run: str, until: datetime) -> bool:
        """The first one has it until then."""
        self.world.step()
        holder, end = self.world.claims.get(month, ("", self.world.now))
        if end > self.world.now and holder != run:
            return False
        self.world.claims[month] = (run, until)
        return True

    def release(self, month: date, run: str) -> None:
        """Nobody has it; a process that ended releases nothing."""
        if self.world.crash_at is None or self.world.steps < self.world.crash_at:
            self.world.claims.pop(month, None)

    def watch(self, month: date) -> None:
        """From now on."""
        self.world.step()
        if month not in self.world.watched:
            self.world.watched.add(month)
            self.world.changed.add(month)

    def begin(self, month: date, run: str, token: str) -> None:
        """Forget what was noticed."""
        self.world.step()
        self.world.tokens[month] = token
        self.world.changed.discard(month)

    def unchanged(self, month: date, token: str) -> bool:
        """Since the export began."""
        self.world.step()
        return month not in self.world.changed and self.world.tokens.get(month) == token

    def symbols(self, dataset: Dataset, month: date) -> list[int]:
        """Those with rows."""
        self.world.step()
        return sorted(self.world.tables.get((dataset, month), {}))

    def chunks(self, dataset: Dataset, month: date, symbol: int) -> Iterator[Chunk]:
        """Two rows at a time."""
        rows = self.world.tables.get((dataset, month), {}).get(symbol, [])
        for first in range(0, len(rows), 2):
            self.world.step()
            yield Chunk(rows=len(rows[first : first + 2]), text="\n".join(rows[first : first + 2]))

    def totals(self, dataset: Dataset, month: date, *, after: int, last: int) -> Totals:
        """Of some symbols."""
        self.world.step()
        table = self.world.tables.get((dataset, month), {})
        return sums(row for symbol, rows in table.items() if after < symbol <= last for row in rows)

    def count(self, dataset: Dataset, month: date) -> int:
        """Of all."""
        self.world.step()
        return len(self.world.rows(dataset, month))

    def retire(self, month: date, run: str, token: str) -> bool:
        """All at once."""
        self.world.step()
        if self.world.busy:
            self.world.busy -= 1
            raise RetryLaterError("Somebody reads.")
        if self.world.before_drop is not None:
            self.world.before_drop()
        if not self.unchanged(month, token) or self.world.claims.get(month, ("",))[0] != run:
            return False
        for dataset in PARTITIONED:
            self.world.tables.pop((dataset, month), None)
        self.world.in_use.discard(month)
        self.world.watched.discard(month)
        self.world.retired[month] = False
        return True

    def tidy(self, month: date, *, may_go_on: Callable[[], bool]) -> bool:
        """What was believed before."""
        self.world.step()
        if not may_go_on():
            return False
        self.world.tables.pop((Dataset.REVISIONS, month), None)
        self.world.step()
        self.world.retired[month] = True
        return True


@dataclass
class FakeHistory:
    """The bucket of a world. A value `huge` does not fit."""

    world: World

    def manifest(self, month: date) -> Manifest | None:
        """What was kept."""
        self.world.step()
        return self.world.manifests.get(month)

    def keep(self, month: date, manifest: Manifest) -> None:
        """Instead of the one before."""
        self.world.step()
        self.world.manifests[month] = manifest

    def write(self, dataset: Dataset, key: str, chunks: Iterable[Chunk]) -> int:
        """A file is there when it is whole."""
        rows = [row for chunk in chunks for row in chunk.text.split("\n")]
        if any("huge" in row for row in rows):
            raise NotExportedError("A value does not fit.")
        self.world.step()
        self.world.files[key] = rows
        return len(rows)

    def totals(self, dataset: Dataset, key: str) -> Totals:
        """Of what is there."""
        self.world.step()
        return sums(self.world.files[key])

    def sweep(self, dataset: Dataset, month: date, kept: Collection[str]) -> None:
        """All others."""
        self.world.step()
        folder = prefix(dataset, month)
        self.world.files = {k: rows for k, rows in self.world.files.items() if k in kept or not k.startswith(folder)}
