"""What runs in a worker process: one deployed handler, called in process as Lambda would call it."""

from __future__ import annotations

import importlib
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Protocol

from local.load.figures import Sample
from local.load.mix import Ask, records

Handler = Callable[[dict[str, Any], object], dict[str, Any]]


@dataclass(frozen=True)
class Context:
    """What Lambda says of an invocation."""

    function_name: str = "marketflow-load"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:000000000000:function:marketflow-load"
    aws_request_id: str = "11111111-0000-4000-8000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the cut-off; always plenty."""
        return 300_000


class Turns(Protocol):
    """Hands out the numbers 0, 1, 2, … once each, to whichever process asks first."""

    def take(self) -> int:
        """The next number."""
        ...


@dataclass(frozen=True, slots=True)
class Closed:
    """Ask one request after the other for `seconds`."""

    asks: Sequence[Ask]
    seconds: float


@dataclass(frozen=True, slots=True)
class Opened:
    """Ask each request when it is due, its offset after the start, or as soon after that as a process is free."""

    asks: Sequence[Ask]
    offsets: Sequence[float]


@dataclass(frozen=True, slots=True)
class Loads:
    """Load messages, a batch an invocation, until none is left."""

    batches: Sequence[Sequence[str]]


Job = Closed | Opened | Loads


class Caller:
    """Calls the handler of functions/`name`, and remembers the entity tag of what it must find unchanged."""

    def __init__(self, name: str) -> None:
        self._handler: Handler = importlib.import_module(f"functions.{name}.handler").handler
        self._context = Context()
        self._etags: dict[str, str] = {}

    def ask(self, ask: Ask, due: float) -> Sample:
        """The answer to one request that was due at `due`."""
        etag = self._etags.get(ask.target) if ask.unchanged else None
        answer = self._handler(ask.event(etag), self._context)
        ended, status = time.monotonic(), int(answer["statusCode"])
        # The first answer gives the tag, and so does one to a page that changed after all.
        first = ask.unchanged and status == 200
        if first:
            self._etags[ask.target] = str(answer["headers"]["ETag"])
        return Sample(due, ended, status, status == ask.status or first)

    def load(self, batch: Sequence[str]) -> Sample:
        """Load one batch; status 500 says that a message of it failed."""
        due = time.monotonic()
        failed = self._handler(records(batch), self._context)["batchItemFailures"]
        return Sample(due, time.monotonic(), 500 if failed else 200, not failed)


def perform(job: Job, caller: Caller, turns: Turns, *, start: float) -> list[Sample]:
    """Do this process's share of a job from `start` (monotonic) on; which share is whatever the others leave."""
    done: list[Sample] = []
    match job:
        case Closed(asks, seconds):
            while (now := time.monotonic()) < start + seconds:
                done.append(caller.ask(asks[turns.take() % len(asks)], now))
        case Opened(asks, offsets):
            while (number := turns.take()) < len(asks):
                due = start + offsets[number]
                time.sleep(max(due - time.monotonic(), 0.0))
                done.append(caller.ask(asks[number], due))
        case Loads(batches):
            while (number := turns.take()) < len(batches):
                done.append(caller.load(batches[number]))
    return done


def serve(pipe: Connection, turns: Turns, name: str, environment: Mapping[str, str]) -> None:
    """Do jobs until the parent hangs up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then hangs up
    # The log is written as in Lambda, and read by nobody.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.environ.update(environment)
    caller = Caller(name)
    pipe.send("ready")
    while True:
        try:
            job = pipe.recv()
        except EOFError:
            return
        # Large jobs take a moment to arrive: the time begins when every process has its own.
        pipe.send("ready")
        pipe.send(perform(job, caller, turns, start=pipe.recv()))
