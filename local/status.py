"""Says how a stage does: each source, the last hour, gaps, queues, alarms. `make status`, `make status STAGE=dev`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from local.aws.deployed import Deployed, read_stage, reason, session
from local.emulator import aws_client
from local.picture import Picture
from local.processes import LocalError
from local.settings import load_settings
from local.stack import read_facts
from marketflow.sources.catalog import CATALOG

STEP_MINUTES = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceStatus:
    """How one source does; times are UTC. `trouble` is an error that nothing good has followed yet."""

    source: str
    delivered_at: datetime | None
    next_due_at: datetime | None
    trouble: str | None

    @classmethod
    def from_ready(cls, item: dict[str, Any]) -> Self:
        """From an item of `sources` in the answer of GET /ready."""
        failed, succeeded = _moment(item.get("last_error_at")), _moment(item.get("last_success_at"))
        in_trouble = failed is not None and (succeeded is None or failed > succeeded)
        return cls(
            source=str(item["source"]),
            delivered_at=_moment(item.get("last_loaded_at")),
            next_due_at=_moment(item.get("next_due_at")),
            trouble=item.get("last_error") if in_trouble else None,
        )

    def line(self, now: datetime) -> str:
        """The status in one line, with times of day in UTC and how far away they are."""
        due = self.next_due_at if self.next_due_at and self.next_due_at > now else next_tick(self.source, now)
        delivered = f"delivered {clock(self.delivered_at, now)}" if self.delivered_at else "nothing delivered yet"
        trouble = f"   {self.trouble}" if self.trouble else ""
        asked = f"next data {clock(due, now)}" if due or scheduled(self.source) else "asked on request only"
        return f"  {self.source:<14} {delivered:<36} {asked}{trouble}"


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def clock(moment: datetime | None, now: datetime) -> str:
    """A moment as people say it: the time of day (the date when it is another day), and how far away it is."""
    if moment is None:
        return "at its next schedule"
    day = "" if moment.date() == now.date() else f"{moment:%d %b} "
    seconds = round((moment - now).total_seconds())
    distance = duration(abs(seconds))
    return f"{day}{moment:%H:%M:%S} UTC ({f'in {distance}' if seconds > 0 else f'{distance} ago'})"


def duration(seconds: int) -> str:
    """Seconds in the largest unit that keeps them readable: 42 s, 5 min, 3 h."""
    if seconds < 100:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 6000 else f"{seconds // 3600} h"


def scheduled(source: str) -> bool:
    """Whether the source is asked by itself; one that the catalogue does not know was."""
    return source not in CATALOG or bool(CATALOG[source].schedules)


def next_tick(source: str, now: datetime) -> datetime | None:
    """When the next of the source's schedules fires; None when none can be told from its minutes alone."""
    ticks = [tick for schedule in CATALOG[source].schedules if (tick := _next_minute(schedule.expression, now))]
    return min(ticks, default=None)


def _next_minute(expression: str, now: datetime) -> datetime | None:
    """The next match of a `cron(MINUTES * * * ? *)` expression, where MINUTES is `*`, `n` or `first/step`."""
    minutes, *rest = expression.removeprefix("cron(").removesuffix(")").split()
    if rest != ["*", "*", "*", "?", "*"]:
        return None
    if minutes == "*":
        wanted = range(STEP_MINUTES)
    else:
        first, _, step = minutes.partition("/")
        wanted = range(int(first), STEP_MINUTES, int(step or STEP_MINUTES))
    minute = now.replace(second=0, microsecond=0)
    later = (minute + timedelta(minutes=ahead) for ahead in range(1, STEP_MINUTES + 1))
    return next((moment for moment in later if moment.minute in wanted), None)


def read_status(api_url: str) -> list[SourceStatus]:
    """The status of every source, from GET /ready. Raises httpx.HTTPError, LocalError when the API is not ready."""
    answer = httpx.get(f"{api_url}/ready", timeout=15, trust_env=False)
    body = answer.json()
    if "sources" not in body:
        raise LocalError(f"The API is not ready: {body.get('detail') or body.get('title') or answer.text}")
    return [SourceStatus.from_ready(item) for item in body["sources"]]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a stage answers; `api_key` of the local one, whose key is no secret."""

    api_url: str
    picture: Picture
    api_key: str | None = None


def local() -> Place:
    """The pipeline that runs on this machine. Raises LocalError when none does."""
    facts = read_facts(load_settings(os.environ).home)
    clients = {service: aws_client(service, facts.aws_endpoint_url) for service in ("cloudwatch", "sqs")}
    return Place(api_url=facts.api_url, api_key=facts.api_key, picture=Picture(stage="local", **clients))


def deployed(stage: str) -> Place:
    """A stage in AWS, with the credentials of the shell. Raises LocalError when it is not there."""
    found = Deployed(stage=read_stage(stage), session=session())
    clients = {service: found.client(service) for service in ("cloudwatch", "sqs")}
    url = f"{found.outputs('api')['ApiUrl'].rstrip('/')}/v1"
    return Place(api_url=url, picture=Picture(stage=stage, **clients))


def report(place: Place, now: datetime) -> Iterator[str]:
    """The lines to print. An API that is not ready is a line of it: the rest says why."""
    yield f"API  {place.api_url}"
    if place.api_key is not None:
        yield f"Key  {place.api_key}"
    yield ""
    try:
        yield from (status.line(now) for status in read_status(place.api_url))
    except (LocalError, httpx.HTTPError, ValueError) as error:
        yield f"  {error or type(error).__name__}"
    yield ""
    yield from place.picture.lines(now)


def main(arguments: Sequence[str]) -> int:
    """Print the status of the deployed stage that `arguments` name, or of the running stack. Returns the exit code."""
    stage = "".join(arguments[:1])
    try:
        place = deployed(stage) if stage else local()
        for line in report(place, datetime.now(UTC)):
            print(line)
    except LocalError as error:
        print(error, file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        hint = "" if stage else " Start it with: make run"
        print(f"{stage or 'The local stack'} does not answer: {reason(error)}.{hint}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
