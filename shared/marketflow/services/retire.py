"""Retention: months that are older than the stage keeps are exported, verified, and only then dropped.

At every moment the database has the rows, or the bucket has a complete export of them that was read back. Whatever a
run did not finish, by a crash or for want of time, the next one goes on with; what is done twice comes to the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from uuid import uuid4

from marketflow.domain.retention import AHEAD, Dataset, Manifest, ends, month_of, months_on
from marketflow.errors import NotExportedError, RetryLaterError
from marketflow.services.export import FILE_ROWS, Exporter, History, Months, OutOfTimeError
from marketflow.services.ports import Clock

PARTITIONED = (Dataset.CANDLES, Dataset.PRICES)
"""What leaves the database with the partitions of its month; everything else is deleted afterwards."""

SPARE_SECONDS = 60.0
"""What is left of the function's time when nothing more is begun: a file takes a part of it."""

LEASE_GRACE = timedelta(minutes=1)
"""So much longer than its time a run keeps a month from others: by then Lambda has ended it."""

DROP_TRIES = 20
"""Each try waits half a second for those who read and write, and keeps nobody waiting for longer."""


@dataclass(slots=True, kw_only=True)
class Retired:
    """What a run did. `overdue_days` is for how long the oldest month that is due and in use has been due.

    `failures` are the months that could not be exported, with the reason: they are kept.
    """

    retired: list[date] = field(default_factory=list)
    tidied: list[date] = field(default_factory=list)
    brought_back: Sequence[date] = ()
    files: int = 0
    rows: int = 0
    overdue: int = 0
    overdue_days: int = 0
    failures: dict[date, str] = field(default_factory=dict)


class Retirer:
    """Keeps this month and the `history_months` before it in the database; None: every month."""

    def __init__(
        self,
        *,
        months: Months,
        history: History,
        history_months: int | None,
        clock: Clock,
        new_id: Callable[[], str] = lambda: uuid4().hex,
        file_rows: int = FILE_ROWS,
    ) -> None:
        self._months = months
        self._history = history
        self._history_months = history_months
        self._clock = clock
        self._new_id = new_id
        self._file_rows = file_rows

    def run(self, *, time_left: Callable[[], float]) -> Retired:
        """Make the months ahead, then retire the old ones, the oldest first, while there is time (in seconds).

        A month that cannot be exported is kept, with those behind it, and told in `failures`: what is in use has no
        hole. Raises RetryLaterError and DatabaseUnavailableError; what was done by then is done.
        """
        this = month_of(self._clock())
        self._months.make(this, months_on(this, AHEAD))
        done = Retired()
        if self._history_months is None:
            return done
        first = months_on(this, -self._history_months)
        done.brought_back = self._months.bring_back(first)
        exporter = Exporter(
            months=self._months,
            history=self._history,
            may_go_on=lambda: time_left() > SPARE_SECONDS,
            file_rows=self._file_rows,
        )
        run = _Run(self._months, self._history, exporter, self._clock, self._new_id, time_left)
        try:
            for month in self._months.due(first):
                if not run.claimed(month, run.retire, done.failures):
                    break
                done.retired.append(month)
            for month in self._months.untidy():
                if run.claimed(month, run.tidy, done.failures):
                    done.tidied.append(month)
        except OutOfTimeError:
            pass
        done.files, done.rows = exporter.files, exporter.rows
        if left := self._months.due(first):
            done.overdue = len(left)
            done.overdue_days = (self._clock() - ends(months_on(left[0], self._history_months))).days
        return done


@dataclass(frozen=True, slots=True)
class _Run:
    months: Months
    history: History
    exporter: Exporter
    clock: Clock
    new_id: Callable[[], str]
    time_left: Callable[[], float]

    def claimed(self, month: date, work: Callable[[date, str], bool], failures: dict[date, str]) -> bool:
        """Do `work` on a month that no other run has; whether it was done."""
        if not self._may_go_on():
            raise OutOfTimeError
        run = self.new_id()
        if not self.months.claim(month, run, self.clock() + timedelta(seconds=self.time_left()) + LEASE_GRACE):
            return False
        try:
            return work(month, run)
        except NotExportedError as error:
            failures[month] = str(error)
            return False
        finally:
            self.months.release(month, run)

    def retire(self, month: date, run: str) -> bool:
        """Export what has partitions, then drop these; False when rows came meanwhile: the next run exports anew."""
        self.months.watch(month)
        manifest = self.history.manifest(month)
        if manifest is None or not self.months.unchanged(month, manifest.token):
            # The token stands in both places: an export counts only when it began when the database says.
            manifest = Manifest(token=self.new_id())
            self.months.begin(month, run, manifest.token)
            self.history.keep(month, manifest)
        for dataset in PARTITIONED:
            manifest = self.exporter.export(dataset, month, manifest)
        return self._drop(month, run, manifest.token)

    def tidy(self, month: date, run: str) -> bool:  # noqa: ARG002 - as `retire`
        """Export what was believed before of the month's candles, then delete all that names only retired rows.

        Nobody writes to a retired month, so that nothing can come between the export and the deletion.
        """
        if (manifest := self.history.manifest(month)) is None:
            raise NotExportedError(f"The manifest of {month:%Y-%m} is gone: restore its last version in the bucket.")
        self.exporter.export(Dataset.REVISIONS, month, manifest)
        if not self.months.tidy(month, may_go_on=self._may_go_on):
            raise OutOfTimeError
        return True

    def _drop(self, month: date, run: str, token: str) -> bool:
        for _ in range(DROP_TRIES - 1):
            try:
                return self.months.retire(month, run, token)
            except RetryLaterError:
                # Somebody reads or writes; they come first.
                if not self._may_go_on():
                    raise OutOfTimeError from None
        return self.months.retire(month, run, token)

    def _may_go_on(self) -> bool:
        return self.time_left() > SPARE_SECONDS
