"""Says for each source when it last delivered and when the next data is due, and what is missing: `make status`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import httpx
from botocore.exceptions import BotoCoreError

from local.emulator import aws_client
from local.processes import LocalError
from local.settings import load_settings
from local.stack import PREFIX, read_facts
from marketflow.bootstrap import gap_ledger
from marketflow.domain.auditing import Standing
from marketflow.errors import DatabaseUnavailableError
from marketflow.persistence.connection import Database
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


def dead_letters(endpoint_url: str) -> dict[str, int]:
    """How many messages lie in each dead-letter queue that is not empty: what was given up and waits for a person."""
    client = aws_client("sqs", endpoint_url)
    counts = {}
    for url in client.list_queues(QueueNamePrefix=PREFIX).get("QueueUrls", []):
        if url.endswith("-dlq"):
            attributes = client.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
            counts[url.rsplit("/", 1)[-1]] = int(attributes["Attributes"]["ApproximateNumberOfMessages"])
    return {name: count for name, count in counts.items() if count}


def open_gaps(database_url: str) -> str:
    """The open gaps of each source that a repair is to close, in one line. Raises DatabaseUnavailableError."""
    database = Database(database_url, application_name="marketflow-status")
    try:
        return gaps_line(gap_ledger(database).standings(datetime.now(UTC)))
    finally:
        database.close()


def gaps_line(standings: Iterable[Standing]) -> str:
    """What of each source's candles is missing and still to be repaired."""
    known = {one.source: one for one in standings}
    return "Open gaps: " + "; ".join(
        f"{name} {_gaps(known.get(name))}" for name, spec in CATALOG.items() if spec.series
    )


def _gaps(standing: Standing | None) -> str:
    if standing is None:
        return "none"
    counts = {
        "unexplained": standing.unexplained,
        "queued": standing.queued,
        "being fetched": standing.pending,
        "given up": standing.given_up,
    }
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count) or "none"


def main() -> int:
    """Print the status of the running stack. Returns the exit code."""
    try:
        facts = read_facts(load_settings(os.environ).home)
        statuses = read_status(facts.api_url)
        dead = dead_letters(facts.aws_endpoint_url)
        gaps = open_gaps(facts.database_url)
    except (LocalError, DatabaseUnavailableError) as error:
        print(error, file=sys.stderr)
        return 1
    except (httpx.HTTPError, BotoCoreError) as error:
        print(f"The local stack does not answer ({type(error).__name__}). Start it with: make run", file=sys.stderr)
        return 1
    now = datetime.now(UTC)
    print(f"API  {facts.api_url}\nKey  {facts.api_key}\n")
    print("\n".join(status.line(now) for status in statuses))
    letters = ", ".join(f"{count} in {name}" for name, count in dead.items()) or "none"
    print(f"\n{gaps}\nDead letters: {letters}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
