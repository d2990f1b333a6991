"""How far behind each source is: what the auditor's gauge says when data comes, stops, or is not due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from marketflow.bootstrap import gap_ledger
from marketflow.persistence.connection import Database

pytestmark = pytest.mark.integration

NOON = datetime(2026, 5, 6, 12, 0, tzinfo=UTC)
MINUTES = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _listed(database: Database) -> None:
    """Every symbol was added a day ago."""
    database.query("UPDATE symbols SET created_at = :at", at=NOON - timedelta(days=1))


def heard(database: Database, source: str, *, data: datetime | None, answer: datetime | None) -> None:
    """The source's newest data is of then, its last good answer of then."""
    database.query(
        "INSERT INTO source_status (source, newest_data_at, last_success_at) VALUES"
        " (:source, cast(:data as timestamptz), cast(:answer as timestamptz))",
        source=source,
        data=data,
        answer=answer,
    )


def trades(database: Database, opens: datetime, closes: datetime) -> None:
    """The exchange of Apple's share is open then."""
    database.query(
        "INSERT INTO sessions (exchange, opens_at, closes_at)"
        " SELECT exchange, cast(:opens as timestamptz), cast(:closes as timestamptz)"
        " FROM symbols WHERE symbol = 'AAPL'",
        opens=opens,
        closes=closes,
    )


def behind(database: Database, source: str, now: datetime = NOON) -> int:
    """How many seconds the source is behind."""
    return gap_ledger(database).seconds_behind(now)[source]


def test_a_market_that_never_closes_is_as_old_as_its_newest_data(database: Database) -> None:
    """An answer that came later and had nothing new makes nothing fresh."""
    heard(database, "binance", data=NOON - 5 * MINUTES, answer=NOON)
    assert behind(database, "binance") == 300


def test_a_clock_ahead_of_ours_is_no_age(database: Database) -> None:
    """There is no negative one."""
    heard(database, "binance", data=NOON + MINUTES, answer=NOON)
    assert behind(database, "binance") == 0


def test_a_source_that_never_delivered_owes_since_its_first_symbol(database: Database) -> None:
    """The alarm of a new deployment rings when nothing comes, and not before it is due."""
    assert behind(database, "binance") == 24 * 3600
    database.query("UPDATE symbols SET active = false WHERE source = 'binance'")
    assert behind(database, "binance") == 0


def test_a_closed_market_owes_no_data_but_an_answer(database: Database) -> None:
    """In the night it is fresh for as long as it answers, and stale when it falls silent."""
    heard(database, "yahoo", data=NOON - timedelta(hours=9), answer=NOON - MINUTES)
    assert behind(database, "yahoo") == 60
    assert behind(database, "yahoo", NOON + 30 * MINUTES) == 31 * 60


def test_an_open_market_owes_data(database: Database) -> None:
    """Answers that bring nothing new do not count, and nothing is owed for the time before the opening."""
    trades(database, NOON - 10 * MINUTES, NOON + timedelta(hours=6))
    heard(database, "yahoo", data=NOON - timedelta(hours=16), answer=NOON)
    assert behind(database, "yahoo") == 600
    database.query("UPDATE source_status SET newest_data_at = :at", at=NOON - 2 * MINUTES)
    assert behind(database, "yahoo") == 120


def test_a_source_that_fell_silent_while_trading_stays_behind_when_the_market_closes(database: Database) -> None:
    """Nobody said that the market closed in time: the data of its last hours is missing."""
    trades(database, NOON - timedelta(hours=6), NOON + timedelta(hours=1))
    heard(database, "yahoo", data=NOON - MINUTES, answer=NOON)
    assert behind(database, "yahoo", NOON + timedelta(hours=3)) == 3 * 3600 + 60


def test_another_sources_market_says_nothing(database: Database) -> None:
    """A session of an exchange of which no symbol is fetched any more leaves the source closed."""
    trades(database, NOON - MINUTES, NOON + timedelta(hours=6))
    database.query(
        "UPDATE symbols SET active = false WHERE exchange = (SELECT exchange FROM symbols WHERE symbol='AAPL')"
    )
    heard(database, "yahoo", data=NOON - timedelta(hours=9), answer=NOON)
    assert behind(database, "yahoo") == 0
