"""Yahoo's events: dividends and splits, on their date and to the digit, and what is none of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from marketflow.domain.records import ActionKind, ParsedPayload
from tests.unit.sources.support import ChartBody, Sample, read_chart, sample

pytestmark = pytest.mark.unit

OPEN = 1772438400  # 2026-03-02 08:00 in London, the open of the fixture's first session
DATE = datetime(2026, 3, 2, tzinfo=UTC)
CLOCK = OPEN + 5 * 86_400


@pytest.fixture
def days() -> Sample:
    """Daily candles of a London share."""
    return sample("yahoo", "chart_1d")


def read(case: Sample, events: object) -> ParsedPayload:
    """What is read in the fixture with these events."""
    body = ChartBody(case)
    body.result["events"] = events
    return read_chart(case, body, clock=CLOCK)


def one_split(numerator: object, denominator: object) -> dict[str, Any]:
    """Events with one split."""
    return {"splits": {str(OPEN): {"date": OPEN, "numerator": numerator, "denominator": denominator}}}


def one_dividend(amount: object, **more: object) -> dict[str, Any]:
    """Events with one dividend."""
    return {"dividends": {str(OPEN): {"date": OPEN, "amount": amount, **more}}}


def test_an_action_is_effective_from_the_first_candle_that_has_it(days: Sample) -> None:
    """Its time is the midnight of its date at the exchange, as the day's candle has it: both share one rule."""
    payload = days.source.parse(days.request, days.response())
    [action] = payload.actions
    assert action.effective == payload.candles[0].open_time == DATE
    assert (action.kind, action.source_symbol, action.position) == (ActionKind.DIVIDEND, "VOD.L", -2)


@pytest.mark.parametrize(
    ("amount", "more", "expected", "currency"),
    [
        (2.25, {}, "0.0225", "GBP"),  # in the unit of the prices, which is pence
        (0.0225, {"currency": "GBP"}, "0.0225", "GBP"),  # in a unit of its own
        (0.205, {"currency": "USD"}, "0.205", "USD"),
        (0.20499999821186066, {"currency": "USD"}, "0.205", "USD"),  # a widened float32
        (3, {"currency": ""}, "0.03", "GBP"),
    ],
)
def test_an_amount_is_exact_and_in_a_major_unit(
    days: Sample, amount: object, more: dict[str, str], expected: str, currency: str
) -> None:
    """Minor units are shifted, the noise of a float32 goes, and a payer's own currency stays his."""
    [action] = read(days, one_dividend(amount, **more)).actions
    assert (str(action.amount), action.currency) == (expected, currency)
    assert (action.numerator, action.denominator) == (None, None)


@pytest.mark.parametrize(
    ("numerator", "denominator", "expected"),
    [
        (4, 1, ("4", "1")),
        (4.0, 1.0, ("4", "1")),
        (1, 10, ("1", "10")),
        (1.5, 1, ("1.5", "1")),
        (1021, 1000, ("1021", "1000")),
    ],
)
def test_a_ratio_has_its_two_sides(
    days: Sample, numerator: object, denominator: object, expected: tuple[str, str]
) -> None:
    """Whole numbers are whole, however they are written; a part of a share stays exact."""
    [action] = read(days, one_split(numerator, denominator)).actions
    assert (str(action.numerator), str(action.denominator)) == expected
    assert (action.amount, action.currency) == (None, None)


@pytest.mark.parametrize(
    ("events", "reasons"),
    [
        (one_dividend(None), ["not_a_number"]),
        (one_dividend("0.2"), ["not_a_number"]),
        (one_dividend(True), ["not_a_number"]),
        (one_dividend(float("nan")), ["not_a_number"]),
        (one_dividend(1e40), ["absurd_number"]),
        (one_dividend(1, currency=7), ["no_currency"]),
        (one_split(4, None), ["not_a_number"]),
        (one_split([4], 1), ["not_a_number"]),
        ({"splits": {"1": {"numerator": 4, "denominator": 1}}}, ["bad_time"]),
        ({"splits": {"1": {"date": OPEN + 9 * 86_400, "numerator": 4, "denominator": 1}}}, ["bad_time"]),
        ({"splits": {"1": None, "2": "4:1"}}, ["wrong_shape", "wrong_shape"]),
        ({"splits": [1], "dividends": "none"}, ["wrong_shape", "wrong_shape"]),
        ([], ["wrong_shape"]),
        (7, ["wrong_shape"]),
    ],
)
def test_what_is_no_action_costs_nothing_else(days: Sample, events: object, reasons: list[str]) -> None:
    """It is refused with its reason and a place of its own; every candle and the price are read as before."""
    payload = read(days, events)
    assert payload.actions == ()
    assert [refused.reason for refused in payload.rejects] == reasons
    assert [refused.position for refused in payload.rejects] == list(range(-2, -2 - len(reasons), -1))
    assert all(refused.source_symbol == "VOD.L" for refused in payload.rejects)
    assert (len(payload.candles), len(payload.prices)) == (3, 1)


def test_a_bad_event_leaves_the_others(days: Sample) -> None:
    """Each event stands for itself."""
    events = one_split(2, 1) | one_dividend("much")
    payload = read(days, events)
    assert [action.kind for action in payload.actions] == ["split"]
    assert [refused.reason for refused in payload.rejects] == ["not_a_number"]


@pytest.mark.parametrize("events", [None, {}, {"dividends": {}}, {"capitalGains": {"1": {"amount": 1, "date": OPEN}}}])
def test_no_events_are_no_actions(days: Sample, events: object) -> None:
    """Nothing happened, or something that is neither dividend nor split."""
    payload = read(days, events)
    assert (payload.actions, payload.rejects) == ((), ())


def test_events_without_a_row_are_read(days: Sample) -> None:
    """An answer of days without trades may still tell of a split."""
    body = ChartBody(days)
    body.rows()
    body.meta["regularMarketPrice"] = None
    body.result["events"] = one_split(4, 1)
    payload = read_chart(days, body, clock=CLOCK)
    assert (len(payload.candles), len(payload.prices), len(payload.actions)) == (0, 0, 1)


def test_events_are_not_cut_at_the_window(days: Sample) -> None:
    """The candles inside a window are adjusted for the splits behind it, so that these have to be known."""
    body = ChartBody(days)
    body.result["events"] = one_split(4, 1)
    request = days.request.model_copy(update={"start": datetime(2026, 2, 1, tzinfo=UTC), "end": DATE})
    payload = read_chart(days, body, clock=CLOCK, request=request)
    assert (len(payload.candles), len(payload.actions)) == (0, 1)
