"""GET /coverage/{symbol} and the ledger behind it: a hole is found and filled without anybody asking."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.admin_api import AdminApi
from local.client import ApiClient
from local.jobs import watch
from local.picture import Picture
from local.stack import LocalStack
from marketflow.persistence.connection import Database
from tests.e2e.conftest import lose, wait_for

pytestmark = pytest.mark.e2e

SYMBOL = "XRPUSDT"
"""Of which no other test looks at the last hours."""


def test_a_hole_is_found_and_filled(stack: LocalStack, api: ApiClient, database: Database) -> None:
    """Minutes are lost: the ledger says so within a minute, has them fetched again, and closes the gap.

    A replay then gives them back what the archive knew of them before.
    """
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    start, end = now - timedelta(minutes=150), now - timedelta(minutes=120)
    question = {"interval": "1m", "start": start.isoformat(), "end": end.isoformat()}

    def coverage() -> dict[str, Any]:
        answer: dict[str, Any] = api.json(f"/coverage/{SYMBOL}", **question)
        return answer

    wait_for(lambda: coverage()["complete"], seconds=90)
    assert lose(database, SYMBOL, start, end) == 30
    (gap,) = coverage()["gaps"]
    assert (gap["missing"], gap["reason"]) == (30, "not_fetched")
    wait_for(lambda: coverage()["complete"], seconds=180)

    def closed() -> list[list[Any]]:
        return database.query(
            "SELECT g.missing, g.reason, g.state, g.tries, j.requested_by FROM gaps g JOIN jobs j ON j.id = g.job"
            " WHERE g.closed_at IS NOT NULL AND g.starts_at = :start",
            start=start,
        )

    assert wait_for(closed, seconds=150) == [[30, "not_fetched", "repaired", 1, "auditor"]]
    told = list(Picture(stage="local", cloudwatch=stack.client("cloudwatch"), sqs=stack.client("sqs")).lines(now))
    assert any(line.startswith("Open gaps:    binance ") for line in told), told
    with AdminApi.of(stack.facts) as operator:
        asked = {"source": "binance", "symbol": SYMBOL, "start": (now - timedelta(days=1)).isoformat()}
        job = watch(operator, f"/replays/{operator.post('/replays', asked)['id']}", io.StringIO())
    assert job["status"] == "completed", job
