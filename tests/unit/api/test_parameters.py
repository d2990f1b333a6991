"""Parameters are taken in exactly one form; everything else is a 400 that names the parameter."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflow.api.parameters import (
    MAX_SYMBOLS,
    CandleBatchParameters,
    CandlesParameters,
    NoParameters,
    PricesParameters,
    SymbolsParameters,
    read,
)
from marketflow.domain.interval import Interval
from marketflow.domain.reading import Layout
from marketflow.errors import RefusedError

pytestmark = pytest.mark.unit


def candles(**query: str) -> CandlesParameters:
    """The parameters of a request for BTCUSDT's candles, of one minute unless the query says otherwise."""
    return read(
        CandlesParameters,
        query={name: [value] for name, value in {"interval": "1m", **query}.items()},
        path={"symbol": "BTCUSDT"},
    )


def refusal(model: type[NoParameters], path: dict[str, str] | None = None, **query: str) -> RefusedError:
    """The error that these parameters cause."""
    with pytest.raises(RefusedError) as caught:
        read(model, query={name: [value] for name, value in query.items()}, path=path or {})
    assert caught.value.status == 400
    return caught.value


def test_defaults_are_what_the_contract_says() -> None:
    """Without anything but the interval: the newest 1,000 candles, as JSON numbers."""
    got = candles()
    assert (got.limit, got.format, got.quoted, got.start, got.end, got.cursor) == (
        1000,
        Layout.JSON,
        False,
        None,
        None,
        None,
    )


def test_order_follows_the_question() -> None:
    """With a start, candles run from there; without one, from the newest back; `order` overrules both."""
    assert candles().descending
    assert not candles(start="2026-01-01").descending
    assert not candles(order="asc").descending
    assert candles(start="2026-01-01", order="desc").descending


@pytest.mark.parametrize("interval", list(Interval))
def test_every_interval_is_known(interval: Interval) -> None:
    """All lengths of the contract are parameters, the minute and the month are not the same."""
    assert candles(interval=interval.value).interval is interval


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1)), st.integers(-840, 840))  # noqa: DTZ001 - the zone is drawn beside it
def test_any_rfc_3339_time_is_read_exactly(wall: datetime, offset: int) -> None:
    """A time with any offset is the same instant in UTC, to the microsecond."""
    moment = wall.replace(tzinfo=timezone(timedelta(minutes=offset)))
    got = candles(start=moment.isoformat()).start
    assert got == moment
    assert got.tzinfo is UTC


def test_a_date_is_its_midnight_in_utc() -> None:
    """Dates need no zone."""
    assert candles(start="2026-03-29").start == datetime(2026, 3, 29, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "1767225600",
        "2026-1-1",
        "2026-02-30",
        "2026-01-01T00:00:00",
        "2026-01-01T00:00:00 03:00",
        "2026-01-01 00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:00:60Z",
        "2026-W01-1",
        "20260101",
        "0001-01-01T00:00:00+14:00",
        "٢٠٢٦-٠١-٠١",
        "2026-01-01\n",
    ],
)
def test_a_time_in_any_other_form_is_refused(text: str) -> None:
    """Timestamps, local times, impossible dates and foreign digits are not guessed at."""
    error = refusal(CandlesParameters, {"symbol": "A"}, interval="1m", start=text)
    assert (error.code, error.parameter) == ("invalid_parameter", "start")


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"interval": "2m"}, "interval"),
        ({"interval": "1D"}, "interval"),
        ({"interval": ""}, "interval"),
        ({"limit": "0"}, "limit"),
        ({"limit": "10001"}, "limit"),
        ({"limit": "-1"}, "limit"),
        ({"limit": "1e3"}, "limit"),
        ({"limit": "1_000"}, "limit"),
        ({"limit": " 5"}, "limit"),
        ({"limit": "9" * 5000}, "limit"),
        ({"order": "ASC"}, "order"),
        ({"format": "xml"}, "format"),
        ({"numbers": "float"}, "numbers"),
        ({"cursor": "x" * 401}, "cursor"),
        ({"start": "2026-01-02", "end": "2026-01-01"}, "end"),
        ({"start": "2026-01-02", "end": "2026-01-02"}, "end"),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(query: dict[str, str], parameter: str) -> None:
    """The problem names the parameter that is to blame."""
    error = refusal(CandlesParameters, {"symbol": "A"}, **{"interval": "1m", **query})
    assert (error.code, error.parameter) == ("invalid_parameter", parameter)
    assert error.detail.startswith(f"{parameter}: ")


@pytest.mark.parametrize("text", ["yes", "1", "True", "", "on"])
def test_only_true_and_false_are_truths(text: str) -> None:
    """What pydantic would take for a boolean is not what the documentation says."""
    assert refusal(SymbolsParameters, active=text).parameter == "active"


def test_text_must_be_printable() -> None:
    """A NUL, which Postgres cannot even receive, and half a surrogate pair are refused."""
    for text in ("a\x00b", "\ud800", "a\nb"):
        assert refusal(SymbolsParameters, q=text).parameter == "q"


def test_an_unknown_parameter_is_refused_with_those_that_are_known() -> None:
    """A misspelt parameter is an error, and the answer says what would have been right."""
    error = refusal(CandlesParameters, {"symbol": "A"}, interval="1m", limits="5")
    assert (error.code, error.parameter) == ("unknown_parameter", "limits")
    assert "limit, " in error.detail
    assert "symbol" not in error.detail
    assert refusal(NoParameters, x="1").detail == "x is not a parameter; this path takes none."


def test_a_parameter_of_the_path_is_not_one_of_the_query() -> None:
    """`?symbol=B` cannot overrule the symbol in the path."""
    assert refusal(CandlesParameters, {"symbol": "A"}, interval="1m", symbol="B").code == "unknown_parameter"


def test_a_missing_parameter_is_named() -> None:
    """The interval has no default: nobody should get another one than expected."""
    error = refusal(CandlesParameters, {"symbol": "A"})
    assert (error.code, error.parameter) == ("missing_parameter", "interval")


def test_a_repeated_parameter_is_refused() -> None:
    """Which of two values was meant is not guessed."""
    with pytest.raises(RefusedError) as caught:
        read(PricesParameters, query={"symbols": ["A", "B"]}, path={})
    assert (caught.value.code, caught.value.parameter) == ("repeated_parameter", "symbols")


def test_symbols_come_once_each_in_the_order_given() -> None:
    """A name given twice is answered once."""
    assert read(PricesParameters, query={"symbols": ["B,A,B"]}, path={}).symbols == ("B", "A")


@pytest.mark.parametrize("symbols", ["", "A,", ",A", "A,,B", ",".join(["A"] * (MAX_SYMBOLS + 1))])
def test_an_empty_or_endless_list_is_refused(symbols: str) -> None:
    """Lists have no empty entries and a bounded length, counted before duplicates are dropped."""
    assert refusal(PricesParameters, symbols=symbols).parameter == "symbols"
    assert refusal(CandleBatchParameters, symbols=symbols, interval="1m").parameter == "symbols"


@given(st.dictionaries(st.text(), st.lists(st.text(), min_size=1, max_size=2), max_size=3))
def test_no_query_causes_anything_but_a_refusal(query: dict[str, list[str]]) -> None:
    """Whatever the query holds, it is read or refused with a 400."""
    for model in (CandleBatchParameters, SymbolsParameters, PricesParameters, NoParameters):
        try:
            read(model, query=query, path={})
        except RefusedError as error:
            assert error.status == 400  # noqa: PT017 - reading without an error is right as well
