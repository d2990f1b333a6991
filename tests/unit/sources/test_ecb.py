"""The ECB's reference rates by Frankfurter: what was published in a range, and on which days nothing was."""

from __future__ import annotations

import asyncio
import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from local.simulator.transport import transport
from marketflow.domain.coverage import Asked
from marketflow.domain.fetching import FetchRequest, FetchTask, RawResponse
from marketflow.domain.interval import Interval
from marketflow.domain.records import ParsedPayload
from marketflow.errors import MalformedPayloadError, RefusedError, RetryLaterError, SourceBlockedError
from marketflow.sources.catalog import CATALOG
from marketflow.sources.ecb import published_at
from marketflow.sources.factory import create
from tests.unit.simulator.support import world
from tests.unit.sources.support import Sample, sample

pytestmark = pytest.mark.unit

EASTER = sample("ecb", "rates_1d")


def day(text: str) -> datetime:
    """Midnight of a date, UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def request(start: str, end: str, *pairs: str, case: Sample = EASTER) -> FetchRequest:
    """The one request for what was published of `pairs` from one date to before another."""
    task = FetchTask(dataset="rates_1d", symbols=pairs, start=day(start), end=day(end))
    (built,) = case.source.build_requests(task, pairs, now=case.now, since=None)
    return built


def read(
    start: str, end: str, *pairs: str, body: object = None, status: int = 200, date: str | None = None
) -> ParsedPayload:
    """What is read in the fixture's answer, or another, to that request."""
    headers = {} if date is None else {"date": date}
    response = EASTER.response(body, status=status, **headers)
    asked = request(start, end, *pairs)
    EASTER.source.check(asked, response)
    return EASTER.source.parse(asked, response)


def rates(**days: dict[str, Any]) -> dict[str, Any]:
    """A range of days of January 2026, spelled d05, d06 and so on."""
    named = {f"2026-01-{name[1:]}": row for name, row in days.items()}
    return {"amount": 1.0, "base": "EUR", "start_date": "2026-01-01", "end_date": "2026-01-31", "rates": named}


def simulated(path: str, at: str, **params: str) -> RawResponse:
    """What the simulated Frankfurter answers to a path at a moment."""

    async def get() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport(world(day(at))), follow_redirects=True) as client:
            return await client.get(f"https://api.frankfurter.dev{path}", params=params)

    answer = asyncio.run(get())
    headers = {"content-type": answer.headers.get("content-type", ""), "date": answer.headers.get("date", "")}
    return RawResponse(status=answer.status_code, headers=headers, received_at=day(at), body=answer.content)


def test_pairs_are_crossed_over_the_euro_from_the_ecbs_own_digits() -> None:
    """With the euro as base nothing is rounded by Frankfurter; only a quotient is, to ten digits."""
    payload = read("2026-04-09", "2026-04-10", "EUR/USD", "USD/TRY", "USD/EUR")
    assert [(price.source_symbol, str(price.price), price.currency) for price in payload.prices] == [
        ("EUR/USD", "1.1641", "USD"),
        ("USD/TRY", "44.21441457", "TRY"),
        ("USD/EUR", "0.8590327291", "EUR"),
    ]


def test_a_rate_is_as_of_its_publication() -> None:
    """16:00 in Frankfurt, before which nobody could have used it: 15:00 UTC in winter and 14:00 in summer."""
    payload = read("2026-03-27", "2026-03-31", "EUR/USD")
    assert [price.as_of.isoformat() for price in payload.prices] == [
        "2026-03-27T15:00:00+00:00",
        "2026-03-30T14:00:00+00:00",
    ]


def test_one_request_has_every_pair_of_a_range_and_an_end() -> None:
    """The base is the euro and the amount one, which is never among the symbols."""
    built = request("2026-01-05", "2026-02-05", "EUR/TRY", "USD/TRY", "EUR/USD")
    assert (built.path, dict(built.params)) == (
        "/v1/2026-01-05..2026-02-04",
        {"base": "EUR", "symbols": "TRY,USD"},
    )
    assert (built.start, built.end, built.interval) == (day("2026-01-05"), day("2026-02-05"), Interval.D1)


