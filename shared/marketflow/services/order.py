"""In which order one run asks: a run that has no time for all of it leaves others out than the run before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from marketflow.domain.fetching import FetchRequest, FetchTask

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
GOLDEN = 0.6180339887498949
"""The part of a circle between two beginnings: no other one spreads any number of them so evenly."""


@dataclass(frozen=True, slots=True)
class Job:
    """One request and the task it serves; `task` makes it possible to ask again, one symbol at a time."""

    task: FetchTask
    request: FetchRequest


def fair(jobs: list[Job], *, started_at: datetime, cadence: timedelta | None) -> list[Job]:
    """The same jobs: what brings most symbols at once first, the rest from another one on in each run of a schedule.

    Without a `cadence` there is no next run whose turn it could be, and they begin with the first.
    """
    begin = 0 if cadence is None else beginning((started_at - EPOCH) // cadence, len(jobs))
    return sorted(jobs[begin:] + jobs[:begin], key=lambda job: -len(job.request.symbols))


def beginning(run: int, size: int) -> int:
    """The place in a list of `size` with which the run of that number begins; 0 for an empty one."""
    return int(run * GOLDEN % 1 * size)
