"""The load path: repeatable, indifferent to order, exact, and never a step back."""

from __future__ import annotations

import itertools
import json
import threading
import time
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pg8000.exceptions import DatabaseError

from local import postgres as local_postgres
from marketflow.domain.interval import Interval
from marketflow.domain.loading import LoadResult
from marketflow.domain.records import ActionKind, Candle, CorporateAction, ParsedPayload, Price, Reject
from marketflow.errors import RetryLaterError
from marketflow.persistence import migrate
from marketflow.persistence.connection import PAUSE_SECONDS, Database
from marketflow.persistence.loader import Loader, raw_id
from tests.integration.persistence.rows import START, answer, candle, closes, contents, quarantined

pytestmark = pytest.mark.integration

repeated = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def loader(database: Database) -> Loader:
    """A loader on this test's own database."""
    return Loader(database)


def test_loading_again_changes_nothing(loader: Loader, database: Database) -> None:
    """A second delivery of a message leaves every table as it was, and says so."""
    payload = ParsedPayload(
        (candle(0), candle(1, final=False), candle(2, source_symbol="NOPE")),
        (Price("ETHUSDT", START, Decimal("2000.10"), currency="USDT"), Price("NOPE", START, Decimal(1))),
        (Reject("null_row", "No close.", 9, "[null]", "BTCUSDT"),),
    )
    first = loader.load(payload, answer())
    assert first == LoadResult(candles_written=2, prices_written=1, quarantined=3)
    assert (first.refused, first.rows) == ({"unknown_symbol": 2, "null_row": 1}, 6)
    before = contents(database)
    assert loader.load(payload, answer()) == LoadResult(candles_unchanged=2, prices_unchanged=1)
    assert contents(database) == before


def test_every_row_names_the_answer_it_came_from(loader: Loader, database: Database) -> None:
    """Candles, prices and refused rows point at the archived answer, whose key the archive's index has."""
    payload = ParsedPayload((candle(),), (Price("BTCUSDT", START, Decimal(1)),), (Reject("x", "y", 3, "{}", None),))
    loader.load(payload, answer(5))
    index = database.query("SELECT id, key, source, dataset, received_at FROM raw_objects")
    assert index == [[raw_id(answer(5).raw_key), "raw/source=binance/5", "binance", "klines_1m", answer(5).observed_at]]
    for table in ("candles", "prices", "quarantine"):
        assert database.query(f"SELECT raw_id, observed_at FROM {table}") == [  # noqa: S608 - our own names
            [raw_id(answer(5).raw_key), answer(5).observed_at]
        ]


def test_an_empty_payload_leaves_only_its_name(loader: Loader, database: Database) -> None:
    """An answer without rows, of a closed market, is remembered as an answer and counts as no data."""
    assert loader.load(ParsedPayload(), answer()) == LoadResult()
    assert database.query("SELECT count(*) FROM raw_objects") == [[1]]
    assert database.query("SELECT count(*) FROM source_status") == [[0]]


def test_a_forming_candle_becomes_final_and_never_goes_back(loader: Loader, database: Database) -> None:
    """Final wins over forming, whichever was observed later."""
    loader.load(ParsedPayload((candle(close="101", final=False),)), answer(1))
    loader.load(ParsedPayload((candle(close="102", final=True),)), answer(2))
    loader.load(ParsedPayload((candle(close="103", final=False),)), answer(3))
    assert closes(database) == [("102", True)]
    loader.load(ParsedPayload((candle(1, close="101", final=False),)), answer(5))
    loader.load(ParsedPayload((candle(1, close="102", final=True),)), answer(4))
    assert closes(database)[1] == ("102", True)


