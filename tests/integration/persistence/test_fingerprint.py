"""The fingerprint: equal for equal data, different for any difference in it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from marketflow.domain.coverage import Asked, Session
from marketflow.domain.interval import Interval
from marketflow.domain.records import ActionKind, CorporateAction, ParsedPayload, Price, Reject
from marketflow.persistence.connection import Database
from marketflow.persistence.fingerprint import fingerprint
from marketflow.persistence.loader import Loader
from marketflow.persistence.tables import metadata
from tests.integration.persistence.rows import START, answer, candle

pytestmark = pytest.mark.integration

NO_DATA = {
    "symbols",
    "source_status",
    "jobs",
    "job_parts",
    "gaps",
    "audits",
    "split_refetches",
    "months",
    "retirements",
}


def fill(database: Database, *minutes: int) -> None:
    """An answer of each of these minutes, with something for every table."""
    loader = Loader(database)
    for minute in minutes:
        span = (START, candle(minute + 1).open_time)
        loader.load(
            ParsedPayload(
                (candle(0, close=str(100 + minute)), candle(minute + 1, final=False)),
                (Price("BTCUSDT", START, Decimal("1.10")),),
                (Reject("odd", "Odd.", 7, "[]", "BTCUSDT"),),
                asked=(Asked("BTCUSDT", Interval.M1, fetched=(span,)),),
                sessions=(Session("BTCUSDT", *span),),
            ),
            answer(minute),
        )
        split = CorporateAction("AAPL", ActionKind.SPLIT, START, numerator=Decimal(4), denominator=Decimal(1))
        loader.load(ParsedPayload(actions=(split,)), answer(minute, source="yahoo"))


def test_every_table_has_a_hash_or_a_reason() -> None:
    """What answers are stored in is compared whole; a table that somebody adds must be put in or left out by name."""
    from marketflow.persistence import fingerprint as module  # noqa: PLC0415 - its own table of columns

    assert set(module._COLUMNS) == set(metadata.tables) - NO_DATA
    for table, columns in module._COLUMNS.items():
        names = {column.name for column in metadata.tables[table].columns}
        said = " ".join(columns).replace("s.symbol", "t.symbol_id" if "symbol_id" in names else "s.symbol")
        assert {name for name in names if f"t.{name}" not in said} == set(), table


def test_neither_places_nor_ids_nor_the_session_count(
    database: Database, new_database: Callable[..., str], migrated_template: str
) -> None:
    """The same rows in another physical order, under other symbol ids and read in another time zone hash the same."""
    fill(database, 1, 2)
    url = new_database(migrated_template)
    other = Database(url)
    other.query(f"ALTER DATABASE {url.partition('@/')[2].partition('?')[0]} SET timezone = 'Asia/Istanbul'")
    other.query("UPDATE symbols SET id = id + 1000")
    other.close()
    fill(other, 1, 2)
    other.query("UPDATE candles SET final = final WHERE open_time = (SELECT min(open_time) FROM candles)")
    assert fingerprint(other) == fingerprint(database)
    other.close()


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("candles", "UPDATE candles SET close = close + 0.0 WHERE open_time = '2026-03-02Z'"),
        ("candles", "UPDATE candles SET raw_id = raw_id + 1 WHERE open_time = '2026-03-02Z'"),
        ("candles", "UPDATE candles SET trades = null WHERE open_time = '2026-03-02Z'"),
        ("revisions", "DELETE FROM revisions"),
        ("rollups", "UPDATE rollups SET rows_final = NOT rows_final WHERE interval = '1M'"),
        ("answers", "UPDATE answers SET said = '{}'"),
        ("prices", "UPDATE prices SET observed_at = observed_at + interval '1 us'"),
        ("actions", "UPDATE actions SET last_raw_id = 0"),
        ("quarantine", "UPDATE quarantine SET symbol = null"),
        ("raw_objects", "UPDATE raw_objects SET dataset = ''"),
        ("fetched_ranges", "UPDATE fetched_ranges SET fetched = '{}', refused = fetched"),
        ("sessions", "UPDATE sessions SET closes_at = closes_at - interval '1 s'"),
    ],
)
def test_every_difference_shows(database: Database, table: str, change: str) -> None:
    """One digit, one microsecond, a null for a value: the hash of that table is another one, the others stay."""
    fill(database, 1, 2)
    before = fingerprint(database)
    database.query(change)
    after = fingerprint(database)
    assert {name for name in before if before[name] != after[name]} == {table}
