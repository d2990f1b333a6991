"""The deployed stack that the end-to-end tests look at from outside: one for the session, on ports of its own."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import pytest

from local.client import ApiClient
from local.settings import LocalSettings
from local.simulator.exchangerate import FREE_KEY
from local.stack import LocalStack
from local.steps import Steps
from marketflow.persistence.connection import Database

_Answer = TypeVar("_Answer")
LOGS = Path(__file__).resolve().parents[2] / "build" / "e2e"


@contextmanager
def simulated_stack(home: Path) -> Iterator[LocalStack]:
    """The whole pipeline with simulated sources in the folder `home`; its logs stay in build/e2e.

    The emulator evaluates every call of a function against the function's role, and one source has a key.
    """
    settings = LocalSettings(home=home, sources="simulator", port=0)
    kept = LOGS / home.name
    shutil.rmtree(kept, ignore_errors=True)
    try:
        with LocalStack(
            settings=settings,
            steps=Steps(quiet=True),
            disposable=True,
            source_keys={"exchangerate": FREE_KEY},
        ) as running:
            yield running
    finally:
        shutil.copytree(home / "logs", kept)


@pytest.fixture(scope="session", autouse=True)
def stops_when_told() -> Iterator[None]:
    """SIGTERM ends the tests as Ctrl-C does: every stack is stopped first."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """The stack of the session; each source was asked once."""
    with simulated_stack(tmp_path_factory.mktemp("stack")) as running:
        running.fetch_now()
        yield running


@pytest.fixture
def api(stack: LocalStack) -> Iterator[ApiClient]:
    """A client of the stack's API, with its key."""
    with ApiClient(stack.facts) as client:
        yield client


@pytest.fixture
def database(stack: LocalStack) -> Iterator[Database]:
    """The stack's database, for what the API does not show."""
    connection = Database(stack.facts.database_url, application_name="e2e")
    yield connection
    connection.close()


@contextmanager
def retried_after(stack: LocalStack, seconds: int) -> Iterator[str]:
    """The payload queue's URL, while a message that failed comes back after so many seconds.

    The deployed visibility timeout is six times the function's, so that five tries would take five minutes.
    """
    sqs, url = stack.client("sqs"), stack.queue_url("payloads")
    name = "VisibilityTimeout"
    before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={name: str(seconds)})
    try:
        yield url
    finally:
        sqs.set_queue_attributes(QueueUrl=url, Attributes={name: before})


def raw_keys(stack: LocalStack) -> set[str]:
    """The keys of the raw archive: every answer that a source ever gave."""
    client = stack.client("s3")
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=stack.data_bucket(), Prefix="raw/")
    return {item["Key"] for page in pages for item in page.get("Contents", [])}


def lose(database: Database, symbol: str, start: datetime, end: datetime) -> int:
    """Take minutes out as a restore of an older backup would, with the knowledge that they were fetched; how many."""
    window = {"symbol": symbol, "start": start, "end": end}
    database.query(
        "UPDATE fetched_ranges SET fetched = fetched - tstzmultirange(tstzrange(:start, :end)) WHERE interval = '1m'"
        " AND symbol_id = (SELECT id FROM symbols WHERE symbol = :symbol)",
        **window,
    )
    lost = database.query(
        "DELETE FROM candles WHERE interval = '1m' AND open_time >= :start AND open_time < :end"
        " AND symbol_id = (SELECT id FROM symbols WHERE symbol = :symbol) RETURNING open_time",
        **window,
    )
    return len(lost)


def wait_for(question: Callable[[], _Answer], *, seconds: float, alive: Callable[[], None] | None = None) -> _Answer:
    """The first answer that is not empty. Fails when there is none in time, or when `alive` raises."""
    deadline = time.monotonic() + seconds
    while not (answer := question()):
        if alive:
            alive()
        assert time.monotonic() < deadline, f"nothing after {seconds:.0f} s"
        time.sleep(0.5)
    return answer
