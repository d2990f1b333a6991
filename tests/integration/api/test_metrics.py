"""The numbers for a monitoring system, as its own parser reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from marketflow.domain.gauges import FAMILIES, PREFIX
from marketflow.persistence.connection import Database
from tests.unit.api.market import NOON, Client

pytestmark = pytest.mark.integration

Read = Callable[[], Mapping[str, Mapping[tuple[str, ...], float]]]


@pytest.fixture
def read(client: Client) -> Read:
    """The values by name without the prefix, and by the labels' values."""

    def scrape() -> Mapping[str, Mapping[tuple[str, ...], float]]:
        answer = client.get("/v1/metrics")
        assert (answer.status, answer.headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
        labels = {family.name: family.labels for family in FAMILIES}
        return {
            (name := family.name.removeprefix(PREFIX)): {
                tuple(sample.labels[label] for label in labels[name]): sample.value for sample in family.samples
            }
            for family in text_string_to_metric_families(answer.body)
        }

    return scrape


@pytest.fixture(autouse=True)
def installed(database: Database) -> None:
    """The symbols are two hours old."""
    database.query("update symbols set created_at = :then", then=NOON - timedelta(hours=2))


def test_sources_without_data_are_behind_since_the_installation(read: Read) -> None:
    """Nothing that is not known has a value: no age without data. What is asked on request alone is never stale."""
    found = read()
    assert found["schema_current"] == {(): 1}
    assert found["source_behind_seconds"] == {("binance",): 7200, ("yahoo",): 7200, ("exchangerate",): 7200}
    assert found["source_stale"] == {("binance",): 1, ("yahoo",): 1, ("exchangerate",): 0}
    assert set(found["source_failing"].values()) == {0}
    assert found["source_freshness_target_seconds"][("binance",)] == 180
    assert found["symbols"][("binance", "active")] == 12
    assert "source_data_age_seconds" not in found
    assert found["database_size_bytes"][()] > 10**6
    assert 1 <= found["database_connections"][()] <= found["database_connections_limit"][()]


def test_a_source_says_how_it_does(read: Read, database: Database) -> None:
    """Ages and times in seconds; failing ends with the next good answer; the budget is a share."""
    told = """insert into source_status
        (source, newest_data_at, last_success_at, last_loaded_at, last_error_at, last_error, budget_used, budget_limit)
        values (:source, :newest, :success, :success, :error, 'no', 1500, 6000)"""
    earlier = NOON - timedelta(seconds=90.5)
    database.query(told, source="binance", newest=earlier, success=NOON, error=earlier)
    database.query(told, source="yahoo", newest=NOON - timedelta(hours=2), success=earlier, error=NOON)
    found = read()
    assert found["source_data_age_seconds"] == {("binance",): 90.5, ("yahoo",): 7200}
    # No session of an exchange is known: it was closed when it last answered, and owes nothing.
    assert found["source_behind_seconds"] == {("binance",): 90, ("yahoo",): 90, ("exchangerate",): 7200}
    assert set(found["source_stale"].values()) == {0}
    assert {source: value for (source,), value in found["source_failing"].items() if value} == {"yahoo": 1}
    assert found["source_last_success_timestamp_seconds"][("binance",)] == NOON.timestamp()
    assert found["source_last_error_timestamp_seconds"][("yahoo",)] == NOON.timestamp()
    assert found["source_budget_used_ratio"][("binance",)] == 0.25


def test_open_gaps_and_jobs_are_counted(read: Read, database: Database) -> None:
    """Closed gaps are not, and neither is a job whose parts are all known."""
    gap = """insert into gaps (id, symbol_id, interval, starts_at, ends_at, missing, reason, state, tries,
          first_seen_at, last_seen_at, closed_at)
        select :id, id, '1m', cast(:now as timestamptz), cast(:now as timestamptz) + interval '5 minutes', 5,
          'not_fetched', :state, 0, :now, :now, cast(:closed as timestamptz) from symbols where symbol = 'BTCUSDT'"""
    database.query(gap, id="a", now=NOON, state="queued", closed=None)
    database.query(gap, id="b", now=NOON, state="repaired", closed=NOON)
    job = """insert into jobs (id, kind, source, starts_at, ends_at, parts)
        values (:id, 'backfill', 'binance', :now, :now, cast(:parts as bigint))"""
    database.query(job, id="listing", now=NOON, parts=None)
    database.query(job, id="over", now=NOON, parts=0)
    found = read()
    assert found["gaps"] == {("binance", "queued"): 1}
    assert found["candles_missing"] == {("binance", "not_fetched"): 5}
    assert found["jobs"] == {("backfill", "operator"): 1}


def test_every_family_can_have_a_value(database: Database, read: Read) -> None:
    """None is declared that no statement fills."""
    test_a_source_says_how_it_does(read, database)
    test_open_gaps_and_jobs_are_counted(read, database)
    assert set(read()) == {family.name for family in FAMILIES}
