"""Longer candles are kept by the loads themselves: whatever the order of the answers, they are those of the rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketflow.domain.interval import Interval
from marketflow.domain.records import Candle, ParsedPayload
from marketflow.persistence.administration import SymbolRegistry
from marketflow.persistence.connection import Database
from marketflow.persistence.loader import Loader
from tests.integration.persistence.rows import START, answer, candle
from tests.integration.rolled import roll

pytestmark = pytest.mark.integration

BORDER = datetime(2026, 3, 1, tzinfo=UTC)
"""A Sunday that is the first of a month: days, weeks and months end around it."""


def rolled(database: Database) -> list[str]:
    """Every roll-up."""
    return [row[0] for row in database.query("SELECT CAST(r AS text) FROM rollups AS r ORDER BY 1")]


def buckets(database: Database, interval: str) -> list[list[object]]:
    """The roll-ups of an interval: open time, open, high, low, close, volume, trades, whether all rows are final."""
    return database.query(
        "SELECT open_time, open, high, low, close, volume, trades, rows_final FROM rollups"
        " WHERE interval = CAST(:interval AS candle_interval) ORDER BY open_time",
        interval=interval,
    )


def test_a_minute_is_in_every_longer_candle(database: Database) -> None:
    """One load gives all eight; the sums are exact, the bounds those of UTC."""
    rows = (candle(0, close="101.5"), candle(1, close="99.25"))
    Loader(database).load(ParsedPayload(rows), answer())
    for interval in ("5m", "15m", "30m", "1h", "4h", "1d", "1w", "1M"):
        opens = datetime(2026, 3, 1, tzinfo=UTC) if interval == "1M" else START
        wanted = [opens, Decimal("100.10"), Decimal(110), Decimal(95), Decimal("99.25"), Decimal("6.2800"), 24, True]
        assert buckets(database, interval) == [wanted]


def test_a_correction_reaches_every_longer_candle(database: Database) -> None:
    """So does a candle that becomes final, and one that is held back and released."""
    loader = Loader(database)
    loader.load(ParsedPayload((candle(0), candle(1, close="102", final=False))), answer(1))
    assert [row[4:] for row in buckets(database, "1M")] == [[Decimal(102), Decimal("6.2800"), 24, False]]
    loader.load(ParsedPayload((candle(1, close="103"),)), answer(2))
    loader.load(ParsedPayload((candle(0, volume=Decimal(1)),)), answer(3))
    assert [row[4:] for row in buckets(database, "1M")] == [[Decimal(103), Decimal("4.1400"), 24, True]]
    absurd = candle(2, close="5000", open=Decimal(5000), low=Decimal(5000))
    loader.load(ParsedPayload((absurd,)), answer(4))
    assert [row[2:] for row in buckets(database, "1M")] == [
        [Decimal(110), Decimal(95), Decimal(103), Decimal("4.1400"), 24, False]
    ]
    loader.load(ParsedPayload((candle(2, close="104"),)), answer(5))
    assert [row[4:] for row in buckets(database, "1M")] == [[Decimal(104), Decimal("7.2800"), 36, True]]


def test_a_bucket_without_rows_is_none(database: Database) -> None:
    """When all of its rows are held back there is no candle, not one of nothing."""
    loader = Loader(database)
    loader.load(ParsedPayload((candle(0),)), answer(1))
    absurd = candle(5, close="5000", open=Decimal(5000), low=Decimal(5000))
    loader.load(ParsedPayload((absurd,)), answer(2))
    assert len(buckets(database, "5m")) == 1
    assert [row[7] for row in buckets(database, "1h")] == [False]


def test_loading_again_writes_nothing(database: Database) -> None:
    """The very rows stay where they are."""
    payload = ParsedPayload(tuple(candle(minute) for minute in range(12)))
    places = "SELECT tableoid, ctid::text, xmin::text FROM rollups ORDER BY 1, 2"
    Loader(database).load(payload, answer())
    before = database.query(places)
    Loader(database).load(payload, answer())
    Loader(database).load(payload, answer(20))
    assert database.query(places) == before


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[int, ParsedPayload]]:
    """Answers about the minutes around the end of a day, week and month: final, forming, absurd and corrected ones."""

    def rows() -> Iterator[Candle]:
        for position, number in enumerate(sorted(draw(st.sets(st.integers(-400, 400), min_size=1, max_size=6)))):
            price = Decimal(draw(st.sampled_from(["100", "101.5", "99.25", "5000"])))
            yield candle(
                open_time=BORDER + timedelta(minutes=number),
                position=position,
                final=draw(st.booleans()),
                volume=draw(st.sampled_from([None, Decimal("1.10")])),
                **dict.fromkeys(("open", "high", "low", "close"), price),
            )

    count = draw(st.integers(1, 5))
    return [(number, ParsedPayload(tuple(rows()))) for number in draw(st.permutations(range(count)))]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(answers=histories())
def test_whatever_was_loaded_they_follow_from_the_rows(
    database: Database, owner: Database, answers: list[tuple[int, ParsedPayload]]
) -> None:
    """In any order, with corrections, absurd moves and their release: rolling up anew gives the same rows."""
    owner.query("TRUNCATE candles, rollups, answers, revisions, fetched_ranges")
    for number, payload in answers:
        Loader(database).load(payload, answer(number))
    before = rolled(database)
    roll(database)
    assert rolled(database) == before


def test_weeks_and_months_of_a_stock_are_made_of_its_days(database: Database) -> None:
    """Its minutes make hours; the days are its source's own, on the exchange's clock."""
    yahoo = replace(answer(), source="yahoo", dataset="chart_1d")
    midnight = datetime(2026, 3, 2, 5, tzinfo=UTC)
    day = candle(interval=Interval.D1, source_symbol="AAPL", currency="USD", open_time=midnight)
    minute = candle(source_symbol="AAPL", currency="USD", open_time=midnight + timedelta(hours=9, minutes=30))
    Loader(database).load(ParsedPayload((day, minute)), yahoo)
    assert [(one, len(buckets(database, one))) for one in ("5m", "1h", "4h", "1d", "1w", "1M")] == [
        *(("5m", 1), ("1h", 1), ("4h", 1), ("1d", 0), ("1w", 1), ("1M", 1))
    ]
    assert buckets(database, "1w")[0][0] == midnight
    assert buckets(database, "4h")[0][0] == midnight + timedelta(hours=8)


def test_another_time_zone_moves_the_buckets(database: Database, writer_url: str) -> None:
    """Hours, weeks and months of a stock begin on its exchange's clock, also when that is mended later."""
    yahoo = replace(answer(), source="yahoo", dataset="chart_1d")
    midnight = datetime(2026, 3, 2, 5, tzinfo=UTC)
    day = candle(interval=Interval.D1, source_symbol="AAPL", currency="USD", open_time=midnight)
    minute = candle(source_symbol="AAPL", currency="USD", open_time=midnight + timedelta(hours=9, minutes=30))
    Loader(database).load(ParsedPayload((day, minute)), yahoo)
    with SymbolRegistry(writer_url).transaction() as register:
        found = register.find("AAPL")
        assert found is not None
        register.change(found.id, {"timezone": "Asia/Tokyo"})
    assert [row[0] for row in buckets(database, "4h")] == [datetime(2026, 3, 2, 11, tzinfo=UTC)]
    assert [row[0] for row in buckets(database, "1w")] == [datetime(2026, 3, 1, 15, tzinfo=UTC)]
    before = rolled(database)
    roll(database)
    assert rolled(database) == before


def test_the_first_candle_is_the_first_that_is_still_here(database: Database, owner: Database) -> None:
    """Hours outlive the minutes that they were made of: a retired month has hours, and no first minute any more."""
    loader = Loader(database)
    for moment in (datetime(2026, 2, 10, tzinfo=UTC), START):
        loader.load(ParsedPayload((candle(open_time=moment),)), answer())
    first = "SELECT first_open(id, '1m') FROM symbols WHERE symbol = 'BTCUSDT'"
    assert database.query(first) == [[datetime(2026, 2, 10, tzinfo=UTC)]]
    database.query("UPDATE months SET retired_at = now() WHERE month = '2026-02-01'")
    owner.query("DROP TABLE candles_1m_2026_02")
    assert database.query(first) == [[START]]
    assert len(buckets(database, "1h")) == 2
    roll(database)
    assert len(buckets(database, "1h")) == 2
    assert database.query("SELECT first_open(id, '1m') FROM symbols WHERE symbol = 'ETHUSDT'") == [[None]]