def test_an_older_answer_never_overwrites_a_newer_one(loader: Loader, database: Database) -> None:
    """Between two forming or two final candles the later observation counts, in whatever order they arrive."""
    for final in (False, True):
        loader.load(ParsedPayload((candle(close="102", final=final),)), answer(8 + final))
        assert loader.load(ParsedPayload((candle(close="101", final=final),)), answer(7)).candles_unchanged == 1
        assert closes(database) == [("102", final)]
    loader.load(ParsedPayload((candle(close="103"),)), answer(10))
    assert closes(database) == [("103", True)]


def test_an_unchanged_forming_candle_still_ages(loader: Loader, database: Database) -> None:
    """The newest observation counts also when it says the same as the stored one: a late older one changes nothing."""
    loader.load(ParsedPayload((candle(close="101", final=False),)), answer(1))
    loader.load(ParsedPayload((candle(close="101", final=False),)), answer(3))
    loader.load(ParsedPayload((candle(close="102", final=False),)), answer(2))
    assert closes(database) == [("101", False)]


def test_a_final_candle_that_is_said_again_is_not_rewritten(loader: Loader, database: Database) -> None:
    """Sources repeat a whole day each minute; the same values cost no write, and the row keeps its first answer."""
    loader.load(ParsedPayload((candle(),)), answer(1))
    place = "SELECT ctid::text, xmax::text, raw_id FROM candles"
    before = database.query(place)
    assert loader.load(ParsedPayload((candle(),)), answer(2)) == LoadResult(candles_unchanged=1)
    assert database.query(place) == before


def test_a_price_that_is_said_again_names_the_newest_answer(loader: Loader, database: Database) -> None:
    """The same price is unchanged, and yet one that was said in between and comes late does not take its place."""
    for value, minute, written in (("1.0", 1, 1), ("1.0", 3, 0), ("2.0", 2, 0), ("1.0", 3, 0)):
        result = loader.load(ParsedPayload((), (Price("BTCUSDT", START, Decimal(value)),)), answer(minute))
        assert result == LoadResult(prices_written=written, prices_unchanged=1 - written)
    assert database.query("SELECT price, observed_at FROM prices") == [[Decimal("1.0"), answer(3).observed_at]]


def test_prices_follow_the_later_answer(loader: Loader, database: Database) -> None:
    """Of two answers about the price at one moment the later one counts; other moments are other rows."""
    for value, minute in (("1.10", 2), ("1.20", 3), ("1.15", 1)):
        loader.load(ParsedPayload((), (Price("BTCUSDT", START, Decimal(value)),)), answer(minute))
    loader.load(ParsedPayload((), (Price("BTCUSDT", START + timedelta(seconds=1), Decimal(9)),)), answer(0))
    assert [str(row[0]) for row in database.query("SELECT price FROM prices ORDER BY as_of")] == ["1.20", "9"]


@repeated
@given(
    st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=5).flatmap(
        lambda said: st.tuples(st.just(said), st.permutations(range(len(said))))
    )
)
def test_the_order_of_arrival_does_not_matter(
    loader: Loader, database: Database, owner: Database, case: tuple[list[tuple[int, bool]], list[int]]
) -> None:
    """Whatever answers say about candles, and however they are delayed, the greatest (final, observed_at) stands."""
    said, order = case
    owner.query("TRUNCATE candles, answers, revisions")
    for moment in order:
        minute, final = said[moment]
        loader.load(ParsedPayload((candle(minute, close=str(100 + moment), final=final),)), answer(moment))
    expected = []
    for minute in sorted({minute for minute, _ in said}):
        final, moment = max((final, moment) for moment, (at, final) in enumerate(said) if at == minute)
        expected.append((str(100 + moment), final))
    assert closes(database) == expected


def test_a_key_twice_in_one_payload_counts_once(loader: Loader, database: Database) -> None:
    """Of a candle that stands twice in a payload the final row counts, then the last; of a price the last."""
    candles = (
        candle(0, close="101", position=0),
        candle(0, close="102", position=1),
        candle(1, close="103", position=2),
        candle(1, close="104", final=False, position=3),
    )
    prices = tuple(Price("BTCUSDT", START, Decimal(n), position=n) for n in (1, 2))
    assert loader.load(ParsedPayload(candles, prices), answer()) == LoadResult(candles_written=2, prices_written=1)
    assert closes(database) == [("102", True), ("103", True)]
    assert database.query("SELECT price FROM prices") == [[Decimal(2)]]


