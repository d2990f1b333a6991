"""A pipeline of its own for a trial, filled with a week of minutes, and what hands answers to it as fetchers do."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from botocore.exceptions import BotoCoreError, ClientError

from local.load import ledger
from local.load.answers import MINUTE, Answer, answers, history, live
from local.load.mix import HISTORY, PAIRS
from local.load.workers import Workers, environment
from local.processes import LocalError
from local.settings import load_settings
from local.stack import LocalStack
from local.steps import Steps

BATCH = 10
UPLOADS = 8
RETRY_SECONDS = 0.5
SETTLE_SECONDS = 200.0
"""How long a message that failed may take to come back: it is hidden for a minute after each try."""


@dataclass(slots=True)
class Stand:
    """A running stack. There is history up to `end` (UTC); no answer was made yet of before `fresh`."""

    stack: LocalStack
    steps: Steps
    bucket: str
    end: datetime
    fresh: datetime

    def minutes(self, count: int) -> list[Answer]:
        """What fetchers would have got in each of `count` minutes, those before all that were handed out so far."""
        self.fresh -= MINUTE * count
        moments = [self.fresh + MINUTE * number for number in range(count)]
        return answers(self.stack.settings.seed, [tick for moment in moments for tick in live(moment)])

    def archive(self, some: Sequence[Answer]) -> None:
        """Put answers into the archive, where a fetcher has them before it sends a message."""
        client = self.stack.client("s3")

        def put(one: Answer) -> None:
            client.put_object(Bucket=self.bucket, Key=one.key, Body=one.archived, ContentType="application/gzip")

        with ThreadPoolExecutor(UPLOADS) as pool:
            list(pool.map(put, some))

    def send(self, some: Sequence[Answer]) -> None:
        """Put messages about archived answers into the queue, by tens or less: a request has at most 1 MB."""
        client, url = self.stack.client("sqs"), self.stack.queue_url("payloads")
        for at in range(0, len(some), BATCH):
            batch = some[at : at + BATCH]
            entries = [{"Id": str(number), "MessageBody": one.message} for number, one in enumerate(batch)]
            sent = client.send_message_batch(QueueUrl=url, Entries=entries)
            if sent.get("Failed"):
                raise LocalError(f"The queue refused messages: {sent['Failed']}")

    def settle(self, *, seconds: float = SETTLE_SECONDS) -> float:
        """Wait until every answer that is archived now is in the tables; how many seconds that took.

        Raises LocalError that names answers which are nowhere.
        """
        kept, started = frozenset(ledger.archived(self.stack)), time.monotonic()
        while True:
            found, refused = ledger.loaded(self.stack.facts.database_url)
            missing = kept - found - refused
            if not missing:
                return time.monotonic() - started
            if time.monotonic() - started > seconds:
                missing -= ledger.account(self.stack).dead
                raise LocalError(f"{len(missing)} answers are nowhere after {seconds:.0f} s, as {sorted(missing)[:3]}.")
            time.sleep(0.25)


@contextmanager
def stand(home: Path) -> Iterator[Stand]:
    """Start everything in `home`, load the history, ask every source once; stop it at the end."""
    steps = Steps()
    settings = replace(load_settings(os.environ), home=home, sources="simulator", port=0)
    with LocalStack(settings=settings, steps=steps, disposable=True) as stack:
        end = datetime.now(UTC).replace(second=0, microsecond=0)
        made = Stand(stack=stack, steps=steps, bucket=stack.data_bucket(), end=end, fresh=end)
        with steps.step("History") as note:
            stack.fetch_now()
            past = answers(settings.seed, history(PAIRS, start=end - HISTORY, end=end, asked_at=end + MINUTE))
            made.archive(past)
            with Workers("etl", count=1, variables=environment(stack, "etl")) as workers:
                done = workers.load([[one.message] for one in past])
            if wrong := sum(not one.expected for one in done):
                raise LocalError(f"{wrong} of {len(past)} answers of the history were not loaded.")
            made.settle()
            note.text = f"{HISTORY.days} days of minutes of {len(PAIRS)} pairs in {len(past)} answers"
        yield made


class Feeder:
    """Archives and sends one answer at a time, `rate` a second, until it is stopped; a context manager.

    While the archive or the queue does not answer it waits and tries the same answer again, as a fetcher's next run
    would. `fed` are those whose message the queue took.
    """

    def __init__(self, stand: Stand, some: Sequence[Answer], *, rate: float) -> None:
        self._stand = stand
        self._answers = some
        self._pause = 1 / rate
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feeder", daemon=True)
        self.fed: list[Answer] = []
        self.refused = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(timeout=60)

    def _run(self) -> None:
        start = time.monotonic()
        for number, one in enumerate(self._answers):
            pause = start + number * self._pause - time.monotonic()
            while not self._stop.wait(max(pause, 0.0)):
                try:
                    self._stand.archive([one])
                    self._stand.send([one])
                except (BotoCoreError, ClientError):
                    self.refused += 1
                    pause = RETRY_SECONDS
                else:
                    self.fed.append(one)
                    break
            if self._stop.is_set():
                return
