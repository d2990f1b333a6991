"""Exports a dataset of one month into files, reads each back, and goes on where the run before it stopped."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Protocol

from marketflow.domain.retention import Chunk, Dataset, ExportedFile, Manifest, Totals, prefix
from marketflow.errors import NotExportedError

FILE_ROWS = 250_000
"""A file is closed behind the symbol with which it has so many rows; it has one month of that symbol more at most."""


class Months(Protocol):
    """The months in the database. Every method may be repeated and raises RetryLaterError when the server gives up."""

    def make(self, first: date, last: date) -> None:
        """Make what is missing of the partitions from `first` to `last`."""
        ...

    def bring_back(self, since: date) -> Sequence[date]:
        """Put months from `since` on into use again, without rows; those that were not."""
        ...

    def due(self, before: date) -> Sequence[date]:
        """The months before `before` that are in use, the oldest first."""
        ...

    def untidy(self) -> Sequence[date]:
        """Retired months of which rows are left in tables without partitions, the oldest first."""
        ...

    def claim(self, month: date, run: str, until: datetime) -> bool:
        """Keep a month from other runs until then; False when another one has it."""
        ...

    def release(self, month: date, run: str) -> None:
        """Give a month back."""
        ...

    def watch(self, month: date) -> None:
        """Notice from now on what is written to a month; what was written before nobody was watching counts as well."""
        ...

    def begin(self, month: date, run: str, token: str) -> None:
        """Begin an export under a new token: what was noticed so far is forgotten."""
        ...

    def unchanged(self, month: date, token: str) -> bool:
        """Whether nothing was written to a month since the export `token` began."""
        ...

    def symbols(self, dataset: Dataset, month: date) -> Sequence[int]:
        """The ids of the symbols that have rows in a month, in order."""
        ...

    def chunks(self, dataset: Dataset, month: date, symbol: int) -> Iterator[Chunk]:
        """The rows of a symbol in a month, some thousands at a time."""
        ...

    def totals(self, dataset: Dataset, month: date, *, after: int, last: int) -> Totals:
        """What the rows of the symbols with ids in `(after, last]` sum up to."""
        ...

    def count(self, dataset: Dataset, month: date) -> int:
        """How many rows a month has."""
        ...

    def retire(self, month: date, run: str, token: str) -> bool:
        """Drop the partitions and mark the month in one transaction; False when it was written to or is not ours."""
        ...

    def tidy(self, month: date, *, may_go_on: Callable[[], bool]) -> bool:
        """Delete what names only rows of retired months, bit by bit; whether everything is done."""
        ...


class History(Protocol):
    """The exports in the bucket. Raises RetryLaterError when it does not answer."""

    def manifest(self, month: date) -> Manifest | None:
        """How far the export of a month has come; None when there is none."""
        ...

    def keep(self, month: date, manifest: Manifest) -> None:
        """Write that down."""
        ...

    def write(self, dataset: Dataset, key: str, chunks: Iterable[Chunk]) -> int:
        """Write a file; its rows. Raises NotExportedError when a value does not fit."""
        ...

    def totals(self, dataset: Dataset, key: str) -> Totals:
        """What the rows of the file in the bucket sum up to, every value read back."""
        ...

    def sweep(self, dataset: Dataset, month: date, kept: Collection[str]) -> None:
        """Delete the files of a month that are not among `kept`: of an export before this one."""
        ...


class OutOfTimeError(Exception):
    """The rest is for the next run."""


class Exporter:
    """Writes the files of a month. `may_go_on` is asked before each file."""

    def __init__(
        self, *, months: Months, history: History, may_go_on: Callable[[], bool], file_rows: int = FILE_ROWS
    ) -> None:
        self._months = months
        self._history = history
        self._may_go_on = may_go_on
        self._file_rows = file_rows
        self.files = 0
        self.rows = 0

    def export(self, dataset: Dataset, month: date, manifest: Manifest) -> Manifest:
        """Bring the export of a dataset to its end; the manifest that says so, which is written down.

        Raises OutOfTimeError between two files, NotExportedError when a value does not fit or the export does not hold
        what the table does.
        """
        if dataset in manifest.complete:
            return manifest
        for file in self._files(dataset, month, manifest):
            manifest = manifest.model_copy(update={"files": (*manifest.files, file)})
            self._history.keep(month, manifest)
        stored, exported = self._months.count(dataset, month), manifest.rows(dataset)
        if stored != exported:
            raise NotExportedError(f"{dataset} of {month:%Y-%m} has {stored} rows, and its export {exported}.")
        self._history.sweep(dataset, month, {file.key for file in manifest.of(dataset)})
        manifest = manifest.model_copy(update={"complete": (*manifest.complete, dataset)})
        self._history.keep(month, manifest)
        return manifest

    def _files(self, dataset: Dataset, month: date, manifest: Manifest) -> Iterator[ExportedFile]:
        """The files that are not there yet, each verified."""
        known = manifest.of(dataset)
        after, number = (known[-1].last if known else 0), len(known)
        left = [symbol for symbol in self._months.symbols(dataset, month) if symbol > after]
        while left:
            if not self._may_go_on():
                raise OutOfTimeError
            taken: list[int] = []
            key = f"{prefix(dataset, month)}{left[0]:06d}-{number:04d}.parquet"
            rows = self._history.write(dataset, key, self._some(dataset, month, left, taken))
            file = ExportedFile(dataset=dataset, key=key, rows=rows, after=after, last=taken[-1])
            self._verify(month, file)
            self.files, self.rows = self.files + 1, self.rows + rows
            yield file
            after, number, left = file.last, number + 1, left[len(taken) :]

    def _some(self, dataset: Dataset, month: date, symbols: Sequence[int], taken: list[int]) -> Iterator[Chunk]:
        """The rows of as many of `symbols` as make a file; these are added to `taken`."""
        rows = 0
        for symbol in symbols:
            taken.append(symbol)
            for chunk in self._months.chunks(dataset, month, symbol):
                rows += chunk.rows
                yield chunk
            if rows >= self._file_rows:
                return

    def _verify(self, month: date, file: ExportedFile) -> None:
        """Raises NotExportedError when what was read back differs from the table in any sum."""
        stored = self._months.totals(file.dataset, month, after=file.after, last=file.last)
        exported = self._history.totals(file.dataset, file.key)
        if stored != exported:
            odd = sorted(name for name in {*stored, *exported} if stored.get(name) != exported.get(name))
            raise NotExportedError(f"{file.key} does not hold what the table does: {', '.join(odd[:20])} differ.")
