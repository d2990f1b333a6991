"""The tables are a function of the set of answers: of no order, no duplicate, no race."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketflow.domain.loading import Provenance
from marketflow.domain.records import ActionKind, CorporateAction, ParsedPayload, Price
from marketflow.persistence.connection import Database
from marketflow.persistence.fingerprint import _COLUMNS, fingerprint
from marketflow.persistence.loader import Loader, raw_id
from tests.integration.persistence.rows import START, answer, candle

pytestmark = pytest.mark.integration

VALUES = ("100", "101", "101.0", "102")
CLEAR = ", ".join(_COLUMNS)


@dataclass(frozen=True)
class Said:
    """One answer: when it was received, and for each minute that it has the close and whether it was final."""

    number: int
    minute: int
    rows: dict[int, tuple[str, bool]]

    @property
    def provenance(self) -> Provenance:
        """As the loader takes it; answers of one minute differ in their keys."""
        at = answer(self.minute).observed_at
        return Provenance(
            raw_key=f"raw/source=binance/{self.number}", source="binance", dataset="klines_1m", observed_at=at
        )

    @property
    def payload(self) -> ParsedPayload:
        """Candles, and a price for each minute."""
        return ParsedPayload(
            tuple(candle(at, close=close, final=final) for at, (close, final) in self.rows.items()),
            tuple(Price("BTCUSDT", candle(at).open_time, Decimal(close)) for at, (close, _) in self.rows.items()),
        )


Observation = tuple[datetime, int, str]


def runs(answers: Iterable[Said]) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """The oracle, in plain Python: the rows of `candles` and of `revisions`."""
    finals: dict[int, list[Observation]] = {}
    forming: dict[int, list[Observation]] = {}
    for one in answers:
        for at, (close, final) in one.rows.items():
            known = (finals if final else forming).setdefault(at, [])
            known.append((one.provenance.observed_at, raw_id(one.provenance.raw_key), close))
    candles, revisions = [], []
    for at in sorted(finals.keys() | forming.keys()):
        if at not in finals:
            candles.append((candle(at).open_time, False, *max(forming[at])))
            continue
        *earlier, last = [next(run) for _, run in groupby(sorted(finals[at]), key=lambda one: one[2])]
        candles.append((candle(at).open_time, True, *last))
        revisions += [(candle(at).open_time, *one) for one in earlier]
    return candles, revisions


def stored(database: Database) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """The rows of `candles` and of `revisions`, as the oracle has them."""
    candles = database.query(
        "SELECT open_time, final, observed_at, raw_id, CAST(close AS text) FROM candles ORDER BY open_time"
    )
    revisions = database.query(
        "SELECT open_time, observed_at, raw_id, CAST(close AS text) FROM revisions ORDER BY 1, 2, 3"
    )
    return [tuple(row) for row in candles], [tuple(row) for row in revisions]


def load(database: Database, answers: Sequence[Said]) -> None:
    """Load them one after the other."""
    loader = Loader(database)
    for one in answers:
        loader.load(one.payload, one.provenance)


rows = st.dictionaries(
    st.integers(0, 2), st.tuples(st.sampled_from(VALUES), st.sampled_from([True, True, True, False])), min_size=1
)
answers = st.lists(st.tuples(st.integers(0, 5), rows), min_size=1, max_size=9).map(
    lambda said: [Said(number, minute, found) for number, (minute, found) in enumerate(said)]
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(answers, st.randoms(use_true_random=False))
def test_any_order_with_any_duplicates_gives_the_same_tables(
    database: Database, said: list[Said], random: Random
) -> None:
    """Answers that agree, disagree, go back to an earlier value or share a time: the tables are what an oracle says."""
    prints = []
    for _ in range(2):
        order = [*said, *random.choices(said, k=random.randrange(4))]
        random.shuffle(order)
        for table in _COLUMNS:
            database.query(f"DELETE FROM {table}")  # noqa: S608 - our own names
        load(database, order)
        assert stored(database) == runs(said)
        prints.append(fingerprint(database))
    assert prints[0] == prints[1]


def test_the_runs_of_one_candle(database: Database) -> None:
    """A value, another one, the first again: two revisions and a row, each with the first answer that said it."""
    closes = ("100", "100", "101", "101", "100", "100")
    said = [Said(minute, minute, {0: (close, True)}) for minute, close in enumerate(closes)]
    load(database, said)
    assert [row[1:3] for row in stored(database)[0]] == [(True, answer(4).observed_at)]
    assert [(row[1], row[3]) for row in stored(database)[1]] == [
        (answer(0).observed_at, "100"),
        (answer(2).observed_at, "101"),
    ]


def test_a_late_answer_breaks_the_run_that_it_falls_into(database: Database) -> None:
    """What was said again after it is a run of its own from there, although its row was never rewritten for that."""
    load(database, [Said(n, n, {0: ("100", True)}) for n in (1, 3, 4)])
    assert stored(database)[1] == []
    load(database, [Said(2, 2, {0: ("101", True)})])
    assert [row[2] for row in stored(database)[0]] == [answer(3).observed_at]
    assert [(row[1], row[3]) for row in stored(database)[1]] == [
        (answer(1).observed_at, "100"),
        (answer(2).observed_at, "101"),
    ]


def test_reading_an_answer_anew_replaces_what_it_said(database: Database) -> None:
    """A parser that was mended reads another value in the same answer: no revision tells of the wrong one.

    What the later answers said stays: their own lines say that they said it.
    """
    wrong = [Said(0, 0, {0: ("100", True)}), Said(1, 1, {0: ("101", True)}), Said(2, 2, {0: ("102", True)})]
    for number in (0, 1, 2):
        for close in VALUES:
            for table in _COLUMNS:
                database.query(f"DELETE FROM {table}")  # noqa: S608 - our own names
            load(database, wrong)
            mended = [Said(n, n, {0: (close, True)}) if n == number else one for n, one in enumerate(wrong)]
            load(database, [mended[number]])
            assert stored(database) == runs(mended), (number, close)


def test_loaders_at_once_give_the_same_tables(writer_url: str, database: Database) -> None:
    """Two loads of one symbol never decide by what the other is about to change."""
    random = Random(4)
    said = [
        Said(number, random.randrange(12), {at: (random.choice(VALUES), True) for at in random.sample(range(6), 4)})
        for number in range(60)
    ]

    def work(mine: list[Said]) -> None:
        own = Database(writer_url)
        load(own, mine)
        own.close()

    for attempt in range(3):
        random.shuffle(said)
        threads = [threading.Thread(target=work, args=([*said[part::3], *said[:10]],)) for part in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert stored(database) == runs(said), attempt
        for table in _COLUMNS:
            database.query(f"DELETE FROM {table}")  # noqa: S608 - our own names


def test_actions_do_not_depend_on_the_order(database: Database) -> None:
    """The newest answer's numbers stand, with the first answer that had them, in whatever order they come."""
    random = Random(9)
    closes = ("0.82", "0.82", "0.205", "0.205", "0.205")
    prints = set()
    for _ in range(30):
        database.query("DELETE FROM actions")
        order = [*range(5), *random.choices(range(5), k=2)]
        random.shuffle(order)
        for minute in order:
            dividend = CorporateAction(
                "AAPL", ActionKind.DIVIDEND, START, amount=Decimal(closes[minute]), currency="USD"
            )
            Loader(database).load(ParsedPayload(actions=(dividend,)), answer(minute, source="yahoo"))
        prints.add(fingerprint(database)["actions"])
    assert len(prints) == 1
    assert database.query("SELECT amount, observed_at, last_observed_at FROM actions") == [
        [Decimal("0.205"), answer(2).observed_at, answer(4).observed_at]
    ]
