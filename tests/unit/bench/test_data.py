"""The data that is measured with: realistic, the same in every run, and the same for every competitor."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice

import pytest

from bench.fill import END, History
from bench.klines import answers
from bench.peers.copy_load.load import COLUMNS, text
from bench.peers.orm_load.rows import parse
from bench.reads import content
from marketflow.sources import factory

pytestmark = pytest.mark.unit

START = datetime(2026, 11, 2, tzinfo=UTC)
TWO = [(1, "BTCUSDT"), (2, "ETHUSDT")]


def test_answers_are_the_same_in_every_run_and_for_whoever_takes_a_part_of_them() -> None:
    """A competitor that gets fewer symbols gets the same rows of those."""
    both = list(islice(answers(TWO, start=START, seed=1), 4))
    assert both == list(islice(answers(TWO, start=START, seed=1), 4))
    assert [both[0], both[2]] == list(islice(answers(TWO[:1], start=START, seed=1), 2))
    assert both != list(islice(answers(TWO, start=START, seed=2), 4))


def test_windows_of_a_symbol_are_consecutive() -> None:
    """The second window begins where the first one ends, with its last close: no gap, and no jump."""
    first, _, second, _ = islice(answers(TWO, start=START, seed=1, rows=10), 4)
    assert second.delivery.request.start == first.delivery.request.end
    assert second.rows[0][3] == first.rows[-1][6]


def test_an_answer_is_one_that_every_loader_takes_whole() -> None:
    """MarketFlow's parser and the peer's read all rows, digit for digit those that COPY gets, and all are final."""
    answer = next(answers(TWO, start=START, seed=1))
    response = answer.delivery.response
    assert response is not None
    payload = factory.create("binance").parse(answer.delivery.request, response)
    assert not payload.rejects
    ours = [
        (one.open_time, str(one.open), str(one.high), str(one.low), str(one.close), one.final)
        for one in payload.candles
    ]
    assert ours == [(*row[2:7], True) for row in answer.rows]
    theirs = [(one.open, one.quote_volume, one.trades) for one in parse(answer.body)]
    assert theirs == [(Decimal(str(row[3])), Decimal(str(row[8])), row[9]) for row in answer.rows]
    assert len(json.loads(answer.body)) == 1000


def test_copy_gets_a_line_a_row() -> None:
    """As many fields as there are columns, with tabs between them."""
    lines = text(next(answers(TWO, start=START, seed=1, rows=3)).rows).decode().splitlines()
    assert [len(line.split("\t")) for line in lines] == [len(COLUMNS.split(","))] * 3


@pytest.mark.parametrize(
    ("candles", "with_year", "expected", "about"),
    [
        (20_000_000, True, History(first_days=385, days=385), 19_958_400),
        (1_000_000, False, History(first_days=19, days=19), 984_960),
        (1_000_000, True, History(first_days=366, days=9), 980_640),
        (50_000, False, History(first_days=1, days=1), 51_840),
    ],
)
def test_a_history_has_about_as_many_candles_as_were_asked_for(
    candles: int, with_year: bool, expected: History, about: int
) -> None:
    """Whole days of every symbol; where that is too little, one symbol has a year nevertheless."""
    history = History.of(candles, with_year=with_year)
    assert history == expected
    assert history.candles == about
    assert (END - history.start).days == max(history.first_days, history.days)


def test_answers_are_compared_by_what_they_say() -> None:
    """Decimals count exactly, as numbers or as strings; the age of a price is another one each second."""
    one = '[{"symbol": "A", "price": 1.10, "age_seconds": 3, "final": true, "as_of": "2026-01-01T00:00:00Z"}]'
    same = one.replace("1.10", '"1.1"').replace('"age_seconds": 3', '"age_seconds": 4')
    assert content(one) == content(same)
    assert content(one) != content(one.replace("1.10", "1.1000000000000000001"))
    assert content(one) != content(one.replace("true", "false"))
