"""Sources as the database and the catalogue know them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from marketflow.persistence.connection import Database
from tests.integration.api.conftest import CATALOGUE
from tests.unit.api.market import BINANCE, NOON, Client

pytestmark = pytest.mark.integration


def test_a_source_that_never_reported_has_the_members_of_the_contract(client: Client) -> None:
    """What the catalogue declares is told; the rest is null, and without data a source is stale."""
    answer = client.get("/v1/sources")
    assert [source["source"] for source in answer.json] == sorted(facts.source for facts in CATALOGUE)
    assert answer.body.startswith(
        '[{"source":"binance","title":"Binance","asset_type":"crypto","last_success_at":null,"last_fetch_at":null,'
        '"next_due_at":null,"last_error":null,"last_error_at":null,"budget_used":null,"budget_limit":null,'
        '"budget_left":null,"newest_data_at":null,"age_seconds":null,"stale":true,"freshness_target_seconds":180,'
        '"attribution":'
    )
    assert answer.json[0]["attribution"] == BINANCE.attribution
    assert answer.json[0]["terms_url"] == BINANCE.terms_url


def test_a_source_says_how_it_does(client: Client, database: Database) -> None:
    """When it last delivered, what went wrong in its own words, what is left of its budget, how old its data is."""
    database.query(
        """insert into source_status (source, last_fetch_at, last_success_at, next_due_at, last_error_at, last_error,
             budget_used, budget_limit, newest_data_at)
           values ('binance', :now, :now, cast(:now as timestamptz) + interval '1 minute', :now, :error, 14, 6000,
             :newest)""",
        now=NOON,
        error='It said "no"\n',
        newest=NOON - timedelta(seconds=180, milliseconds=500),
    )
    got = client.get("/v1/sources").json[0]
    del got["title"], got["asset_type"], got["attribution"], got["terms_url"], got["freshness_target_seconds"]
    assert got == {
        "source": "binance",
        "last_success_at": "2026-11-23T12:00:00Z",
        "last_fetch_at": "2026-11-23T12:00:00Z",
        "next_due_at": "2026-11-23T12:01:00Z",
        "last_error": 'It said "no"\n',
        "last_error_at": "2026-11-23T12:00:00Z",
        "budget_used": 14,
        "budget_limit": 6000,
        "budget_left": 5986,
        "newest_data_at": "2026-11-23T11:56:59.500Z",
        "age_seconds": 180,
        "stale": False,
    }


@pytest.mark.parametrize(("used", "limit", "left"), [(7000, 6000, 0), (None, 6000, None), (5, None, None)])
def test_a_budget_is_never_below_nothing(
    client: Client, database: Database, used: int | None, limit: int | None, left: int | None
) -> None:
    """A source that took more than its limit has nothing left; without one of the numbers nobody knows."""
    database.query(
        """insert into source_status (source, budget_used, budget_limit)
           values ('binance', cast(:used as int), cast(:limit as int))""",
        used=used,
        limit=limit,
    )
    assert client.get("/v1/sources").json[0]["budget_left"] == left


def test_a_source_that_is_not_in_the_catalogue_is_no_source(client: Client, database: Database) -> None:
    """Its terms are not known; readiness still tells of its rows."""
    database.query("insert into source_status (source, newest_data_at) values ('old', :now)", now=NOON)
    assert "old" not in {source["source"] for source in client.get("/v1/sources").json}
