"""The ledger of gaps: what of each series is missing, and what is done about it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from marketflow.domain.auditing import Candidate, Entry, Findings, Page, Series, Split, Standing, Window
from marketflow.domain.gaps import Reason, Repair
from marketflow.domain.interval import Interval
from marketflow.domain.jobs import NewJob
from marketflow.persistence import gaps_sql, jobs_sql
from marketflow.persistence.connection import Database
from marketflow.persistence.jobs import values_of

_MOST_PARTS = 20_000
"""How many parts of old jobs are deleted at once."""


class GapLedger:
    """Satisfies `Ledger` of marketflow.services.audit and `RepairBook` of marketflow.services.repairs.

    Every method may be repeated, and raises DatabaseUnavailableError, or RetryLaterError when the server gave up.
    `intervals` are those of each source that are audited, `rate_sources` those that publish rates instead of candles,
    `session_sources` those whose markets close.
    """

    def __init__(
        self,
        database: Database,
        *,
        intervals: Mapping[str, Sequence[Interval]],
        rate_sources: Sequence[str],
        session_sources: Sequence[str],
    ) -> None:
        self._database = database
        self._sources = json.dumps([{"source": source, "sessions": source in session_sources} for source in intervals])
        self._intervals = json.dumps(
            [
                {"source": source, "interval": interval.value, "rates": source in rate_sources}
                for source, several in intervals.items()
                for interval in several
            ]
        )

    def series(self, *, deep: bool) -> list[Series]:
        """Every series of an active symbol, the one whose audit is the longest ago first."""
        rows = self._database.query(gaps_sql.SERIES_DEEP if deep else gaps_sql.SERIES_RECENT, intervals=self._intervals)
        return [
            _series(row[:4], since=since, recent_at=recent_at, deep_at=deep_at, deep_from=deep_from)
            for *row, since, recent_at, deep_at, deep_from in rows
        ]

    def page(self, series: Series, *, floor: datetime, start: datetime, end: datetime) -> Page:
        """The open gaps that begin in `[floor, end)` and reach to `start` at least."""
        this = _this(series)
        # The token first: who reads older gaps with it could overwrite a change.
        token, entries = self._database.together(
            (gaps_sql.TOKEN, this), (gaps_sql.ENTRIES, {**this, "floor": floor, "start": start, "end": end})
        )
        return Page(token=token[0][0] if token else None, entries=[_entry(row) for row in entries])

    def write(self, series: Series, findings: Findings, *, token: str | None, now: datetime) -> bool:
        """Make the changes, unless somebody else changed the series' gaps after `token`; whether they were made."""
        this = {**_this(series), "token": str(uuid4())}
        changed = [*findings.gone, *(entry.id for entry in findings.written)]
        *_, taken = self._database.together(
            (gaps_sql.TAKE, {**this, "seen": token}),
            (gaps_sql.REMOVE, {**this, "ids": ",".join(changed)}),
            (gaps_sql.WRITE, {**this, "entries": json.dumps([_written(entry) for entry in findings.written])}),
            (gaps_sql.CLOSE, {**this, "ids": ",".join(findings.closed), "now": now}),
            (gaps_sql.WAS_TAKEN, this),
        )
        return bool(taken[0][0])

    def note_recent(self, several: Iterable[Series], now: datetime) -> None:
        """Remember that these were audited."""
        self._note(gaps_sql.NOTE_RECENT, ((series, None) for series in several), now)

    def note_deep(self, series: Series, goes_on: datetime | None, now: datetime) -> None:
        """Remember how far the past of a series was audited: up to `goes_on`, None: all of it."""
        self._note(gaps_sql.NOTE_DEEP, [(series, goes_on)], now)

    def _note(self, statement: str, several: Iterable[tuple[Series, datetime | None]], now: datetime) -> None:
        noted = [
            {
                "symbol": series.symbol,
                "interval": series.interval.value,
                "deep_from": None if goes_on is None else goes_on.isoformat(),
            }
            for series, goes_on in several
        ]
        self._database.query(statement, noted=json.dumps(noted), now=now)

    def unsettled(self, before: datetime) -> list[Window]:
        """The gaps whose repair is over, and those to be repaired that nobody looked at since `before`."""
        return [
            Window(series=_series(row[:4], since=row[4]), start=row[4], end=row[5])
            for row in self._database.query(gaps_sql.UNSETTLED, before=before)
        ]

    def candidates(self, now: datetime) -> list[Candidate]:
        """Queued gaps of sources that answer, the newest first."""
        return [
            Candidate(series=_series(row[:4], since=start), id=gap, start=start, end=end, tries=tries, last_tried_at=at)
            for *row, gap, start, end, tries, at in self._database.query(gaps_sql.CANDIDATES, now=now)
        ]

    def running(self) -> dict[str, int]:
        """How many jobs of each source are not over that no person asked for."""
        return {str(source): int(count) for source, count in self._database.query(gaps_sql.RUNNING)}

    def begin(self, job: NewJob, gaps: Sequence[str], now: datetime) -> bool:
        """Write a repair down, and a try for each of `gaps` that is still queued; False when none of them is."""
        values = {**values_of(job), "id": job.id}
        this = {"symbol": job.symbol, "interval": values["interval"], "id": job.id}
        *_, begun = self._database.together(
            (gaps_sql.BEGIN_TOKEN, this),
            (gaps_sql.BEGIN_GAPS, {"id": job.id, "ids": ",".join(gaps), "now": now}),
            (jobs_sql.CREATE_REPAIR, values),
            (gaps_sql.BEGUN, {"id": job.id}),
        )
        return bool(begun[0][0])

    def withdraw(self, job: str) -> None:
        """Take back a repair that could not be handed on, and its tries."""
        self._database.together((jobs_sql.FORGET, {"id": job}), (gaps_sql.WITHDRAW, {"id": job}))

    def splits(self, now: datetime) -> list[Split]:
        """Splits that took effect and about which nothing was decided, for each series of their symbols."""
        return [
            Split(series=_series(row[:4], since=effective), effective=effective, first=first)
            for *row, effective, first in self._database.query(gaps_sql.SPLITS, intervals=self._intervals, now=now)
        ]

    def begin_refetch(self, job: NewJob) -> None:
        """Write down the backfill of what lies before a split."""
        self._database.query(jobs_sql.CREATE, **values_of(job))

    def decided(self, split: Split, job: str | None) -> None:
        """Remember that a split was seen to: by `job`, or that there was nothing to fetch again."""
        self._database.query(gaps_sql.DECIDED, **_this(split.series), effective=split.effective, job=job)

    def standings(self, now: datetime) -> list[Standing]:
        """The open gaps of each source that has some."""
        reasons = (Reason.NO_TRADES, Reason.SOURCE_OUTAGE, Reason.QUARANTINED, Reason.NOT_FETCHED)
        return [
            Standing(
                source=source,
                unexplained=unexplained,
                oldest=oldest,
                missing={reason: int(count) for reason, count in zip(reasons, counts[:4], strict=True)},
                queued=counts[4],
                pending=counts[5],
                given_up=counts[6],
            )
            for source, unexplained, oldest, *counts in self._database.query(gaps_sql.STANDINGS, now=now)
        ]

    def seconds_behind(self, now: datetime) -> dict[str, int]:
        """For each source how many seconds ago its last good candle or price was; see `Freshness`."""
        rows = self._database.query(gaps_sql.SECONDS_BEHIND, sources=self._sources, now=now)
        return {str(source): int(seconds) for source, seconds in rows}

    def prune(self, *, now: datetime, gaps_kept: timedelta, jobs_kept: timedelta) -> None:
        """Close the gaps of symbols that are no longer fetched; forget what was over so long ago, jobs bit by bit."""
        old = {"before": now - jobs_kept}
        self._database.together(
            (gaps_sql.CLOSE_INACTIVE, {"now": now}),
            (gaps_sql.PRUNE_GAPS, {"before": now - gaps_kept}),
            (gaps_sql.PRUNE_PARTS, {**old, "most": _MOST_PARTS}),
            (gaps_sql.PRUNE_JOBS, old),
        )


def _this(series: Series) -> dict[str, object]:
    return {"symbol": series.symbol, "interval": series.interval.value}


def _series(row: Sequence[Any], **times: Any) -> Series:  # noqa: ANN401 - columns of a row
    symbol, source, source_symbol, interval = row
    return Series(symbol=symbol, source=source, source_symbol=source_symbol, interval=Interval(interval), **times)


def _entry(row: Sequence[Any]) -> Entry:
    gap, start, end, missing, reason, state, tries, job, first_seen_at, last_seen_at, last_tried_at = row
    return Entry(
        id=gap,
        start=start,
        end=end,
        missing=missing,
        reason=Reason(reason),
        state=Repair(state),
        tries=tries,
        job=job,
        first_seen_at=first_seen_at,
        last_seen_at=last_seen_at,
        last_tried_at=last_tried_at,
    )


def _written(entry: Entry) -> dict[str, object]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(entry).items()}
