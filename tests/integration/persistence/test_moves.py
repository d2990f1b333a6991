"""Absurd moves in PostgreSQL: the same verdicts as the rule, in any order of arrival, and what the operator can do."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketflow.domain.interval import Interval
from marketflow.domain.loading import LoadResult, Provenance
from marketflow.domain.moves import LOOK_BACKS, PRICE_LOOK_BACK, Point, Split, verdicts
from marketflow.domain.records import ActionKind, Candle, CorporateAction, ParsedPayload, Price
from marketflow.domain.symbol import AssetType
from marketflow.persistence.connection import Database
from marketflow.persistence.loader import Loader
from tests.integration.persistence.rows import START, answer, candle

pytestmark = pytest.mark.integration

BOUND = Decimal(5)
RELAXED = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
    max_examples=int(os.environ.get("MOVES_EXAMPLES", "60")),
)


@pytest.fixture
def loader(database: Database) -> Loader:
    return Loader(database)


def minutes(*closes: str, first: int = 0, final: bool = True) -> ParsedPayload:
    """Flat minutes of BTCUSDT."""
    return ParsedPayload(tuple(flat(first + place, close, final=final) for place, close in enumerate(closes)))


def flat(minute: int, close: str, *, final: bool = True) -> Candle:
    value = Decimal(close)
    return candle(minute, close=close, open=value, high=value, low=value, final=final)


def held(database: Database, table: str = "candles") -> list[tuple[int, bool]]:
    """The minute of each row and whether it is held back, in order."""
    column = "open_time" if table == "candles" else "as_of"
    rows = database.query(f"SELECT {column}, held FROM {table} ORDER BY 1")  # noqa: S608 - the tests' own words
    return [(int((moment - START).total_seconds() // 60), is_held) for moment, is_held in rows]


def test_an_absurd_minute_is_told_once_with_what_it_was_judged_by(loader: Loader, database: Database) -> None:
    """The answer that brought it says so, when it comes again too; the answer after it is silent."""
    loader.load(minutes("100", "101"), answer(1))
    result = loader.load(minutes("10100", "102", first=2), answer(2))
    (move,) = result.moves
    assert (move.symbol, move.interval, move.moment) == ("BTCUSDT", Interval.M1, START + timedelta(minutes=2))
    assert (move.price, move.reference, move.raw_key) == (Decimal(10100), Decimal(101), answer(2).raw_key)
    assert loader.load(minutes("10100", "102", first=2), answer(2)).moves == (move,)
    assert loader.load(minutes("10100", "102", "103", first=2), answer(3)).moves == ()
    assert held(database) == [(0, False), (1, False), (2, True), (3, False), (4, False)]


def test_a_corrected_minute_is_served_again(loader: Loader, database: Database) -> None:
    """The source mends its number: the row is replaced and no longer held."""
    loader.load(minutes("100", "1"), answer(1))
    loader.load(minutes("99", first=1), answer(2))
    assert held(database) == [(0, False), (1, False)]


def test_a_late_row_judges_its_followers_again(loader: Loader, database: Database) -> None:
    """What comes between two rows changes the verdict on the second one, and so on until one stays as it was."""
    loader.load(minutes("100", "1000", first=10), answer(1))
    loader.load(minutes("1000", "1000", first=12), answer(2))
    assert held(database) == [(10, False), (11, True), (12, True), (13, True)]
    loader.load(minutes("900", first=5), answer(3))
    assert held(database) == [(5, False), (10, True), (11, False), (12, False), (13, False)]


def test_a_forming_candle_is_held_while_it_is_absurd(loader: Loader, database: Database) -> None:
    """It is judged by each answer anew."""
    loader.load(minutes("100"), answer(1))
    assert len(loader.load(minutes("1", first=1, final=False), answer(2)).moves) == 1
    assert held(database) == [(0, False), (1, True)]
    loader.load(minutes("98", first=1), answer(3))
    assert held(database) == [(0, False), (1, False)]


def test_an_observed_price_is_judged_by_the_one_before_it(loader: Loader, database: Database) -> None:
    """Prices are a sequence of their own, in the order of their times."""
    for minute, price in ((0, "30"), (2, "3000"), (3, "31"), (1, "29")):
        moment = START + timedelta(minutes=minute)
        result = loader.load(
            ParsedPayload(prices=(Price("USD/TRY", moment, Decimal(price)),)), answer(minute, source="exchangerate")
        )
        assert [(move.interval, move.price) for move in result.moves] == ([(None, 3000)] if minute == 2 else [])
    assert held(database, "prices") == [(0, False), (1, False), (2, True), (3, False)]


def test_what_a_higher_bound_allows_is_released_by_a_replay(database: Database) -> None:
    """A redenomination was held back: with the bound raised, the same answer again serves it and all that follows."""
    old = Loader(database)
    old.load(minutes("100", "101"), answer(1))
    old.load(minutes("10100", "10200", first=2), answer(2))
    old.load(minutes("10300", "10400", first=4), answer(3))
    assert [is_held for _, is_held in held(database)] == [False, False, True, True, True, True]
    raised = Loader(database, max_moves={AssetType.CRYPTO: Decimal(200)})
    assert raised.load(minutes("10100", "10200", first=2), answer(2)) == LoadResult(candles_unchanged=2)
    assert not any(is_held for _, is_held in held(database))
    # Back at the old bound, new rows are judged by the new level; only a replay would hold the first ones again.
    assert old.load(minutes("10500", first=6), answer(4)).moves == ()
    assert not any(is_held for _, is_held in held(database))


def test_a_new_level_is_served_when_the_old_one_is_forgotten(loader: Loader, database: Database) -> None:
    """Nobody did anything: behind the look-back the first row has nothing to be compared with."""
    late = int(LOOK_BACKS[Interval.M1] / timedelta(minutes=1))
    loader.load(minutes("100"), answer(1))
    for place, minute in enumerate((1, late, late + 1, late + 2)):
        loader.load(minutes("1000", first=minute), answer(place + 2))
    assert [is_held for _, is_held in held(database)] == [False, True, True, False, False]


# ── Shares: a split changes the basis ───────────────────────────────────────────────────────────────────────────────

SPLIT_DAY = START + timedelta(days=5)
TENFOLD = CorporateAction("AAPL", ActionKind.SPLIT, effective=SPLIT_DAY, numerator=Decimal(10), denominator=Decimal(1))


def bar(day: int, close: str) -> Candle:
    value = Decimal(close)
    return Candle(
        "AAPL",
        Interval.D1,
        open_time=START + timedelta(days=day),
        open=value,
        high=value,
        low=value,
        close=value,
        volume=None,
        final=True,
    )


def chart(day: int, *rows: Candle | CorporateAction, name: str = "") -> tuple[ParsedPayload, Provenance]:
    """An answer about AAPL that was received at the end of a day."""
    payload = ParsedPayload(
        candles=tuple(row for row in rows if isinstance(row, Candle)),
        actions=tuple(row for row in rows if isinstance(row, CorporateAction)),
    )
    received = START + timedelta(days=day, hours=21)
    return payload, Provenance(
        raw_key=f"raw/source=yahoo/{day}{name}", source="yahoo", dataset="chart_1d", observed_at=received
    )


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1), (1, 3, 0, 2)])
def test_a_split_holds_nothing_once_it_is_known(database: Database, order: Sequence[int]) -> None:
    """Ten for one: the price falls to a tenth. Whatever comes first, nothing is held when everything is there."""
    answers = [
        chart(3, bar(3, "1000")),
        chart(4, bar(4, "1010")),
        chart(5, bar(5, "101")),
        chart(6, bar(6, "102"), TENFOLD),
    ]
    loader = Loader(database)
    for place in order:
        loader.load(*answers[place])
    assert database.query("SELECT close, held FROM candles ORDER BY open_time") == [
        [Decimal(price), False] for price in (1000, 1010, 101, 102)
    ]


def test_until_the_split_is_known_its_prices_wait(database: Database) -> None:
    """The fall looks like a lost decimal place; the split releases it, candles and prices, in one load."""
    loader = Loader(database)
    loader.load(*chart(4, bar(4, "1010")))
    (move,) = loader.load(*chart(5, bar(5, "101"))).moves
    assert (move.symbol, move.interval, move.price) == ("AAPL", Interval.D1, 101)
    loader.load(*chart(6, TENFOLD))
    assert database.query("SELECT held FROM candles ORDER BY open_time") == [[False], [False]]


# ── The function and the rule ───────────────────────────────────────────────────────────────────────────────────────

closes = st.sampled_from(["1", "4", "5", "6", "20", "25", "26", "100", "125", "126", "0.2"])
rows = st.tuples(
    st.integers(0, 12),  # its place in time, half a look-back apart now and then
    closes,
    closes,
    st.booleans(),
    st.integers(0, 8),  # the day on which it was observed
)
splits = st.lists(st.tuples(st.integers(0, 8), st.sampled_from([(4, 1), (10, 1), (1, 7)])), max_size=2)
STEP = LOOK_BACKS[Interval.D1] / 4


def moment_of(place: int) -> datetime:
    return START + STEP * place


Load = Callable[[Loader], LoadResult]


def candle_load(number: int, place: int, prices: tuple[str, str], final: bool, seen: int) -> Load:
    low, high = sorted(map(Decimal, prices))
    row = Candle(
        "AAPL", Interval.D1, moment_of(place), open=low, high=high, low=low, close=high, volume=None, final=final
    )
    at = START + timedelta(days=seen, seconds=number)
    source = Provenance(raw_key=f"c{number}", source="yahoo", dataset="chart_1d", observed_at=at)
    return lambda loader: loader.load(ParsedPayload((row,)), source)


def split_load(number: int, day: int, ratio: tuple[int, int]) -> Load:
    action = CorporateAction(
        "AAPL",
        ActionKind.SPLIT,
        effective=START + timedelta(days=day),
        numerator=Decimal(ratio[0]),
        denominator=Decimal(ratio[1]),
    )
    source = Provenance(
        raw_key=f"s{number}", source="yahoo", dataset="chart_1d", observed_at=START + timedelta(days=9, seconds=number)
    )
    return lambda loader: loader.load(ParsedPayload(actions=(action,)), source)


def price_load(number: int, place: int, price: str, seen: int) -> Load:
    row = Price("AAPL", START + PRICE_LOOK_BACK / 4 * place, Decimal(price))
    at = START + timedelta(days=seen, seconds=number)
    source = Provenance(raw_key=f"p{number}", source="yahoo", dataset="chart_1d", observed_at=at)
    return lambda loader: loader.load(ParsedPayload(prices=(row,)), source)


def known_splits(database: Database) -> list[Split]:
    found = database.query("SELECT effective, numerator, denominator FROM actions WHERE kind = 'split'")
    return [Split(effective=at, numerator=up, denominator=down) for at, up, down in found]


@RELAXED
@given(rows=st.lists(rows, max_size=14), splits=splits, data=st.data())
def test_the_database_says_what_the_rule_says(
    database: Database,
    owner: Database,
    rows: list[tuple[int, str, str, bool, int]],
    splits: list[tuple[int, tuple[int, int]]],
    data: st.DataObject,
) -> None:
    """Random candles, prices and splits that arrive in random order, some of them twice: the rule on what is stored."""
    owner.query("TRUNCATE candles, prices, actions, raw_objects, answers, revisions")
    loads = [candle_load(n, place, (one, two), final, seen) for n, (place, one, two, final, seen) in enumerate(rows)]
    loads += [price_load(n, place, one, seen) for n, (place, one, _, _, seen) in enumerate(rows)]
    loads += [split_load(n, day, ratio) for n, (day, ratio) in enumerate(splits)]
    loader = Loader(database)
    for load in data.draw(st.permutations(loads)):
        load(loader)
        if data.draw(st.integers(0, 5)) == 0:
            load(loader)
    for table, moment, low, high, close, final, look_back in (
        ("candles", "open_time", "low", "high", "close", "final", LOOK_BACKS[Interval.D1]),
        ("prices", "as_of", "price", "price", "price", "true", PRICE_LOOK_BACK),
    ):
        stored = database.query(
            f"SELECT {moment}, {low}, {high}, {close}, {final}, observed_at, held FROM {table} ORDER BY 1"  # noqa: S608
        )
        points = [
            Point(moment=at, low=low_, high=high_, close=close_, final=final_, observed_at=seen)
            for at, low_, high_, close_, final_, seen, _ in stored
        ]
        wanted = verdicts(points, bound=BOUND, look_back=look_back, splits=known_splits(database))
        assert [row[-1] for row in stored] == wanted
