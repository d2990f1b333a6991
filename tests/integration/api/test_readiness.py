"""`/ready` tells what an operator asks first."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from marketflow.persistence import migrate, revision
from marketflow.persistence.connection import Database
from tests.integration.api.conftest import RealClient
from tests.unit.api.market import NOON, Client

pytestmark = pytest.mark.integration


def test_a_migrated_database_is_ready(client: Client) -> None:
    """Sources that never reported are listed, and stale; not one that is asked on request only."""
    answer = client.get("/v1/ready")
    assert answer.status == 200
    assert answer.json["migrations"] == {"current": True, "revision": migrate.head(), "expected": revision.HEAD}
    assert [(source["source"], source["stale"], source["age_seconds"]) for source in answer.json["sources"]] == [
        ("binance", True, None),
        ("ecb", False, None),
        ("exchangerate", True, None),
        ("yahoo", True, None),
    ]


def test_the_lag_of_a_source_is_told(client: Client, database: Database) -> None:
    """When it last delivered, when the next data is due, what went wrong, and how old its newest data is."""
    database.query(
        """insert into source_status (source, last_fetch_at, last_success_at, next_due_at, last_error_at, last_error,
             budget_used, budget_limit, last_loaded_at, newest_data_at)
           values ('binance', :now, :now, cast(:now as timestamptz) + interval '1 minute', null, null, 14, 6000, :now,
             :newest)""",
        now=NOON,
        newest=NOON - timedelta(seconds=200, milliseconds=500),
    )
    assert client.get("/v1/ready").json["sources"][0] == {
        "source": "binance",
        "newest_data_at": "2026-11-23T11:56:39.500Z",
        "age_seconds": 200,
        "stale": True,
        "freshness_target_seconds": 180,
        "last_fetch_at": "2026-11-23T12:00:00Z",
        "last_success_at": "2026-11-23T12:00:00Z",
        "last_loaded_at": "2026-11-23T12:00:00Z",
        "next_due_at": "2026-11-23T12:01:00Z",
        "last_error_at": None,
        "last_error": None,
        "budget_used": 14,
        "budget_limit": 6000,
    }


def test_a_source_that_is_no_longer_in_the_catalogue_is_still_told(client: Client, database: Database) -> None:
    """What is in the database is not hidden; it has no target and is stale."""
    database.query("insert into source_status (source, newest_data_at) values ('old', :now)", now=NOON)
    told = {source["source"]: source for source in client.get("/v1/ready").json["sources"]}
    assert (told["old"]["stale"], told["old"]["freshness_target_seconds"]) == (True, None)


def test_an_empty_database_is_not_ready(empty_url: str) -> None:
    """Without our tables there is no revision: 503, not a crash."""
    database = Database(empty_url)
    answer = RealClient(database=database).get("/v1/ready")
    database.close()
    assert (answer.status, answer.json["code"]) == (503, "migrations_pending")
    assert answer.json["migrations"]["revision"] is None


def test_an_older_schema_is_not_ready(client: Client, owner: Database) -> None:
    """The code waits for its own migration."""
    owner.query("update alembic_version set version_num = '0001'")
    answer = client.get("/v1/ready")
    assert (answer.status, answer.json["migrations"]["revision"]) == (503, "0001")


def test_a_database_that_is_away_is_503_until_it_is_back(tmp_path: Path, reader_url: str) -> None:
    """The API says so with Retry-After, and answers again by itself when the database does."""
    away = Database(f"postgresql://postgres@/x?host={tmp_path}", connect_deadline_seconds=0.1)
    answer = RealClient(database=away).get("/v1/ready")
    assert (answer.status, answer.json["code"]) == (503, "database_unavailable")
    assert "Retry-After" in answer.headers
    assert str(tmp_path) not in answer.body
    back = Database(reader_url)
    one = RealClient(database=back)
    assert one.get("/v1/ready").status == 200
    other = Database(reader_url)
    other.query(
        """select pg_terminate_backend(pid) from pg_stat_activity
           where pid <> pg_backend_pid() and datname = current_database()"""
    )
    other.close()
    assert one.get("/v1/ready").status == 200
    back.close()
