"""Looks at the payload queue and the answers on their way, again and again."""

from __future__ import annotations

import threading
import time
from dataclasses import asdict, dataclass
from typing import Self

from botocore.exceptions import BotoCoreError, ClientError

from local.load import functions, ledger
from local.stack import LocalStack
from marketflow.errors import DatabaseUnavailableError, RetryLaterError

WAITING, HIDDEN = "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"


def depths(stack: LocalStack, name: str = "payloads") -> tuple[int, int]:
    """How many messages of a queue wait, and how many are being worked on or hidden after a try."""
    found = stack.client("sqs").get_queue_attributes(QueueUrl=stack.queue_url(name), AttributeNames=[WAITING, HIDDEN])
    counts = found["Attributes"]
    return int(counts[WAITING]), int(counts[HIDDEN])


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look, `at` seconds after the first. None stands for what could not be seen.

    `oldest` is the age in seconds of the oldest archived answer that is not in the tables, `etl` how many processes
    hold the ETL.
    """

    at: float
    waiting: int | None = None
    hidden: int | None = None
    dead: int | None = None
    oldest: float | None = None
    etl: int | None = None

    def row(self) -> list[object]:
        """A line of the table."""
        return list(asdict(self).values())


class Watch:
    """Looks every `every` seconds until it is left; a context manager."""

    def __init__(self, stack: LocalStack, *, every: float) -> None:
        self.looks: list[Look] = []
        self._stack = stack
        self._every = every
        self._start = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def __enter__(self) -> Self:
        self._start = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        number = 0
        while not self._stop.wait(max(self._start + number * self._every - time.monotonic(), 0.0)):
            self.looks.append(self._look())
            number = int((time.monotonic() - self._start) / self._every) + 1

    def _look(self) -> Look:
        at = round(time.monotonic() - self._start, 1)
        try:
            waiting, hidden = depths(self._stack)
            dead = sum(depths(self._stack, "payloads-dlq"))
            kept = ledger.archived(self._stack)
        except (BotoCoreError, ClientError):
            return Look(at=at)
        etl = len(list(functions.processes(self._stack, "etl")))
        try:
            found, refused = ledger.loaded(self._stack.facts.database_url)
        except (DatabaseUnavailableError, RetryLaterError):
            return Look(at=at, waiting=waiting, hidden=hidden, dead=dead, etl=etl)
        oldest = round(ledger.oldest_missing_seconds(kept, found | refused), 1)
        return Look(at=at, waiting=waiting, hidden=hidden, dead=dead, oldest=oldest, etl=etl)
