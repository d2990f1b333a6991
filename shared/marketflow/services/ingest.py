"""One run of a fetcher: ask a source, archive every answer, hand the good ones on, remember how it went."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from marketflow.domain.fetching import FetchReport, FetchTask, RawResponse, Verdict
from marketflow.domain.jobs import PartFailure
from marketflow.domain.state import DatasetState, SourceState
from marketflow.errors import (
    MalformedPayloadError,
    RefusedError,
    RetryLaterError,
    SourceBlockedError,
    SymbolUnavailableError,
)
from marketflow.services.order import Job, fair
from marketflow.services.pacing import Pacer, all_of
from marketflow.services.ports import Archive, Clock, Codec, Fetch, Outbox, SourcePort, StateStore, SymbolBook
from marketflow.services.retries import UNAVAILABLE, lost, part_of
from marketflow.services.standing import BACKGROUND_SHARE, Outcome, next_state

TASK_INSTANCES = 2
"""How many instances of a fetcher take tasks from its queue at once (cdk/constructs/source_ingestion.py)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How a source wants to be asked; `cadence` is the pause between two runs of its schedule, None without one."""

    max_concurrency: int
    min_interval_seconds: float
    timeout_seconds: float
    cadence: timedelta | None


@dataclass(slots=True)
class Run:
    """What has happened so far in one run."""

    correlation_id: str
    outcome: Outcome
    time_left: Callable[[], float]
    requests: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    messages: list[str] = field(default_factory=list)
    last_success_at: datetime | None = None
    last_error: str | None = None
    notice: str | None = None
    verdict: Verdict = field(default_factory=Verdict)

    def fail(self, job: Job, kind: str, error: Exception) -> None:
        """Count a failed request; its dataset is not complete."""
        self.failures[kind] += 1
        self.last_error = str(error)
        self.outcome.complete[job.task.dataset] = False


class Ingest:
    """Fetches one source. `fetch` and `source` are its two halves, the rest is where things go."""

    def __init__(  # noqa: PLR0913 - the parameters of a service are its dependencies
        self,
        *,
        source: SourcePort,
        fetch: Fetch,
        manners: Manners,
        archive: Archive,
        codec: Codec,
        outbox: Outbox,
        symbols: SymbolBook,
        states: StateStore,
        clock: Clock,
    ) -> None:
        self._source = source
        self._fetch = fetch
        self._manners = manners
        self._archive = archive
        self._codec = codec
        self._outbox = outbox
        self._symbols = symbols
        self._states = states
        self._clock = clock
        # Two instances take tasks: each has half of the share. One pacer is for all tasks of this one.
        pause = manners.min_interval_seconds * BACKGROUND_SHARE * TASK_INSTANCES
        self._background = Pacer(max_concurrency=1, min_interval_seconds=pause)

    def background_rests_until(self) -> datetime | None:
        """Until when no task may be done that is not urgent; None when one may be done now.

        The source sent us away, or so much of its budget is used that the rest belongs to the schedule.
        """
        state = self._states.read(self._source.name)
        moments = [one for one in (state.not_before, state.busy_until) if one is not None and one > self._clock()]
        return max(moments, default=None)

    async def run(
        self,
        tasks: Sequence[FetchTask],
        *,
        correlation_id: str,
        time_left: Callable[[], float],
        background: bool = False,
        last_try: bool = False,
    ) -> FetchReport:
        """Do `tasks` and say what came of it.

        `time_left` gives the seconds until the function is cut off; no request starts that could outlive it.
        `background` work is paced so that the schedule never waits for it. After the `last_try` nobody will ask again:
        the report names the part that is lost. Raises RefusedError for a task that the source cannot do
        and that is no part of a backfill, RetryLaterError when the queue does not take the messages.
        """
        run = Run(correlation_id, Outcome(started_at=self._clock()), time_left)
        state = self._states.read(self._source.name)
        if state.not_before is not None and run.outcome.started_at < state.not_before:
            return await self._send_report(run, state, tasks, last_try=last_try)
        try:
            jobs = self._jobs(tasks, state, run)
        except RefusedError as error:
            if (part := part_of(tasks)) is None:
                raise
            # The queue would bring it back, and the source cannot do it then either: its window has become too old.
            refused = PartFailure(part=part, reason=error.code, detail=error.detail)
            return await self._send_report(run, state, tasks, last_try=last_try, refused=refused)
        pacer = self._background if background else self._schedule_pacer()
        await all_of(self._do(job, run, pacer) for job in jobs)
        # Messages first: a crash before the state is written only means that the same data is fetched again.
        await asyncio.to_thread(self._outbox.send, run.messages)
        if run.requests and next_state(state, run.outcome) != state:
            # A task mostly changes nothing, and those who do something at the same time need not wait for each other.
            state = self._states.update(self._source.name, lambda newest: next_state(newest, run.outcome))
        return await self._send_report(run, state, tasks, last_try=last_try)

    def _schedule_pacer(self) -> Pacer:
        manners = self._manners
        return Pacer(max_concurrency=manners.max_concurrency, min_interval_seconds=manners.min_interval_seconds)

    async def _send_report(
        self,
        run: Run,
        state: SourceState,
        tasks: Sequence[FetchTask],
        *,
        last_try: bool,
        refused: PartFailure | None = None,
    ) -> FetchReport:
        report = self._report(run, state)
        report = report.model_copy(update={"lost": refused or lost(part_of(tasks), report, last_try=last_try)})
        message = self._codec.report(report, correlation_id=run.correlation_id)
        await asyncio.to_thread(self._outbox.send, [message])
        return report

    def _jobs(self, tasks: Sequence[FetchTask], state: SourceState, run: Run) -> list[Job]:
        now = run.outcome.started_at
        known = [
            symbol.source_symbol
            for symbol in self._symbols.read(self._source.name)
            if state.unavailable.get(symbol.source_symbol, now) <= now
        ]
        jobs = []
        for task in tasks:
            standing = state.dataset(task.dataset)
            symbols = known if task.symbols is None else list(task.symbols)
            new = _joined(task, symbols, standing)
            joined = [symbol for symbol in symbols if symbol in new]
            rest = [symbol for symbol in symbols if symbol not in new]
            if task.start is None and standing.next_due_at is not None and now < standing.next_due_at:
                rest = []
            # A symbol that joined has no past yet, and the source has news of it at any time.
            requests = [
                request
                for several, since in ((joined, None), (rest, standing.last_complete_at))
                if several
                for request in self._source.build_requests(task, several, now=now, since=since)
            ]
            if task.start is None and requests:
                run.outcome.complete[task.dataset] = True
                if task.symbols is None:
                    run.outcome.asked[task.dataset] = frozenset(symbols)
            jobs += [Job(task, request) for request in requests]
        return fair(jobs, started_at=now, cadence=self._manners.cadence)

    async def _do(self, job: Job, run: Run, pacer: Pacer) -> None:
        async with pacer.place():
            # Before its turn too: were what is not asked any more to wait, pause by pause, the function would be cut
            # off before the messages of all the others are sent.
            if self._is_over(job, run):
                return
            await pacer.turn()
            if self._is_over(job, run):
                return
            run.requests += 1
            try:
                response = await self._fetch(job.request)
            except RetryLaterError as error:
                run.fail(job, "no_answer", error)
                return
            # Judged before the next request may start: an answer that sends us away stops all that are waiting.
            again = await self._take(job, response, run)
        await all_of(self._do(one, run, pacer) for one in again)

    def _is_over(self, job: Job, run: Run) -> bool:
        """Whether the run asks nothing more; then the job has failed."""
        if run.outcome.stop is not None:
            run.fail(job, "not_asked", run.outcome.stop)
        elif run.time_left() < self._manners.timeout_seconds:
            run.fail(job, "out_of_time", RetryLaterError("The run ended before every request was made."))
        else:
            return False
        return True

    async def _take(self, job: Job, response: RawResponse, run: Run) -> list[Job]:
        """Archive an answer and hand it on when it is one; the jobs that it makes necessary."""
        try:
            verdict = self._source.check(job.request, response)
        except MalformedPayloadError as error:
            # It goes on all the same: the ETL puts it in the quarantine, the one place where refused data is counted.
            run.fail(job, f"malformed_{error.reason}", error)
            await self._hand_on(job, response, run)
            return []
        except SymbolUnavailableError as error:
            await asyncio.to_thread(self._archive.put, job.request, response, failed=True)
            return self._without(job, error, run)
        except (RetryLaterError, SourceBlockedError) as error:
            await asyncio.to_thread(self._archive.put, job.request, response, failed=True)
            blocked = isinstance(error, SourceBlockedError)
            run.fail(job, "blocked" if blocked else "retry_later", error)
            if blocked or (isinstance(error, RetryLaterError) and error.not_before is not None):
                run.outcome.stop = error
            return []
        await self._hand_on(job, response, run)
        self._note_success(job, response, verdict, run)
        return []

    async def _hand_on(self, job: Job, response: RawResponse, run: Run) -> None:
        key = await asyncio.to_thread(self._archive.put, job.request, response)
        message = self._codec.payload(
            job.request, response, raw_key=key, correlation_id=run.correlation_id, part=job.task.part
        )
        run.messages.append(message)

    def _without(self, job: Job, error: SymbolUnavailableError, run: Run) -> list[Job]:
        """One unknown name fails a call for many: ask for each alone. A single one is left out for a while."""
        if len(job.request.symbols) == 1:
            run.failures[UNAVAILABLE] += 1
            run.last_error = str(error)
            run.outcome.unavailable.update(error.symbols)
            return []
        now = run.outcome.started_at
        return [
            Job(job.task, request)
            for symbol in job.request.symbols
            for request in self._source.build_requests(job.task, [symbol], now=now, since=now)
        ]

    @staticmethod
    def _note_success(job: Job, response: RawResponse, verdict: Verdict, run: Run) -> None:
        run.outcome.succeeded += 1
        run.outcome.good_symbols.update(job.request.symbols)
        run.outcome.note_budget(verdict, response.received_at)
        run.last_success_at = max(run.last_success_at or response.received_at, response.received_at)
        if verdict.next_due is not None:
            known = run.outcome.next_due.get(job.task.dataset, verdict.next_due)
            run.outcome.next_due[job.task.dataset] = min(known, verdict.next_due)
        run.notice = verdict.notice or run.notice
        if verdict.budget_used is not None and verdict.budget_used >= (run.verdict.budget_used or 0):
            run.verdict = verdict

    def _report(self, run: Run, state: SourceState) -> FetchReport:
        now = self._clock()
        due = [one.next_due_at for one in state.datasets.values() if one.next_due_at is not None]
        cadence = self._manners.cadence
        scheduled = None if cadence is None else run.outcome.started_at + cadence
        next_due = state.not_before or min(due, default=scheduled)
        return FetchReport(
            source=self._source.name,
            started_at=run.outcome.started_at,
            finished_at=now,
            requests=run.requests,
            succeeded=run.outcome.succeeded,
            failures=dict(run.failures),
            last_success_at=run.last_success_at,
            next_due_at=next_due,
            last_error=run.last_error or state.reason,
            notice=run.notice,
            budget_used=run.verdict.budget_used,
            budget_limit=run.verdict.budget_limit,
        )


def _joined(task: FetchTask, symbols: Sequence[str], standing: DatasetState) -> frozenset[str]:
    """Those of a schedule's `symbols` that were not there when all of them were last asked for."""
    if task.start is not None or task.symbols is not None or standing.symbols is None:
        return frozenset()
    return frozenset(symbols) - standing.symbols
