"""Work that is done in parts and counted: backfills from a source, replays of the archive, redrives of a queue.

A part is done once however often it is sent, fetched or delivered: its number names it in every message about it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from marketflow.domain.interval import Interval
from marketflow.domain.models import STRICT
from marketflow.errors import MalformedPayloadError


class Part(BaseModel):
    """One part of a job. `subject` says to a person what it is: the window of a backfill, the key of a replay."""

    model_config = STRICT

    job: str
    number: int
    subject: str


def archived_part(job: str, key: str) -> Part:
    """The part of a replay that is the archived answer at `key`, by the beginning of the key's SHA-256 as its number.

    Counting would not do: an answer that is archived while the days are listed would shift the numbers behind it.
    """
    number = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big", signed=True)
    return Part(job=job, number=number, subject=key)


class PartFailure(BaseModel):
    """A part that will not be tried again. `reason` is a short stable word."""

    model_config = STRICT

    part: Part
    reason: str
    detail: str


class Listed(BaseModel):
    """How many parts a job has, known once the archive was listed to the end."""

    model_config = STRICT

    job: str
    parts: int


class Claim(BaseModel):
    """An archived answer that is to be loaded again."""

    model_config = STRICT

    raw_key: str
    part: Part


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What a source gives of its past at one interval.

    `dataset` is what to ask for, `page` the longest window of one request. It goes back to `since`, and no further than
    `reach` from now (None: without such a limit).
    """

    dataset: str
    page: timedelta
    since: datetime
    reach: timedelta | None = None

    def earliest(self, now: datetime) -> datetime:
        """The first time that can be asked for."""
        return self.since if self.reach is None else max(self.since, now - self.reach)


class JobKind(StrEnum):
    """Where a job takes its data from: a source, or the archive."""

    BACKFILL = "backfill"
    REPLAY = "replay"


class Requester(StrEnum):
    """On whose word a job began: a person's, the auditor's for a gap, or because of a split."""

    OPERATOR = "operator"
    AUDITOR = "auditor"
    SPLIT = "split"


class JobStatus(StrEnum):
    """How a job stands, by its counts alone; it is never completed while the outcome of a part is unknown."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    COMPLETED_WITH_FAILURES = "completed_with_failures"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """A job to begin: `[start, end)` in UTC. `parts` is None while nobody has counted them."""

    id: str
    kind: JobKind
    source: str
    symbol: str | None
    interval: Interval | None
    start: datetime
    end: datetime
    parts: int | None
    requested_by: Requester = Requester.OPERATOR


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPage:
    """A page of jobs, the newest first, as a JSON array; `last` is (created_at, id) of its last when more follow."""

    body: str
    last: Sequence[str] | None


class _Command(BaseModel):
    model_config = STRICT

    version: Literal[1] = 1
    id: str


class BackfillCommand(_Command):
    """Ask the source for `[start, end)` (UTC) of one symbol (vendor spelling), beginning with page `next_part`."""

    kind: Literal["backfill"] = "backfill"
    source: str
    source_symbol: str
    interval: Interval
    start: AwareDatetime
    end: AwareDatetime
    next_part: int = 0


class ReplayCommand(_Command):
    """Load again what the archive received of a source in `[start, end)` (UTC); of one symbol where it names one.

    `after` is the last key that was sent already, `listed` how many were.
    """

    kind: Literal["replay"] = "replay"
    source: str
    source_symbol: str | None = None
    start: AwareDatetime
    end: AwareDatetime
    after: str | None = None
    listed: int = 0


class RedriveCommand(_Command):
    """Send back what was in a dead-letter queue before `asked_at` (UTC). `queue` is the queue that it came from."""

    kind: Literal["redrive"] = "redrive"
    queue: str
    asked_at: AwareDatetime


Command = BackfillCommand | ReplayCommand | RedriveCommand
_COMMANDS: TypeAdapter[Command] = TypeAdapter(
    Annotated[Command, Field(discriminator="kind")], config=ConfigDict(defer_build=True)
)


def read_command(text: bytes) -> Command:
    """The command in `text`. Raises MalformedPayloadError (reason `bad_command`) that says which fields are wrong."""
    try:
        return _COMMANDS.validate_json(text)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()[:5])
        raise MalformedPayloadError(f"Not a command: {faults}.", reason="bad_command") from None


def window_text(start: datetime, end: datetime) -> str:
    """A window as ISO 8601 writes it, such as 2026-01-01T00:00:00Z/2026-01-01T16:40:00Z."""
    return "/".join(moment.isoformat().replace("+00:00", "Z") for moment in (start, end))
