"""The past, as `make smoke` fetches it: a week of minutes with an outage in it, its repair, and a restore of all."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from local.admin_api import AdminApi
from local.client import ApiClient
from local.jobs import watch
from local.processes import LocalError
from local.stack import PREFIX, LocalStack
from marketflow.domain.jobs import window_text
from marketflow.persistence.connection import Database
from marketflow.persistence.fingerprint import fingerprint
from marketflow.sources.catalog import CATALOG

SYMBOLS = ("ETHUSDT", "SOLUSDT", "XRPUSDT")
WEEK = timedelta(days=7)
OUTAGE = (timedelta(days=2, hours=9), timedelta(days=2, hours=11))
"""From when until when of the week the exchange is down."""

FILLED = ("raw_objects", "candles", "prices", "fetched_ranges", "sessions")
"""What every run fills; revisions, actions and the quarantine depend on the day."""

REST_SECONDS = 60.0
QUIET_SECONDS = 2.0


def check_week(client: ApiClient, stack: LocalStack) -> str:
    """A week of three symbols is fetched and counted; the outage in it is a gap with its reason, until it is repaired.

    An exchange that was down has no candles of that time. When it publishes them later, the gap can be fetched.
    """
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    start = today - timedelta(days=38)
    down = tuple(start + moment for moment in OUTAGE)
    with AdminApi.of(stack.facts) as operator:
        with _outage(stack, *down):
            rows = _backfill(operator, start, start + WEEK)
        gaps = {symbol: _gaps(client, symbol, start) for symbol in SYMBOLS}
        for symbol, found in gaps.items():
            told = [(_moment(gap["start"]), _moment(gap["end"]), gap["reason"]) for gap in found]
            if told != [(*down, "source_outage")]:
                raise LocalError(f"{symbol} was down from {down[0]} to {down[1]}; its coverage says {found}.")
        repaired = _backfill(operator, *down)
    minutes = int((down[1] - down[0]) / timedelta(minutes=1)) * len(SYMBOLS)
    if repaired != minutes or any(_gaps(client, symbol, start) for symbol in SYMBOLS):
        raise LocalError(f"The repair brought {repaired} of {minutes} minutes, or a gap is left.")
    return (
        f"{rows} minutes of {len(SYMBOLS)} symbols; a gap of {minutes // len(SYMBOLS)} minutes in each "
        f"({gaps[SYMBOLS[0]][0]['reason']}), repaired"
    )


def check_restore(stack: LocalStack) -> str:
    """The tables are emptied, and the archive brings them back to the same hashes."""
    _pause(stack)
    _rest(stack)
    database = Database(stack.facts.database_url, application_name="marketflow-smoke")
    try:
        before = fingerprint(database)
        database.query(f"TRUNCATE {', '.join(before)}")
        emptied = fingerprint(database)
        if empty := [table for table in FILLED if emptied[table] == before[table]]:
            raise LocalError(f"Nothing was in {', '.join(empty)}: there is nothing to restore.")
        answers = _replay(stack)
        _rest(stack)
        if differing := [table for table, digest in fingerprint(database).items() if digest != before[table]]:
            raise LocalError(f"After a replay of the whole archive these tables are others: {', '.join(differing)}.")
    finally:
        database.close()
    return f"{answers} answers replayed into empty tables: the same {len(before)} hashes"


@contextmanager
def _outage(stack: LocalStack, start: datetime, end: datetime) -> Iterator[None]:
    """The simulated exchange has nothing of that time."""
    stack.set_fault("binance.outage", f"{window_text(start, end)}@{','.join(SYMBOLS)}")
    yield
    stack.set_fault("binance.outage", None)


def _backfill(operator: AdminApi, start: datetime, end: datetime) -> int:
    """Fetch [start, end) of each symbol; how many rows that brought."""
    window = {"interval": "1m", "start": start.isoformat(), "end": end.isoformat()}
    begun = [operator.post("/backfills", {"symbol": symbol, **window}) for symbol in SYMBOLS]
    jobs = [watch(operator, f"/backfills/{one['id']}", io.StringIO()) for one in begun]
    if bad := [job for job in jobs if job["status"] != "completed" or job["counts"]["failed"]]:
        raise LocalError(f"Backfills did not end well: {bad}")
    return sum(job["counts"]["rows"] for job in jobs)


def _gaps(client: ApiClient, symbol: str, start: datetime) -> list[dict[str, Any]]:
    answer = client.json(
        f"/coverage/{symbol}", interval="1m", start=start.isoformat(), end=(start + WEEK).isoformat(), limit=100
    )
    gaps: list[dict[str, Any]] = answer["gaps"]
    return gaps


def _replay(stack: LocalStack) -> int:
    """Load all that every source answered since yesterday, which is all there is; how many answers."""
    since = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    with AdminApi.of(stack.facts) as operator:
        begun = [operator.post("/replays", {"source": source, "start": since}) for source in CATALOG]
        jobs = [watch(operator, f"/replays/{one['id']}", io.StringIO()) for one in begun]
    if bad := [job for job in jobs if job["status"] != "completed"]:
        raise LocalError(f"Replays did not end well: {bad}")
    return sum(job["counts"]["asked"] for job in jobs)


def _pause(stack: LocalStack) -> None:
    """Switch every schedule off: what is compared must not grow meanwhile."""
    scheduler = stack.client("scheduler")
    for page in scheduler.get_paginator("list_schedules").paginate(NamePrefix=PREFIX):
        for listed in page["Schedules"]:
            schedule = scheduler.get_schedule(Name=listed["Name"], GroupName=listed["GroupName"])
            names = ("Name", "GroupName", "ScheduleExpression", "FlexibleTimeWindow", "Target")
            scheduler.update_schedule(**{name: schedule[name] for name in names}, State="DISABLED")


def _rest(stack: LocalStack) -> None:
    """Wait until nothing is on its way, and stays so: a function that was at work may still send something."""
    for _ in range(2):
        time.sleep(QUIET_SECONDS)
        if not stack.drain(seconds=REST_SECONDS):
            raise LocalError(f"Something is on its way to the database for more than {REST_SECONDS:.0f} s.")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
