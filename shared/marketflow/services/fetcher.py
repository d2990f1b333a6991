"""A fetcher function's two ways in: a tick of its schedule, and a task from its queue."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from datetime import timedelta

from pydantic import ValidationError

from marketflow.domain.fetching import FetchOrder, FetchReport, FetchTask
from marketflow.errors import MalformedPayloadError
from marketflow.services.ingest import Ingest
from marketflow.services.ports import Clock, TaskQueue
from marketflow.services.retries import must_retry


class Fetcher:
    """Runs an `Ingest` from synchronous code, on one event loop for the life of the process.

    The HTTP client keeps its connections open between runs, and connections belong to a loop. `tasks` is the queue from
    which tasks come and to which one goes back that has to wait; it delivers each at most `tries` times.
    `loop_factory` makes the loop, None for asyncio's own: a simulation has one whose time it moves itself.
    """

    def __init__(
        self,
        ingest: Ingest,
        *,
        tasks: TaskQueue,
        tries: int,
        clock: Clock,
        release: Callable[[], Coroutine[None, None, None]],
        loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
    ) -> None:
        self._ingest = ingest
        self._tasks = tasks
        self._tries = tries
        self._clock = clock
        self._release = release
        self._runner = asyncio.Runner(loop_factory=loop_factory)

    def close(self) -> None:
        """Close the loop and, by `release`, what belongs to it; for processes that go on without this fetcher."""
        with self._runner:
            self._runner.run(self._release())

    @staticmethod
    def order(event: Mapping[str, object]) -> FetchOrder:
        """The order in a schedule's event. Raises MalformedPayloadError when it holds none."""
        try:
            return FetchOrder.model_validate(event)
        except ValidationError as error:
            raise MalformedPayloadError(f"Not the event of a schedule: {_faults(error)}", reason="bad_event") from None

    def tick(self, order: FetchOrder, *, correlation_id: str, time_left: Callable[[], float]) -> FetchReport:
        """Fetch the datasets of `order` for every active symbol."""
        tasks = [FetchTask(dataset=dataset) for dataset in order.datasets]
        return self._run(tasks, correlation_id, time_left)

    def task(
        self, body: str, *, correlation_id: str, time_left: Callable[[], float], receives: int = 1
    ) -> FetchReport | None:
        """Do one task of the queue (FetchTask JSON); None when the source is to be left alone and the task waits.

        It is delivered for the `receives`th time. A task that waits becomes a new message, so that waiting is no try.
        Raises MalformedPayloadError when `body` is not a task, RetryLaterError when it has to be done again; after the
        last try the report has told that its part is lost.
        """
        try:
            task = FetchTask.model_validate_json(body)
        except ValidationError as error:
            raise MalformedPayloadError(f"Not a fetch task: {_faults(error)}", reason="bad_task") from None
        if (until := self._ingest.background_rests_until()) is not None:
            seconds = -((self._clock() - until) // timedelta(seconds=1))
            self._tasks.send([body], delay_seconds=max(seconds, 1))
            return None
        last_try = receives >= self._tries
        report = self._run([task], correlation_id, time_left, background=True, last_try=last_try)
        if (unfinished := must_retry(report)) is not None:
            raise unfinished
        return report

    def _run(
        self,
        tasks: list[FetchTask],
        correlation_id: str,
        time_left: Callable[[], float],
        *,
        background: bool = False,
        last_try: bool = False,
    ) -> FetchReport:
        return self._runner.run(
            self._ingest.run(
                tasks, correlation_id=correlation_id, time_left=time_left, background=background, last_try=last_try
            )
        )


def _faults(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()[:5])
