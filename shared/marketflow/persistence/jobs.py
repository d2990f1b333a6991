"""Backfills, replays and what became of their parts."""

from __future__ import annotations

from datetime import datetime

from marketflow.domain.jobs import JobKind, JobPage, JobStatus, Listed, NewJob, Part, PartFailure
from marketflow.domain.loading import LoadResult
from marketflow.persistence import jobs_sql
from marketflow.persistence.connection import Database
from marketflow.persistence.loader import raw_id, storable


def values_of(job: NewJob) -> dict[str, object]:
    """The parameters of `jobs_sql.CREATE`."""
    return {
        "id": job.id,
        "kind": job.kind.value,
        "source": job.source,
        "symbol": job.symbol,
        "interval": None if job.interval is None else job.interval.value,
        "start": job.start,
        "end": job.end,
        "parts": job.parts,
        "requested_by": job.requested_by.value,
    }


class JobBook:
    """The tables of jobs. Every method is one statement that may be repeated, and raises DatabaseUnavailableError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, job: NewJob) -> None:
        """Write a job down; one with its id that is there already stays as it is."""
        self._database.query(jobs_sql.CREATE, **values_of(job))

    def forget(self, job: str) -> None:
        """Take a job out that could not be handed on."""
        self._database.query(jobs_sql.FORGET, id=job)

    def retired_before(self) -> datetime | None:
        """When the month behind the newest retired one begins (UTC); None when there is none."""
        before: datetime | None = self._database.query(jobs_sql.RETIRED_BEFORE)[0][0]
        return before

    def listed(self, listed: Listed) -> None:
        """Note how many parts a job has."""
        self._database.query(jobs_sql.LISTED, id=listed.job, parts=listed.parts)

    def part_loaded(self, part: Part, *, raw_key: str, result: LoadResult) -> None:
        """Note what became of a part whose answer was loaded: rows, none, or nothing but refused ones.

        The counts are those of the answer, not of what this load changed. A part of a job that is not known (the answer
        was replayed into another database) is left alone.
        """
        self._database.query(
            jobs_sql.PART_LOADED,
            id=part.job,
            part=part.number,
            candles=result.candles_written + result.candles_unchanged,
            prices=result.prices_written + result.prices_unchanged,
            raw_id=raw_id(raw_key),
            subject=part.subject,
        )

    def part_failed(self, failure: PartFailure, *, received: bool) -> None:
        """Note that a part gives nothing; what another try of it has brought, or will bring, wins."""
        self._database.query(
            jobs_sql.PART_FAILED,
            id=failure.part.job,
            part=failure.part.number,
            received=received,
            reason=failure.reason,
            detail=storable(failure.detail),
            subject=failure.part.subject,
        )

    def source_of(self, symbol: str) -> tuple[str, str] | None:
        """The source of a symbol, and how that spells it; None when there is no such symbol."""
        rows = self._database.query(jobs_sql.SOURCE_OF, symbol=symbol)
        return (str(rows[0][0]), str(rows[0][1])) if rows else None

    def one(self, kind: JobKind, job: str) -> str | None:
        """A job as a JSON object; None when there is none of that kind and id."""
        rows = self._database.query(jobs_sql.ONE, kind=kind.value, id=storable(job))
        return str(rows[0][0]) if rows else None

    def page(
        self, kind: JobKind, *, status: JobStatus | None, after: tuple[datetime, str] | None, limit: int
    ) -> JobPage:
        """A page of jobs, the newest first, from behind `after`: (created_at, id) of the last one before."""
        rows = self._database.query(
            jobs_sql.PAGE,
            kind=kind.value,
            status=None if status is None else status.value,
            after_time=None if after is None else after[0],
            after_id=None if after is None else after[1],
            limit=limit + 1,
        )
        shown = rows[:limit]
        last = (shown[-1][1].isoformat(), str(shown[-1][2])) if len(rows) > limit else None
        return JobPage(body=f"[{','.join(str(row[0]) for row in shown)}]", last=last)
