"""Pages and latest prices are asked for by functions, which a session plans once, or by statements without them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from marketflow.domain.interval import Interval
from marketflow.domain.reading import CandleQuery, Layout
from marketflow.domain.records import ParsedPayload, Price
from marketflow.persistence import migrate, read_functions
from marketflow.persistence.connection import Database
from marketflow.persistence.loader import Loader
from marketflow.persistence.reader import Reader
from tests.integration.persistence.rows import START, answer, candle

pytestmark = pytest.mark.integration

FUNCTIONS = "SELECT proname FROM pg_proc WHERE proname LIKE 'read\\_%' ORDER BY 1"


def answers(reader: Reader) -> list[object]:
    """Pages of every interval in both orders, open and bounded, and latest prices, known, silent and unknown."""
    pages = [
        reader.candles(name, CandleQuery(interval=interval, descending=descending, start=start, limit=limit))
        for name in ("BTCUSDT", "AAPL", "NOPE")
        for interval in Interval
        for descending in (False, True)
        for start in (None, START)
        for limit in (2, 1000)
    ]
    now = datetime(2026, 3, 3, tzinfo=UTC)
    names = ["BTCUSDT", "ETHUSDT", "NOPE"]
    return [*pages, *reader.prices(names, now=now, freshness_seconds={"binance": 180}, quoted=False)]


@pytest.fixture
def filled(database: Database) -> Database:
    """Ten minutes and a price of Bitcoin, a day and a minute of Apple."""
    loader = Loader(database)
    prices = (Price("BTCUSDT", START, Decimal("1.10"), position=0),)
    loader.load(ParsedPayload(tuple(candle(minute) for minute in range(10)), prices), answer())
    yahoo = replace(answer(), source="yahoo", dataset="chart_1d")
    day = candle(interval=Interval.D1, source_symbol="AAPL", currency="USD", open_time=START.replace(hour=5))
    minute = candle(source_symbol="AAPL", currency="USD", open_time=START.replace(hour=15))
    loader.load(ParsedPayload((day, minute)), yahoo)
    return database


def test_functions_answer_what_the_statements_do(
    filled: Database, reader: Database, owner: Database, database_url: str
) -> None:
    """With and without them every page is the same, byte for byte; a reader that misses them asks on."""
    planned = answers(Reader(reader))
    assert any(page is not None for page in planned)
    for (name,) in owner.query(FUNCTIONS):
        owner.query(f"DROP FUNCTION {name}")
    without = Reader(reader)
    assert answers(without) == planned
    assert answers(without) == planned
    migrate.upgrade(database_url)
    assert answers(Reader(reader)) == planned


def test_they_are_what_is_asked(filled: Database, owner: Database) -> None:
    """A page in JSON takes the function; a file, which is asked for less, its statement."""
    made = owner.query(
        "SELECT proname, pg_get_function_identity_arguments(oid) FROM pg_proc WHERE proname LIKE 'read\\_candles%'"
    )
    assert made
    for name, arguments in made:
        owner.query(f"ALTER FUNCTION {name} RENAME TO hidden_{name}")
        owner.query(
            f"CREATE FUNCTION {name}({arguments}) RETURNS TABLE (a text, b bigint, c timestamptz, d timestamptz,"
            " e boolean, f boolean, g text, h boolean) LANGUAGE sql AS"
            " $$ SELECT 'asked', 1000, now(), now(), true, true, 'crypto', false $$"
        )
    page = Reader(owner).candles("BTCUSDT", CandleQuery(interval=Interval.M1, start=START))
    file = Reader(owner).candles("BTCUSDT", CandleQuery(interval=Interval.M1, start=START, layout=Layout.CSV))
    assert page is not None
    assert file is not None
    assert page.body == "[asked]"
    assert "asked" not in file.body


def test_an_upgrade_drops_those_of_other_releases(new_database: Callable[..., str]) -> None:
    """What no reader of this code calls is gone; what others call under their names would be asked as statements."""
    url = new_database()
    migrate.upgrade(url)
    database = Database(url)
    database.query("CREATE FUNCTION read_candles_old(text) RETURNS text LANGUAGE sql AS $$ SELECT $1 $$")
    migrate.upgrade(url)
    assert {name for (name,) in database.query(FUNCTIONS)} == set(read_functions.definitions())
    database.close()
