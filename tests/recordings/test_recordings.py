"""Every adapter against real recorded bodies, where they are at hand: they stay outside of the project."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import pytest

from marketflow.domain.fetching import FetchRequest, RawResponse
from marketflow.domain.interval import Interval
from marketflow.domain.records import Candle
from marketflow.errors import MalformedPayloadError, SymbolUnavailableError
from marketflow.sources.base import Source
from marketflow.sources.factory import create
from tests.recordings.expectations import EXPECTATIONS
from tests.recordings.kinds import Asked, NotSpoken, Reads, Refuses, chart

RECORDINGS = Path(__file__).parents[3] / "shared" / "recordings"

pytestmark = [
    pytest.mark.unit,
    pytest.mark.skipif(not RECORDINGS.is_dir(), reason="no recorded answers in ../shared/recordings beside this clone"),
]


def replay(name: str, asked: Asked) -> tuple[Source, FetchRequest, RawResponse]:
    """The recording called `name` as the answer to what was asked."""
    source = create(asked.source)
    request = FetchRequest(
        source=asked.source, dataset=asked.dataset, symbols=asked.symbols, path=asked.path, interval=asked.interval
    )
    response = RawResponse(
        status=asked.status,
        headers={"content-type": "application/json", "date": format_datetime(asked.clock, usegmt=True)},
        received_at=asked.clock,
        body=(RECORDINGS / name).read_bytes(),
    )
    return source, request, response


def row(candle: Candle) -> tuple[str, ...]:
    """A candle as texts."""
    numbers = (candle.open, candle.high, candle.low, candle.close, candle.volume)
    return (candle.open_time.isoformat(), *(f"{number:f}" for number in numbers if number is not None))


def named(kind: type) -> list[str]:
    """The recordings with an expectation of this kind."""
    return sorted(name for name, expectation in EXPECTATIONS.items() if isinstance(expectation, kind))


def test_every_recording_has_an_expectation_and_every_expectation_a_recording() -> None:
    """A new recording fails here until somebody says what has to become of it."""
    assert {path.name for path in RECORDINGS.iterdir()} == set(EXPECTATIONS)


@pytest.mark.parametrize("name", named(Reads))
def test_an_answer_is_read_as_expected(name: str) -> None:
    """Counts, first and last candle to the digit, what is forming, prices, currency: as the recording has them."""
    expected = EXPECTATIONS[name]
    assert isinstance(expected, Reads)
    source, request, response = replay(name, expected.asked)
    source.check(request, response)
    payload = source.parse(request, response)
    counts = (len(payload.candles), len(payload.prices), len(payload.actions))
    assert counts == (expected.candles, expected.prices, expected.actions)
    assert tuple(refused.reason for refused in payload.rejects) == expected.rejects
    assert not expected.first or row(payload.candles[0]) == expected.first
    assert not expected.last or row(payload.candles[-1]) == expected.last
    assert tuple(one.open_time.isoformat() for one in payload.candles if not one.final) == expected.forming
    quotes = {price.source_symbol: str(price.price) for price in payload.prices}
    assert expected.quotes.items() <= quotes.items()
    assert not expected.as_of or tuple(price.as_of.isoformat() for price in payload.prices) == expected.as_of
    if expected.currency:
        assert {one.currency for one in (*payload.candles, *payload.prices)} == {expected.currency}


def test_a_recorded_split_and_dividend_are_read_to_the_digit() -> None:
    """Apple's 4:1 split of 31 August 2020 and its dividend of 6 November, from the days whose prices have them."""
    source, request, response = replay("yahoo-chart-aapl-1d-split-and-dividend.json", chart("AAPL", Interval.D1))
    payload = source.parse(request, response)
    split, dividend = payload.actions
    assert (split.kind, split.numerator, split.denominator) == ("split", 4, 1)
    assert split.effective == datetime(2020, 8, 31, 4, tzinfo=UTC) == payload.candles[0].open_time
    assert (dividend.kind, str(dividend.amount), dividend.currency) == ("dividend", "0.205", "USD")
    assert dividend.effective == datetime(2020, 11, 6, 5, tzinfo=UTC) == payload.candles[-1].open_time


@pytest.mark.parametrize("name", named(Refuses))
def test_what_is_no_answer_is_refused_with_its_type(name: str) -> None:
    """Errors of the vendors, and bodies of endpoints that are not asked, raise what the caller has to do."""
    expected = EXPECTATIONS[name]
    assert isinstance(expected, Refuses)
    source, request, response = replay(name, expected.asked)
    for read in (source.check, source.parse):
        with pytest.raises(expected.error) as error:
            read(request, response)
        if isinstance(error.value, MalformedPayloadError):
            assert error.value.reason == expected.reason
        if isinstance(error.value, SymbolUnavailableError):
            assert error.value.symbols == expected.symbols


@pytest.mark.parametrize("name", named(NotSpoken))
def test_what_nobody_speaks_says_why(name: str) -> None:
    """A recording is left out on purpose only."""
    expected = EXPECTATIONS[name]
    assert isinstance(expected, NotSpoken)
    assert expected.reason