def test_no_request_asks_for_so_much_that_averages_come_back() -> None:
    """Versions of Frankfurter answered ranges of 91 days and more with one average a week, and without a word."""
    task = FetchTask(dataset="rates_1d", symbols=("EUR/USD",), start=day("2020-01-01"), end=day("2026-01-01"))
    built = EASTER.source.build_requests(task, ["EUR/USD"], now=EASTER.now, since=None)
    spans = [tuple(datetime.fromisoformat(text) for text in one.path[4:].split("..")) for one in built]
    assert len(built) == 25
    assert max(last - first for first, last in spans) <= timedelta(days=90)


def test_the_end_of_a_request_is_never_later_than_the_servers_day() -> None:
    """Its today is UTC, whatever the ECB's clock says."""
    now = datetime(2026, 1, 5, 23, 30, tzinfo=UTC)
    task = FetchTask(dataset="rates_1d", start=day("2026-01-01"), end=day("2026-01-09"))
    (built,) = EASTER.source.build_requests(task, ["EUR/USD"], now=now, since=None)
    assert built.path == "/v1/2026-01-01..2026-01-05"


@pytest.mark.parametrize("pair", ["USD/AED", "SAR/EUR", "USD/SAR", "AED/SAR"])
def test_a_currency_that_the_ecb_does_not_have_is_refused(pair: str) -> None:
    """By its name, before anything is asked: the server would answer as if there were no publications."""
    with pytest.raises(RefusedError, match=next(code for code in pair.split("/") if code in {"AED", "SAR"})) as error:
        request("2026-01-05", "2026-02-05", "EUR/USD", pair)
    assert error.value.code == "symbol_not_available"


def test_the_newest_rates_leave_out_what_the_ecb_does_not_have() -> None:
    """When nobody named a pair, those that there are are asked for."""
    (built,) = EASTER.source.build_requests(EASTER.task, ["USD/AED", "EUR/USD"], now=EASTER.now, since=None)
    assert built.symbols == ("EUR/USD",)
    assert EASTER.source.build_requests(EASTER.task, ["USD/AED"], now=EASTER.now, since=None) == []


def test_days_without_a_publication_are_closed() -> None:
    """Weekends, Good Friday and Easter Monday follow from the answer: no calendar is needed."""
    payload = read("2026-04-01", "2026-04-09", "EUR/USD")
    assert [price.as_of.date().isoformat() for price in payload.prices] == [
        "2026-04-01",
        "2026-04-02",
        "2026-04-07",
        "2026-04-08",
    ]
    assert payload.asked == (
        Asked(
            "EUR/USD",
            Interval.D1,
            fetched=((day("2026-04-01"), day("2026-04-03")), (day("2026-04-07"), day("2026-04-09"))),
            closed=((day("2026-04-03"), day("2026-04-07")),),
        ),
    )


def test_what_a_cache_may_have_missed_is_not_closed() -> None:
    """Of the days behind the last one in the answer only those count that are two days old: a cache may be one."""
    without = copy.deepcopy(EASTER.body)
    for missing in ("2026-04-07", "2026-04-08", "2026-04-09"):
        del without["rates"][missing]
    payload = read("2026-04-01", "2026-04-10", "EUR/USD", body=without)
    assert payload.asked[0].closed == ((day("2026-04-03"), day("2026-04-08")),)


def test_todays_rate_is_neither_there_nor_closed_before_its_time() -> None:
    """An answer of a quarter to four in Frankfurt says nothing of today, even if it came with a rate."""
    payload = read("2026-04-08", "2026-04-10", "EUR/USD", date="Thu, 09 Apr 2026 13:45:00 GMT")
    assert [price.as_of.date().isoformat() for price in payload.prices] == ["2026-04-08"]
    assert payload.asked == (Asked("EUR/USD", Interval.D1, fetched=((day("2026-04-08"), day("2026-04-09")),)),)


def test_the_publication_before_the_window_is_dropped() -> None:
    """Some deployments begin a range with the business day before it."""
    payload = read("2026-04-04", "2026-04-08", "EUR/USD")
    assert [price.as_of.date().isoformat() for price in payload.prices] == ["2026-04-07"]
    assert payload.asked[0].closed == ((day("2026-04-04"), day("2026-04-07")),)


