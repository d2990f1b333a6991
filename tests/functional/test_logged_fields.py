"""The saved queries ask for fields that the logs have: who renames one in the code breaks the query that reads it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest

from cdk.constructs.api_stage import ACCESS_LOG
from cdk.queries import ACCESS, API, EVERY, FETCHERS, QUERIES, Query
from marketflow.api.app import App
from marketflow.domain.auditing import Scope
from marketflow.domain.fetching import FetchReport
from marketflow.domain.loading import LoadResult
from marketflow.domain.moves import Move
from marketflow.errors import DatabaseUnavailableError
from marketflow.observability import explained, logger, metrics
from marketflow.observability.audits import note_audit
from marketflow.observability.dispatches import note_dispatch
from marketflow.observability.fetches import note_fetch
from marketflow.observability.loads import note_load
from marketflow.services.audit import Audited
from marketflow.services.dispatch import Dispatched
from marketflow.services.loading import Loaded
from tests.unit.api.market import event

pytestmark = pytest.mark.functional

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
BY_LOGS = {"@timestamp", "@message", "@log", "@type", "@initDuration", "@maxMemoryUsed"}
"""What Logs Insights finds in every line, and in the report of each invocation."""

WORDS = {
    *("fields", "filter", "stats", "sort", "limit", "by", "as", "and", "or", "in", "like", "asc", "desc"),
    *("count", "sum", "max", "pct", "latest", "ispresent"),
}
"""Of the query language."""


def fetches() -> None:
    """What a fetcher logs."""
    note_fetch(
        FetchReport(
            source="binance",
            started_at=NOW,
            finished_at=NOW,
            requests=2,
            succeeded=1,
            failures={"retry_later": 1},
            next_due_at=NOW,
            last_error="Too many requests.",
            notice="The endpoint ends.",
            budget_used=1,
            budget_limit=6000,
        )
    )
    refuse("task not done")


def loads() -> None:
    """What the ETL logs."""
    move = Move(
        symbol="BTCUSDT",
        interval=None,
        moment=NOW,
        price=Decimal(9),
        reference=Decimal(1),
        raw_key="raw/source=binance/1",
    )
    result = LoadResult(quarantined=1, refused={"null_row": 1}, moves=(move,))
    note_load(Loaded(correlation_id="1", source="binance", raw_key="raw/source=binance/1", result=result))
    refuse("message not loaded")


def audits() -> None:
    """What the auditor logs."""
    note_audit(Audited(scope=Scope.RECENT, series=1, looked_at=1, changed=0, begun=(), standings=()))
    refuse("not audited")


def dispatches() -> None:
    """What the dispatcher logs."""
    note_dispatch(Dispatched(kind="backfill", id="1", sent=1, done=True))
    refuse("command not carried out")


def refuse(what: str) -> None:
    """A piece of work that was not done, for a reason that has a name, and for none."""
    for error in (DatabaseUnavailableError("away"), ZeroDivisionError()):
        with suppress(type(error)), explained(what, correlation_id="1"):
            raise error


def requests() -> None:
    """What the API logs."""
    answering = App((), log=logger)
    asked = event("/v1/nothing")
    asked["requestContext"]["identity"] |= {"apiKey": "mffree0123456789"}
    answering(asked)
    refuse("unexpected error")


LOGGED = {"fetch": fetches, "etl": loads, "audit": audits, "dispatch": dispatches, "api": requests}


def flattened(value: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """The names of all fields, as Logs Insights spells those of nested objects."""
    for name, inner in value.items():
        yield f"{prefix}{name}"
        if isinstance(inner, dict):
            yield from flattened(inner, f"{prefix}{name}.")


@pytest.fixture(autouse=True)
def _uncounted() -> Iterator[None]:
    """What these tests count is no other test's."""
    yield
    metrics.clear_metrics()


@pytest.fixture
def fields(monkeypatch: pytest.MonkeyPatch) -> dict[str, set[str]]:
    """The fields that each kind of log has."""
    found: dict[str, set[str]] = {ACCESS: set(ACCESS_LOG)}
    for kind, write in LOGGED.items():
        log = StringIO()
        monkeypatch.setattr(logger.registered_handler, "stream", log)
        write()
        found[kind] = {name for line in log.getvalue().splitlines() for name in flattened(json.loads(line))}
        assert found[kind] > {"service", "message", "level", "correlation_id"}
    return found


def kinds(query: Query) -> set[str]:
    """The kinds of logs that a query reads."""
    if query.of == (EVERY,):
        return set(LOGGED)
    return {"fetch" if part in FETCHERS else "api" if part in API else part for part in query.of}


def asked(query: Query) -> set[str]:
    """The fields that a query names; what it calls its results itself is none."""
    text = re.sub(r'"[^"]*"|/[^/\n]*/', " ", query.text)
    named = set(re.findall(r"\bas (\w+)", text))
    return set(re.findall(r"@?[a-zA-Z_][\w.]*", text)) - WORDS - named


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
def test_every_field_of_a_query_is_logged(query: Query, fields: dict[str, set[str]]) -> None:
    """By one of the logs that it reads."""
    known = BY_LOGS.union(*(fields[kind] for kind in kinds(query)))
    assert asked(query) <= known, asked(query) - known


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
def test_every_message_that_a_query_looks_for_is_logged(query: Query, monkeypatch: pytest.MonkeyPatch) -> None:
    """Word for word: a filter on what nobody says finds nothing, for ever."""
    log = StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", log)
    for kind in kinds(query) - {ACCESS}:
        LOGGED[kind]()
    told = {json.loads(line)["message"] for line in log.getvalue().splitlines()}
    wanted = re.findall(r"message (?:=|in) (\[[^]]*\]|\"[^\"]*\")", query.text)
    assert {text for found in wanted for text in re.findall(r'"([^"]*)"', found)} <= told
