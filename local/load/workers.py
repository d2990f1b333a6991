"""Worker processes, each with one handler in it: the execution environments of a function, without the emulator."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Any, Self

from local.emulator import CREDENTIALS, REGION
from local.interrupts import held
from local.load import child
from local.load.figures import Sample
from local.load.mix import Ask
from local.processes import LocalError
from local.stack import PREFIX, LocalStack

START_SECONDS = 60.0
ANSWER_SECONDS = 180.0
LEAD_SECONDS = 0.05


def environment(stack: LocalStack, function: str) -> dict[str, str]:
    """The variables of a deployed function, and what Lambda adds to reach AWS."""
    deployed = stack.client("lambda").get_function_configuration(FunctionName=f"{PREFIX}{function}")
    return {
        **deployed["Environment"]["Variables"],
        **CREDENTIALS,
        "AWS_ENDPOINT_URL": stack.facts.aws_endpoint_url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "NO_PROXY": "127.0.0.1,localhost",
    }


class SharedTurns:
    """Numbers across processes: whoever is free takes the next request, so that nobody waits behind a busy one."""

    def __init__(self, context: Any) -> None:  # noqa: ANN401 - multiprocessing's contexts share no public type
        self._next = context.Value("q", 0)

    def take(self) -> int:
        """The next number."""
        with self._next.get_lock():
            number = int(self._next.value)
            self._next.value = number + 1
        return number

    def restart(self) -> None:
        """Begin at 0 again."""
        with self._next.get_lock():
            self._next.value = 0


class Workers:
    """`count` processes with the handler of functions/`name`; a context manager. `pids` are theirs."""

    def __init__(self, name: str, *, count: int, variables: Mapping[str, str]) -> None:
        context = multiprocessing.get_context("spawn")
        self._turns = SharedTurns(context)
        self._cleanup = ExitStack()
        self._pipes = []
        self._processes = []
        with held():
            for _ in range(count):
                ours, theirs = context.Pipe()
                arguments = (theirs, self._turns, name, dict(variables))
                process = context.Process(target=child.serve, args=arguments, daemon=True)
                process.start()
                theirs.close()
                self._pipes.append(ours)
                self._processes.append(process)
        self.count = count

    @property
    def pids(self) -> list[int]:
        """The ids of the processes."""
        return [process.pid for process in self._processes if process.pid is not None]

    def __enter__(self) -> Self:
        try:
            for pipe in self._pipes:
                self._hear(pipe, START_SECONDS)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the processes: a hang-up is their sign to go."""
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.join(timeout=5)
            if process.is_alive():
                process.kill()
                process.join()

    def closed(self, asks: Sequence[Ask], *, seconds: float) -> list[Sample]:
        """Each process asks as fast as it is answered, for so many seconds."""
        return self.perform(child.Closed(asks, seconds))

    def opened(self, asks: Sequence[Ask], offsets: Sequence[float]) -> list[Sample]:
        """Each request is asked when it is due, whether or not those before it were answered."""
        return self.perform(child.Opened(asks, offsets))

    def load(self, batches: Sequence[Sequence[str]]) -> list[Sample]:
        """Load messages in batches, as fast as they are taken."""
        return self.perform(child.Loads(batches))

    def perform(self, job: child.Job) -> list[Sample]:
        """All samples of a job, in the order in which they were due."""
        self._turns.restart()
        for pipe in self._pipes:
            pipe.send(job)
        for pipe in self._pipes:
            self._hear(pipe, START_SECONDS)
        start = time.monotonic() + LEAD_SECONDS
        for pipe in self._pipes:
            pipe.send(start)
        found = [sample for pipe in self._pipes for sample in self._hear(pipe, ANSWER_SECONDS)]
        return sorted(found, key=lambda sample: sample.due)

    def _hear(self, pipe: Any, seconds: float) -> Any:  # noqa: ANN401 - what the process sends
        with suppress(EOFError, ConnectionResetError):
            if pipe.poll(seconds):
                return pipe.recv()
            raise LocalError(f"A worker process did not answer within {seconds:.0f} s.")
        raise LocalError("A worker process has ended; its last words are above.")
