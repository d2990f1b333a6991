"""Backfills in a run: an operator asks for windows of the past, and each part of them is accounted for at the end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from local.simulation.fetching import Fetchers, Scene
from local.simulation.ledger import Reader
from local.simulation.queue import Received
from local.simulation.scenario import Backfill
from marketflow.domain.fetching import FetchTask
from marketflow.domain.jobs import JobKind, NewJob, Part, window_text
from marketflow.persistence.connection import Database
from marketflow.persistence.jobs import JobBook
from marketflow.sources.factory import SOURCES

TASKS_AT_ONCE = 10
_PARTS = "SELECT job_id, part FROM job_parts"


@dataclass(slots=True)
class Desk:
    """Where backfills are begun and their tasks handed to the fetchers."""

    scene: Scene
    book: JobBook

    @classmethod
    def of(cls, scene: Scene, database: Database) -> Self:
        """The desk of a run."""
        return cls(scene, JobBook(database))

    def begin(self, backfill: Backfill, number: int) -> None:
        """Write the job down and send its parts, as the API and the dispatcher do."""
        job = f"backfill-{number}"
        source = SOURCES[backfill.source]
        windows = source.pages(backfill.interval, backfill.start, backfill.end)
        self.book.create(
            NewJob(
                id=job,
                kind=JobKind.BACKFILL,
                source=backfill.source,
                symbol=backfill.symbol,
                interval=backfill.interval,
                start=backfill.start,
                end=backfill.end,
                parts=len(windows),
            )
        )
        for index, (start, end) in enumerate(windows):
            part = Part(job=job, number=index, subject=window_text(start, end))
            dataset = source.histories[backfill.interval].dataset
            task = FetchTask(dataset=dataset, symbols=(backfill.symbol,), start=start, end=end, part=part)
            self.scene.tasks[backfill.source].put(task.model_dump_json())
        self.scene.log.note("backfill", f"{job}: {backfill.symbol}, {len(windows)} parts")

    def work(self, fetchers: Fetchers) -> None:
        """One invocation of each fetcher that has tasks waiting."""
        for source, queue in self.scene.tasks.items():
            for received in queue.receive(TASKS_AT_ONCE):
                if self.done(fetchers, source, received):
                    queue.delete(received)

    def done(self, fetchers: Fetchers, source: str, received: Received) -> bool:
        """Whether a task may leave its queue now."""
        return fetchers.task(source, received)

    @property
    def waiting(self) -> int:
        """Tasks that are not done."""
        return sum(len(queue.letters) for queue in self.scene.tasks.values())


def check_parts(scene: Scene, reader: Reader) -> None:
    """Each part of a backfill has an outcome, or lies as a task or as an answer in a dead-letter queue."""
    known = {(job, number) for job, number in reader.query(_PARTS)}
    dead = set(_dead(scene))
    for number, backfill in enumerate(scene.scenario.backfills):
        pages = SOURCES[backfill.source].pages(backfill.interval, backfill.start, backfill.end)
        for part in range(len(pages)):
            key = (f"backfill-{number}", part)
            if key not in known and key not in dead:
                scene.log.violate(f"Part {part} of backfill-{number} is accounted for.", "an outcome", "none")


def _dead(scene: Scene) -> Iterator[tuple[str, int]]:
    """The parts in dead-letter queues."""
    for queue in (scene.queue, *scene.tasks.values()):
        for letter in queue.dead:
            part = json.loads(letter.body).get("part")
            if part:
                yield part["job"], part["number"]
