"""The auditor from the event of its schedule to the ledger, the command in the bucket, and what it counts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from marketflow import bootstrap
from marketflow.domain.jobs import read_command
from marketflow.persistence.connection import Database
from marketflow.sources.catalog import CATALOG
from tests.cloud import Cloud
from tests.handlers import Context, Handler, event, load

pytestmark = pytest.mark.integration


@pytest.fixture
def audit(cloud: Cloud, writer_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Handler]:
    """The handler over a database of its own."""
    yield load("audit", monkeypatch, {"DATABASE_URL": writer_url, "DATA_BUCKET": cloud.bucket})
    bootstrap.close()


@pytest.fixture
def hole(database: Database) -> datetime:
    """An hour of Bitcoin's minutes but ten, which nobody asked for; the first of these."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    database.query("UPDATE symbols SET active = (symbol = 'BTCUSDT'), created_at = now()")
    database.query(
        "WITH minutes AS (INSERT INTO candles SELECT s.id, '1m', at, 1, 1, 1, 1, 1, 1, 1, true, at, 1 FROM symbols s,"
        " generate_series(cast(:start as timestamptz), cast(:now as timestamptz), '1 minute') at"
        " WHERE symbol = 'BTCUSDT' AND NOT (at >= :hole AND at < :hole_end) RETURNING symbol_id, open_time)"
        " INSERT INTO fetched_ranges SELECT symbol_id, '1m', range_agg(tstzrange(open_time, open_time + '1 minute')),"
        " '{}' FROM minutes GROUP BY 1",
        start=now - timedelta(minutes=60),
        now=now,
        hole=now - timedelta(minutes=40),
        hole_end=now - timedelta(minutes=30),
    )
    return now - timedelta(minutes=40)


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    """The metrics of each source."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    for line in lines:
        dimensions = set(line["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0])
        # What is of all sources is counted by the process' own meter; its service is that of who imported it first.
        assert "source" not in dimensions if "Stale" in line else dimensions == {"service", "source"}
        assert "Stale" in line or line["service"] == "audit"
    numbers: dict[str, dict[str, Any]] = {}
    for line in lines:
        numbers.setdefault(line.get("source", "all"), {}).update(
            {name: value for name, value in line.items() if isinstance(value, list)}
        )
    return numbers


def test_a_gap_is_written_down_told_and_handed_on(
    audit: Handler, cloud: Cloud, database: Database, hole: datetime, capsys: pytest.CaptureFixture[str]
) -> None:
    """The minute's look finds it, begins its repair by a command of which S3 tells, and counts it for its source."""
    assert audit(event("schedule_audit_recent"), Context(seconds_left=60)) == {"looked_at": 1, "begun": 1}
    ((start, missing, state, job),) = database.query("SELECT starts_at, missing, state, job FROM gaps")
    assert (start, missing, state) == (hole, 10, "pending")
    (found,) = cloud.s3.list_objects_v2(Bucket=cloud.bucket, Prefix="tasks/")["Contents"]
    command = read_command(cloud.s3.get_object(Bucket=cloud.bucket, Key=found["Key"])["Body"].read())
    assert (command.id, command.kind) == (job, "backfill")
    numbers = told(capsys)
    assert numbers.keys() == {"all"} | {name for name, source in CATALOG.items() if source.series}
    assert numbers["binance"]["GapsUnexplained"] == [1.0]
    assert numbers["binance"]["MissingNotFetched"] == [10.0]
    assert 39 <= numbers["binance"]["GapOldestIntervals"][0] <= 42
    # The minutes of this test came without a load, so that nothing is known to have come since the symbol was added.
    assert numbers["binance"]["FreshnessSeconds"][0] < 60
    assert numbers["all"] == {"Stale": [0.0]}
    assert {value for counted in (numbers["yahoo"],) for (value,) in counted.values()} == {0.0}


def test_a_source_beyond_its_target_is_counted_as_stale(
    audit: Handler, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    """The target is that of the catalogue; a minute's look tells both, and one source beyond it is enough."""
    target = CATALOG["binance"].freshness_target_seconds
    database.query("UPDATE symbols SET active = (symbol = 'BTCUSDT')")
    database.query(
        "INSERT INTO source_status (source, newest_data_at) VALUES ('binance', now() - cast(:age as interval))",
        age=f"{target + 10} seconds",
    )
    audit(event("schedule_audit_recent"), Context(seconds_left=60))
    numbers = told(capsys)
    assert target < numbers["binance"]["FreshnessSeconds"][0] < target + 60
    assert (numbers["yahoo"]["FreshnessSeconds"], numbers["all"]["Stale"]) == ([0.0], [1.0])


def test_the_days_look_repairs_nothing(audit: Handler, cloud: Cloud, database: Database, hole: datetime) -> None:
    """It writes down; what it found the next look of a minute begins."""
    assert audit(event("schedule_audit_deep"), Context(seconds_left=60)) == {"looked_at": 1, "begun": 0}
    assert database.query("SELECT starts_at, state FROM gaps") == [[hole, "queued"]]
    assert "Contents" not in cloud.s3.list_objects_v2(Bucket=cloud.bucket, Prefix="tasks/")


def test_an_event_that_is_no_order_is_refused(audit: Handler) -> None:
    """It says what is wrong with it."""
    with pytest.raises(ValidationError, match="scope"):
        audit({"version": 1}, Context())