def test_windows_that_follow_one_another_share_no_rate() -> None:
    """A rate belongs to the window in which it was published, also when windows begin in the middle of a day."""
    cut = datetime(2026, 4, 8, 14, tzinfo=UTC)
    found = []
    for start, end in ((cut - timedelta(days=1), cut), (cut, cut + timedelta(days=1))):
        task = FetchTask(dataset="rates_1d", symbols=("EUR/USD",), start=start, end=end)
        (built,) = EASTER.source.build_requests(task, ["EUR/USD"], now=EASTER.now, since=None)
        payload = EASTER.source.parse(built, EASTER.response())
        found.append([price.as_of.date().isoformat() for price in payload.prices])
    assert found == [["2026-04-07"], ["2026-04-08"]]


def test_a_currency_that_begins_later_has_closed_days_before() -> None:
    """The rupee has rates from 13 January 2000 on, and the rest of the answer is none of its business."""
    body = rates(d05={"USD": 1.1}, d06={"USD": 1.2, "INR": 100.5})
    payload = read("2026-01-05", "2026-01-07", "EUR/INR", "USD/INR", "EUR/USD", body=body)
    assert [(price.source_symbol, str(price.price)) for price in payload.prices] == [
        ("EUR/USD", "1.1"),
        ("EUR/INR", "100.5"),
        ("USD/INR", "83.75"),
        ("EUR/USD", "1.2"),
    ]
    assert [asked.closed for asked in payload.asked] == [((day("2026-01-05"), day("2026-01-06")),)] * 2 + [()]


def test_a_suspended_currency_is_closed_to_the_end() -> None:
    """The ruble has had no rate since March 2022; its answer is that of a range without publications."""
    answer = simulated("/v1/2025-12-01..2025-12-31", "2026-01-05T18:00", symbols="RUB")
    asked = request("2025-12-01", "2026-01-01", "EUR/RUB")
    payload = EASTER.source.parse(asked, answer)
    assert (answer.status, payload.prices) == (404, ())
    assert payload.asked == (Asked("EUR/RUB", Interval.D1, closed=((day("2025-12-01"), day("2026-01-01")),)),)


@pytest.mark.parametrize("row", [{"USD": "1.1"}, {"USD": None}, {"USD": 0}, {"USD": -1.1}, {"USD": True}])
def test_a_rate_that_is_no_number_is_refused_for_its_day_alone(row: dict[str, Any]) -> None:
    """The other days of the answer are data."""
    payload = read("2026-01-05", "2026-01-08", "EUR/USD", body=rates(d05={"USD": 1.1}, d06=row, d07={"USD": 1.2}))
    assert len(payload.prices) == 2
    (reject,) = payload.rejects
    assert (reject.reason, reject.open_time) in {
        ("not_a_number", day("2026-01-06")),
        ("not_positive", day("2026-01-06")),
    }


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"base": "USD"}, "wrong_base"),
        ({"amount": 10.0}, "wrong_amount"),
        ({"rates": []}, "wrong_shape"),
        ({"rates": {"2026-01-05": 1.1}}, "wrong_shape"),
        ({"rates": {"20260105": {"USD": 1.1}}}, "bad_time"),
        ({"rates": {"2026-02-30": {"USD": 1.1}}}, "bad_time"),
        ({"rates": {"0001-01-01": {"USD": 1.1}}}, "bad_time"),
        ({"rates": {"9999-12-31": {"USD": 1.1}}}, "bad_time"),
    ],
)
def test_an_answer_to_another_question_is_no_data(change: dict[str, Any], reason: str) -> None:
    """Rates of another base or amount would be wrong by a factor, and days that are none belong nowhere."""
    for judge in (EASTER.source.check, EASTER.source.parse):
        with pytest.raises(MalformedPayloadError) as error:
            judge(EASTER.request, EASTER.response(EASTER.body | change))
        assert error.value.reason == reason


def test_carry_back_keeps_the_date_that_was_published() -> None:
    """Asked for Christmas Day, Frankfurter answers with the rates of the day before, and says so."""
    answer = simulated("/v1/2025-12-25", "2026-01-05T18:00", symbols="USD")
    payload = EASTER.source.parse(request("2025-12-24", "2025-12-26", "EUR/USD"), answer)
    assert [price.as_of for price in payload.prices] == [published_at(day("2025-12-24").date())]
    assert EASTER.source.parse(request("2025-12-25", "2025-12-26", "EUR/USD"), answer).prices == ()


