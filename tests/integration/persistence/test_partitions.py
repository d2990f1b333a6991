"""Months of minutes and prices: made when they are needed, and closed to what comes after they were retired."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from pg8000.exceptions import DatabaseError

from marketflow.domain.interval import Interval
from marketflow.domain.records import ParsedPayload, Price
from marketflow.persistence import migrate
from marketflow.persistence.connection import Database
from marketflow.persistence.loader import Loader
from tests.integration.persistence.rows import answer, candle, closes

pytestmark = pytest.mark.integration

JULY = datetime(2017, 7, 31, 23, 59, tzinfo=UTC)
AUGUST = datetime(2017, 8, 1, tzinfo=UTC)


def months(database: Database) -> list[str]:
    """The months that have partitions of minutes."""
    rows = database.query(
        "SELECT right(CAST(inhrelid::regclass AS text), 7) FROM pg_inherits"
        " WHERE inhparent = 'candles_1m'::regclass ORDER BY 1"
    )
    return [month for (month,) in rows]


@pytest.fixture
def bare_url(new_database: Callable[..., str]) -> str:
    """The address of a migrated database in which there is no month yet."""
    url = new_database()
    migrate.upgrade(url)
    return url


@pytest.fixture
def bare(bare_url: str) -> Iterator[Database]:
    """A connection to it."""
    database = Database(bare_url)
    yield database
    database.close()


def test_a_month_is_made_when_its_first_row_comes(bare: Database) -> None:
    """Minutes of any age are stored: nobody has to make a table for them first."""
    assert months(bare) == []
    rows = (candle(open_time=JULY), candle(open_time=AUGUST, position=1))
    result = Loader(bare).load(ParsedPayload(rows), answer())
    assert (result.candles_written, result.retired) == (2, 0)
    assert months(bare) == ["2017_07", "2017_08"]
    assert Loader(bare).load(ParsedPayload(rows), answer()).candles_unchanged == 2


def test_prices_of_the_past_stay_together(bare: Database) -> None:
    """Daily rates of before 2026 need no months of their own; one of today makes its month."""
    rates = [
        Price("USD/TRY", datetime(year, 3, 2, tzinfo=UTC), Decimal(1), position=year) for year in (1999, 2025, 2026)
    ]
    provenance = replace(answer(), source="exchangerate", dataset="rates")
    assert Loader(bare).load(ParsedPayload(prices=tuple(rates)), provenance).prices_written == 3
    assert bare.query("SELECT count(*) FROM prices_past") == [[2]]
    assert bare.query("SELECT count(*) FROM prices_2026_03") == [[1]]


def test_rows_of_a_retired_month_are_left_out_and_counted(bare: Database) -> None:
    """What was exported and dropped does not come back by a replay; what else the answer says is stored."""
    bare.query("INSERT INTO months VALUES ('2017-07-01', now())")
    payload = ParsedPayload((candle(open_time=JULY), candle(open_time=AUGUST, close="102", position=1)))
    result = Loader(bare).load(payload, answer())
    assert (result.candles_written, result.retired) == (1, 1)
    assert closes(bare) == [("102", True)]
    assert months(bare) == ["2017_08"]


def test_only_retired_rows_store_nothing(bare: Database) -> None:
    """An answer all of whose rows are retired is loaded all the same: it is in the list of answers."""
    bare.query("INSERT INTO months VALUES ('2017-07-01', now())")
    result = Loader(bare).load(ParsedPayload((candle(open_time=JULY),)), answer())
    assert (result.candles_written, result.retired) == (0, 1)
    assert bare.query("SELECT count(*) FROM raw_objects") == [[1]]


def test_days_of_any_age_have_their_place(bare: Database) -> None:
    """They are few: a century of them needs no months."""
    rows = (
        candle(
            interval=Interval.D1, source_symbol="AAPL", currency="USD", open_time=datetime(1980, 12, 12, tzinfo=UTC)
        ),
    )
    provenance = replace(answer(), source="yahoo", dataset="chart_1d")
    assert Loader(bare).load(ParsedPayload(rows), provenance).candles_written == 1
    assert months(bare) == []


def test_a_broken_rule_is_not_taken_for_a_missing_month(database: Database) -> None:
    """Both have the same code: who tells them apart by that would try for ever, or hide a fault."""
    with pytest.raises(DatabaseError, match="candles_prices_check"):
        Loader(database).load(ParsedPayload((candle(high=Decimal("0.1")),)), answer())


def test_two_loads_make_a_month_together(bare: Database, bare_url: str) -> None:
    """Whoever comes second waits for the first, and both store their rows."""
    failures: list[Exception] = []

    def load(name: str) -> None:
        database = Database(bare_url)
        try:
            row = candle(open_time=JULY, source_symbol=name)
            Loader(database).load(ParsedPayload((row,)), replace(answer(), raw_key=name))
        except Exception as error:  # noqa: BLE001 - told to the test
            failures.append(error)
        finally:
            database.close()

    threads = [threading.Thread(target=load, args=(name,)) for name in ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert bare.query("SELECT count(*) FROM candles") == [[4]]


def test_readers_do_not_wait_while_a_month_is_made(bare: Database, bare_url: str) -> None:
    """A month is attached, not created in place: a query that runs meanwhile, or holds its locks, is not in its way."""
    Loader(bare).load(ParsedPayload((candle(open_time=JULY),)), answer())
    blocker = Database(bare_url)
    waiting = threading.Thread(target=lambda: blocker.query("SELECT pg_sleep(3), count(*) FROM candles"))
    waiting.start()
    reads = "SELECT FROM pg_locks WHERE relation = 'candles_1m'::regclass AND granted AND pid <> pg_backend_pid()"
    while not bare.query(reads):
        pass
    assert bare.query("SELECT make_months(CAST(:day AS timestamptz), CAST(:day AS timestamptz))", day=AUGUST) == []
    assert waiting.is_alive()
    assert months(bare) == ["2017_07", "2017_08"]
    waiting.join()
    blocker.close()