def test_an_unknown_symbol_goes_to_the_quarantine(loader: Loader, database: Database) -> None:
    """A spelling that the source does not have is refused row by row; the rest of the payload is loaded."""
    odd = 'NO"PE\\\0 \ud800 ü'
    payload = ParsedPayload(
        (candle(0, source_symbol=odd, position=4), candle(1)), (Price("THYAO.IS", START, Decimal(1)),)
    )
    assert loader.load(payload, answer()) == LoadResult(candles_written=1, quarantined=2)
    assert quarantined(database) == [
        (0, "unknown_symbol", "THYAO.IS"),
        (4, "unknown_symbol", 'NO"PE\\\N{REPLACEMENT CHARACTER} ? ü'),
    ]
    ((text, key, detail),) = database.query("SELECT row_text, raw_key, detail FROM quarantine WHERE position = 4")
    assert json.loads(text)["open_time"] == "2026-03-02T00:00:00+00:00"
    assert set(json.loads(text)) >= {"open", "high", "low", "close", "currency"}
    assert "symbol_id" not in text
    assert key == "raw/source=binance/0"
    assert detail == "No symbol of this source is spelled so."


def test_another_currency_goes_to_the_quarantine(loader: Loader, database: Database) -> None:
    """A row that says another currency than the symbol's is refused; one that says none is taken at its word."""
    payload = ParsedPayload(
        (candle(0, currency="EUR"), candle(1, currency=None)),
        (Price("BTCUSDT", START, Decimal(1), currency="EUR", position=7), Price("BTCUSDT", START, Decimal(2))),
    )
    assert loader.load(payload, answer()) == LoadResult(candles_written=1, prices_written=1, quarantined=2)
    assert quarantined(database) == [(0, "wrong_currency", "BTCUSDT"), (7, "wrong_currency", "BTCUSDT")]
    details = {row[0] for row in database.query("SELECT detail FROM quarantine")}
    assert details == {"The source quotes in EUR, the symbol is in USDT."}


def test_symbols_belong_to_their_source(loader: Loader, database: Database) -> None:
    """The same spelling at another source is another symbol: it is not looked up across sources."""
    loader.load(ParsedPayload((candle(),)), answer(source="yahoo"))
    assert quarantined(database) == [(0, "unknown_symbol", "BTCUSDT")]


def test_refused_rows_keep_their_text(loader: Loader, database: Database) -> None:
    """What a vendor sent is kept as text, only without what no PostgreSQL text can hold; each refusal once."""
    rejects = (
        Reject("a", "d\0", 1, 'row \ud83d "x" \\u0000 \0', None),
        Reject("b", "d", 1, "", "S\0"),
        Reject("b", "again", 1, "", "S"),
    )
    assert loader.load(ParsedPayload(rejects=rejects), answer()) == LoadResult(quarantined=2)
    assert database.query("SELECT reason, symbol, detail, row_text FROM quarantine ORDER BY reason") == [
        ["a", None, "d\N{REPLACEMENT CHARACTER}", 'row ? "x" \\u0000 \N{REPLACEMENT CHARACTER}'],
        ["b", "S\N{REPLACEMENT CHARACTER}", "d", ""],
    ]