def test_a_weekend_without_publication_is_404_and_complete() -> None:
    """It is an answer: nothing was published, and nothing is missing."""
    answer = simulated("/v1/2026-01-03..2026-01-04", "2026-01-07T12:00", symbols="USD")
    asked = request("2026-01-03", "2026-01-05", "EUR/USD")
    assert answer.status == 404
    EASTER.source.check(asked, answer)
    assert EASTER.source.parse(asked, answer) == ParsedPayload(
        asked=(Asked("EUR/USD", Interval.D1, closed=((day("2026-01-03"), day("2026-01-05")),)),)
    )


@pytest.mark.parametrize(
    "body", [{"status": 404, "message": "not found"}, {"message": "no such route"}, {}, {"error": "x"}]
)
def test_another_404_is_an_error(body: dict[str, Any]) -> None:
    """An address that is not served any more must not look like years without a publication."""
    with pytest.raises(MalformedPayloadError) as error:
        read("2026-01-03", "2026-01-05", "EUR/USD", body=body, status=404)
    assert error.value.reason == "request_refused"


@pytest.mark.parametrize(
    ("path", "params", "message"),
    [
        ("/v1/2026-01-05..2026-01-06", {"base": "USD", "symbols": "USD"}, "bad currency pair"),
        ("/v1/2026-01-05..2026-01-06", {"amount": "0"}, "invalid amount"),
        ("/v1/2026-13-01..2026-13-02", {}, "invalid date"),
    ],
)
def test_422_is_refused_in_the_servers_words(path: str, params: dict[str, str], message: str) -> None:
    """It says what of the request was wrong; asking again would say the same."""
    answer = simulated(path, "2026-01-07T12:00", **params)
    with pytest.raises(MalformedPayloadError, match=message) as error:
        EASTER.source.check(EASTER.request, answer)
    assert (answer.status, error.value.reason) == (422, "request_refused")


def test_the_old_address_redirects_and_is_followed() -> None:
    """api.frankfurter.app sends clients on to api.frankfurter.dev; where nobody follows, it is to be asked again."""

    def answer(got: httpx.Request) -> httpx.Response:
        if got.url.host == "api.frankfurter.app":
            place = f"https://api.frankfurter.dev{got.url.raw_path.decode()}"
            return httpx.Response(301, headers={"location": place, "content-type": "text/html"})
        assert got.url.path == "/v1/2026-04-09..2026-04-09"
        return httpx.Response(200, json=EASTER.body, headers={"date": EASTER.headers["date"]})

    async def fetch() -> RawResponse:
        old = create("ecb", base_urls=["https://api.frankfurter.app"])
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer), follow_redirects=True) as client:
            return await old.fetch(client, request("2026-04-09", "2026-04-10", "EUR/USD"))

    got = asyncio.run(fetch())
    assert len(EASTER.source.parse(request("2026-04-09", "2026-04-10", "EUR/USD"), got).prices) == 1
    moved = EASTER.response(b"", status=301, content_type="text/html")
    with pytest.raises(RetryLaterError):
        EASTER.source.check(EASTER.request, moved)


@pytest.mark.parametrize("status", [403, 451])
def test_a_refusal_of_the_server_says_what_to_do(status: int) -> None:
    """A firewall is nothing that asking again would mend."""
    with pytest.raises(SourceBlockedError, match=str(status)):
        EASTER.source.check(EASTER.request, EASTER.response(b"no", status=status, content_type="text/html"))


def test_it_supplies_the_past_of_a_source_that_has_none() -> None:
    """It has the currencies of the reference rates since they began, and is asked on request only."""
    spec = CATALOG["ecb"]
    assert spec.supplies == "exchangerate"
    assert (spec.schedules, spec.freshness_target_seconds) == ((), 0)
    assert len(spec.currencies) == len(set(spec.currencies)) == 33
    assert "European Central Bank" in spec.attribution
    assert "frankfurter.dev" in spec.attribution
    assert not create("exchangerate").histories
    assert create("ecb").histories[Interval.D1].since == day("1999-01-04")