@repeated
@given(
    st.decimals("1e-30", "9.99e23", allow_nan=False, allow_infinity=False, places=30)
    | st.decimals("1e-20", "1e20", allow_nan=False, allow_infinity=False).filter(lambda d: d.as_tuple().exponent >= -30)
    | st.sampled_from([Decimal("1E+3"), Decimal("0.00000000"), Decimal("1.500"), Decimal("1E-30"), Decimal("0E-30")])
)
def test_every_decimal_comes_back_digit_for_digit(
    loader: Loader, database: Database, owner: Database, number: Decimal
) -> None:
    """Trailing zeros and all: what the vendor wrote is what a reader gets."""
    owner.query("TRUNCATE candles, answers, revisions")
    one = Decimal(1)
    loader.load(ParsedPayload((candle(open=one, high=one, low=one, close=one, volume=number),)), answer())
    assert str(database.query("SELECT volume FROM candles")[0][0]) == str(Decimal(format(number, "f")))


def test_every_interval_and_missing_value_is_stored(loader: Loader, database: Database) -> None:
    """Both intervals that sources give have their place; what a source does not give is null."""
    given = [interval for interval in Interval if interval.stored]
    rows = tuple(
        candle(interval=interval, volume=None, quote_volume=None, trades=None, currency=None) for interval in given
    )
    loader.load(ParsedPayload(rows), answer())
    stored = database.query("SELECT interval, volume, quote_volume, trades FROM candles ORDER BY candles.interval")
    assert stored == [[interval.value, None, None, None] for interval in given]


def test_a_row_that_breaks_the_tables_rules_stops_its_whole_payload(loader: Loader, database: Database) -> None:
    """Nothing of a payload is stored when one row of it cannot be: half a payload would look like a whole one."""
    with pytest.raises(DatabaseError):
        loader.load(ParsedPayload((candle(0), candle(1, high=Decimal("0.1")))), answer())
    assert all(not rows for rows in contents(database).values())


def test_the_status_of_a_source_follows_its_data(loader: Loader, database: Database) -> None:
    """newest_data_at is the newest open time or price time that was ever loaded; refused rows do not count."""
    status = "SELECT newest_data_at, last_loaded_at <= now() FROM source_status WHERE source = 'binance'"
    loader.load(ParsedPayload((candle(3),), (Price("BTCUSDT", START, Decimal(1)),)), answer())
    assert database.query(status) == [[START + timedelta(minutes=3), True]]
    loader.load(ParsedPayload((candle(1), candle(9, currency="EUR"))), answer(1))
    assert database.query(status) == [[START + timedelta(minutes=3), True]]
    loader.load(ParsedPayload((), (Price("BTCUSDT", START + timedelta(hours=1), Decimal(1)),)), answer(2))
    assert database.query(status) == [[START + timedelta(hours=1), True]]


def test_two_connections_load_the_same_keys_at_once(writer_url: str, database: Database) -> None:
    """Overlapping loads neither lose a row nor block each other for good, and the newest observation stands."""
    minutes = 40

    def load(worker: int) -> None:
        own = Database(writer_url)
        keys = list(range(minutes)) if worker % 2 else list(reversed(range(minutes)))
        for turn in range(15):
            moment = turn * 4 + worker
            rows = tuple(
                candle(minute, close=str(100 + moment), final=False, position=at) for at, minute in enumerate(keys)
            )
            Loader(own).load(ParsedPayload(rows), answer(moment))
        own.close()

    threads = [threading.Thread(target=load, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert closes(database) == [(str(100 + 59), False)] * minutes
    assert database.query("SELECT count(*) FROM raw_objects") == [[60]]


def test_a_server_killed_in_the_middle_loses_nothing_that_is_retried(tmp_path: Path) -> None:
    """Messages that fail while the server is away and are delivered again leave the table complete."""
    server = local_postgres.start(tmp_path / "pg")
    try:
        migrate.upgrade(server.url)
        database = Database(server.url, connect_deadline_seconds=0.3)
        loader = Loader(database)
        payloads = {minute: ParsedPayload((candle(minute, close=str(100 + minute)),)) for minute in range(120)}
        queue = list(payloads)
        failures = 0
        for turn in itertools.count():
            if not queue:
                break
            minute = queue.pop(0)
            if turn == 40:
                server.kill()
            try:
                loader.load(payloads[minute], answer(minute))
            except RetryLaterError:
                failures += 1
                queue.append(minute)
                if failures == 3:
                    server.restart()
                    time.sleep(PAUSE_SECONDS)
        assert failures == 3
        assert closes(database) == [(str(100 + minute), True) for minute in payloads]
        database.close()
    finally:
        server.stop()


def test_candles_of_many_symbols_keep_apart(loader: Loader, database: Database) -> None:
    """One payload may hold many symbols and intervals; each row finds its own symbol."""
    rows = tuple(
        replace(candle(0, close=close), source_symbol=name, interval=interval, currency=currency)
        for name, close, currency in (("BTCUSDT", "7", "USDT"), ("ETHBTC", "8", "BTC"))
        for interval in (Interval.M1, Interval.D1)
    )
    loader.load(ParsedPayload(rows), answer())
    stored = database.query("SELECT symbol, close FROM candles JOIN symbols ON symbols.id = symbol_id ORDER BY 1")
    assert [(name, str(close)) for name, close in stored] == [("BTCUSDT", "7")] * 2 + [("ETHBTC", "8")] * 2


def test_a_thousand_candles_are_one_statement(loader: Loader, database: Database) -> None:
    """A full page of klines is loaded whole."""
    rows: tuple[Candle, ...] = tuple(candle(minute) for minute in range(1000))
    assert loader.load(ParsedPayload(rows), answer()) == LoadResult(candles_written=1000)
    assert database.query("SELECT count(*) FROM candles") == [[1000]]


def dividend(amount: str, **changes: object) -> CorporateAction:
    """A dividend of AAPL."""
    good = CorporateAction("AAPL", ActionKind.DIVIDEND, START, amount=Decimal(amount), currency="USD", position=-2)
    return replace(good, **changes)  # type: ignore[arg-type]  # whatever a test changes


def split(numerator: str, denominator: str = "1", **changes: object) -> CorporateAction:
    """A split of AAPL."""
    good = CorporateAction(
        "AAPL", ActionKind.SPLIT, START, numerator=Decimal(numerator), denominator=Decimal(denominator), position=-3
    )
    return replace(good, **changes)  # type: ignore[arg-type]  # whatever a test changes


def stored_actions(database: Database) -> list[tuple[str, ...]]:
    """Kind and numbers of each action, and the minute after the start at which it was observed."""
    rows = database.query(
        "SELECT kind, amount, currency, numerator, denominator, observed_at FROM actions ORDER BY effective, kind"
    )
    return [
        (kind, *(str(one) for one in numbers if one is not None), str((at - START).seconds // 60))
        for kind, *numbers, at in rows
    ]


def test_actions_are_stored_once_and_to_the_digit(loader: Loader, database: Database) -> None:
    """A dividend and a split of one day are two rows; said again, by the same answer or a later one, they stay."""
    payload = ParsedPayload(actions=(dividend("0.2050"), split("4")))
    assert loader.load(payload, answer(1, source="yahoo")) == LoadResult(actions_written=2)
    before = contents(database)
    assert loader.load(payload, answer(1, source="yahoo")) == LoadResult(actions_unchanged=2)
    assert contents(database) == before
    assert loader.load(payload, answer(2, source="yahoo")) == LoadResult(actions_unchanged=2)
    assert stored_actions(database) == [("dividend", "0.2050", "USD", "1"), ("split", "4", "1", "1")]
    assert database.query("SELECT count(*) FROM source_status") == [[0]]


def test_an_older_answer_never_overwrites_a_newer_action(loader: Loader, database: Database) -> None:
    """Of two amounts for one date the later observation counts, in whatever order they arrive."""
    for amount, minute in (("0.82", 5), ("0.205", 9), ("0.80", 7)):
        loader.load(ParsedPayload(actions=(dividend(amount),)), answer(minute, source="yahoo"))
    assert stored_actions(database) == [("dividend", "0.205", "USD", "9")]


@repeated
@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=5, unique=True).flatmap(
        lambda said: st.tuples(st.just(said), st.permutations(range(len(said))))
    )
)
def test_the_order_in_which_actions_arrive_does_not_matter(
    loader: Loader, database: Database, case: tuple[list[int], list[int]]
) -> None:
    """However answers are delayed, what the newest one says of a split stands."""
    said, order = case
    database.query("DELETE FROM actions")
    for moment in order:
        loader.load(ParsedPayload(actions=(split(str(said[moment]), "10"),)), answer(moment, source="yahoo"))
    assert stored_actions(database) == [("split", str(said[-1]), "10", str(len(said) - 1))]


def test_actions_of_unknown_symbols_are_refused_and_foreign_dividends_are_not(
    loader: Loader, database: Database
) -> None:
    """A spelling that the source does not have goes to the quarantine; a payer may pay in his own currency."""
    rows = (dividend("1", source_symbol="NOPE"), dividend("0.5", currency="EUR"), split("2", source_symbol="NOPE"))
    result = loader.load(ParsedPayload(actions=rows), answer(source="yahoo"))
    assert result == LoadResult(actions_written=1, quarantined=2)
    assert quarantined(database) == [(-3, "unknown_symbol", "NOPE"), (-2, "unknown_symbol", "NOPE")]
    ((text,),) = database.query("SELECT row_text FROM quarantine WHERE position = -2")
    assert json.loads(text)["kind"] == "dividend"
    assert "symbol_id" not in text
    assert stored_actions(database) == [("dividend", "0.5", "EUR", "0")]


@pytest.mark.parametrize(
    "change",
    [
        "amount = 0",
        "amount = 'NaN'",
        "amount = 'Infinity'",
        "currency = null",
        "kind = 'split'",
        "kind = 'spin-off'",
        "numerator = 4, denominator = 1",
        "kind = 'split', amount = null, currency = null, numerator = 4, denominator = 0",
        "kind = 'split', amount = null, currency = null, numerator = 'NaN', denominator = 1",
        "symbol_id = 0",
    ],
)
def test_the_table_refuses_what_is_no_action(loader: Loader, database: Database, change: str) -> None:
    """Whoever writes, an action that breaks a rule is stopped by the table itself."""
    loader.load(ParsedPayload(actions=(dividend("1"),)), answer(source="yahoo"))
    with pytest.raises(DatabaseError, match=r"violates (check|foreign key) constraint"):
        database.query(f"UPDATE actions SET {change}")  # noqa: S608 - the tests' own words


def test_a_late_answer_does_not_put_back_what_was_said_again_since(loader: Loader, database: Database) -> None:
    """A final candle that the newest answer confirmed keeps its values, though its row was not rewritten for that.

    Found by the simulation: Yahoo's doubled last day has another volume in one answer, and that one came late.
    """
    loader.load(ParsedPayload((candle(0, close="101"),)), answer(1))
    loader.load(ParsedPayload((candle(0, close="101"),)), answer(3))
    loader.load(ParsedPayload((candle(0, close="102"), candle(1, close="103"))), answer(2))
    assert closes(database) == [("101", True), ("103", True)]
    loader.load(ParsedPayload((candle(0, close="104"),)), answer(4))
    assert closes(database) == [("104", True), ("103", True)]


def test_a_late_answer_still_corrects_what_the_newest_did_not_say(loader: Loader, database: Database) -> None:
    """The newest answer speaks for its own candles alone: a longer one that was overtaken corrects the others."""
    loader.load(ParsedPayload((candle(0, close="101"),)), answer(1))
    loader.load(ParsedPayload((candle(5, close="105"),)), answer(6))
    loader.load(ParsedPayload((candle(0, close="102"),)), answer(2))
    assert closes(database) == [("102", True), ("105", True)]
