"""The past of currencies: from the simulated Frankfurter over adapter and ETL to what the API says of it."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.simulator.calendars import TARGET
from marketflow.domain.fetching import RawResponse
from marketflow.domain.interval import Interval
from marketflow.domain.jobs import JobKind, NewJob, Part
from marketflow.domain.loading import LoadResult
from marketflow.persistence.connection import Database
from marketflow.persistence.jobs import JobBook
from marketflow.sources.ecb import published_at
from marketflow.sources.factory import create
from tests.integration.api.conftest import RealClient
from tests.integration.test_coverage import Flow
from tests.unit.api.market import Client, follow
from tests.unit.simulator.support import utc
from tests.unit.sources.support import sample

pytestmark = pytest.mark.integration

START, END = utc("2025-01-01T00:00"), utc("2026-01-01T00:00")
BUSINESS = [
    day
    for day in (START + timedelta(days=number) for number in range(365))
    if day.weekday() < 5 and not TARGET.closed(day.date())
]
PAST = "/v1/prices/USDTRY/history"


@pytest.fixture
def flow(database: Database) -> Flow:
    """A deployment on a Monday after New Year."""
    flow = Flow(database)
    flow.now = utc("2026-01-05T12:00")
    return flow


@pytest.fixture
def client(reader: Database) -> Client:
    """The API over the same database."""
    return RealClient(database=reader)


def everything(database: Database) -> list[list[Any]]:
    """Every rate with the answer that it comes from, and the days for which answers are complete."""
    return database.query("SELECT p::text FROM prices p UNION ALL SELECT f::text FROM fetched_ranges f ORDER BY 1")


def test_a_year_has_a_rate_on_every_business_day_and_no_gap(flow: Flow) -> None:
    """Weekends and the six TARGET holidays are not expected, because nothing was published on them."""
    flow.fetch("rates_1d", ["EUR/USD", "USD/TRY"], window=(START, END))
    for name in ("EURUSD", "USDTRY"):
        answer = flow.coverage(name, interval=Interval.D1, start=START, end=END)
        assert (answer.expected, answer.present, answer.gaps) == (len(BUSINESS), 255, ())
    closed = flow.coverage("EURUSD", interval=Interval.D1, start=START, end=END, closed=True)
    assert (
        len(closed.gaps) == 52 + 2
    )  # the weekends, of which Easter and Christmas have more days; New Year, Labour Day
    days = flow.database.query(
        "SELECT p.as_of FROM prices p JOIN symbols s ON s.id = p.symbol_id WHERE s.symbol = 'EURUSD' ORDER BY 1"
    )
    assert [as_of for (as_of,) in days] == [published_at(day.date()) for day in BUSINESS]


def test_what_was_never_asked_for_can_be_had(flow: Flow) -> None:
    """Without the past a day is not fetched and a backfill gets it, of currencies that the ECB has."""
    window = (utc("2025-12-01T00:00"), utc("2025-12-08T00:00"))
    week = {"interval": Interval.D1, "start": window[0], "end": window[1]}
    assert flow.told("USDTRY", **week) == [("01 00:00", "08 00:00", 7, "not_fetched", "on_request")]
    flow.fetch("rates_1d", ["USD/TRY"], window=window)
    assert flow.told("USDTRY", **week) == []
    flow.database.query("UPDATE symbols SET base_currency = 'AED' WHERE symbol = 'EURTRY'")
    assert flow.told("EURTRY", **week) == [("01 00:00", "08 00:00", 7, "not_fetched", "not_possible")]


def test_days_of_its_own_source_stay_one_a_day(flow: Flow) -> None:
    """Who watched ExchangeRate since Friday has missed Saturday, whatever the ECB does on a Saturday."""
    for now in ("2025-12-12T06:00", "2025-12-14T06:00"):
        flow.now = utc(now)
        flow.fetch("latest", ["USD/TRY"])
    flow.now = utc("2025-12-19T12:00")
    flow.fetch("rates_1d", ["USD/TRY"], window=(utc("2025-12-01T00:00"), utc("2025-12-15T00:00")))
    answer = flow.coverage("USDTRY", interval=Interval.D1, start=utc("2025-12-06T00:00"), end=utc("2025-12-15T00:00"))
    assert (answer.expected, answer.present) == (4 + 3, 4 + 2)
    (gap,) = answer.gaps
    assert (gap.start, gap.missing, gap.reason, gap.repair) == (
        utc("2025-12-13T00:00"),
        1,
        "not_fetched",
        "not_possible",
    )


def test_a_rate_says_who_published_it(flow: Flow, client: Client) -> None:
    """Two publishers in one series are told apart on every row, in the latest price, and in a conversion."""
    flow.now = utc("2025-12-12T06:00")
    flow.fetch("latest", ["USD/TRY"])
    flow.now = utc("2025-12-19T12:00")
    flow.fetch("rates_1d", ["USD/TRY"], window=(utc("2025-12-11T00:00"), utc("2025-12-13T00:00")))
    rows = client.get(PAST).json
    assert [(row["as_of"], row["source"]) for row in rows] == [
        ("2025-12-12T15:00:00Z", "ecb"),
        ("2025-12-12T00:02:33Z", "exchangerate"),
        ("2025-12-11T15:00:00Z", "ecb"),
    ]
    assert [line.split(",")[2] for line in client.get(PAST, format="csv").body.splitlines()[1:]] == [
        "ecb",
        "exchangerate",
        "ecb",
    ]
    assert [row["as_of"] for row in client.get(PAST, source="exchangerate").json] == [rows[1]["as_of"]]
    first = client.get(PAST, source="ecb", limit="1")
    assert first.json == rows[:1]
    path, query = follow(first.headers["Link"])
    assert client.get(path, **query).json == rows[2:]
    assert client.get(PAST, source="yahoo").json == []
    latest = client.get("/v1/prices/USDTRY").json
    assert (latest["as_of"], latest["source"], latest["price"]) == (rows[0]["as_of"], "ecb", rows[0]["price"])
    legs = {}
    for at in ("2025-12-12T14:59:59Z", "2025-12-12T15:00:00Z"):
        (leg,) = client.get("/v1/convert", **{"from": "USD", "to": "TRY", "at": at}).json["legs"]
        legs[at[11:16]] = (leg["source"], leg["as_of"])
    assert legs == {
        "14:59": ("exchangerate", "2025-12-12T00:02:33Z"),
        "15:00": ("ecb", "2025-12-12T15:00:00Z"),
    }
    assert [row[0] for row in flow.database.query("SELECT source FROM source_status ORDER BY 1")] == [
        "ecb",
        "exchangerate",
    ]


def test_answers_of_both_publishers_come_to_the_same_in_any_order(
    flow: Flow, database: Database, owner: Database
) -> None:
    """Neither ever takes the place of the other, and what is known of days is a union."""

    def publication() -> None:
        flow.now = utc("2025-12-12T06:00")
        flow.fetch("latest", ["USD/TRY", "EUR/USD"])

    def first() -> None:
        flow.now = utc("2025-12-19T12:00")
        flow.fetch("rates_1d", ["USD/TRY"], window=(utc("2025-12-01T00:00"), utc("2025-12-13T00:00")))

    def second() -> None:
        flow.now = utc("2025-12-20T12:00")
        flow.fetch("rates_1d", ["USD/TRY", "EUR/USD"], window=(utc("2025-12-10T00:00"), utc("2025-12-20T00:00")))

    found = []
    for order in itertools.permutations((publication, first, second)):
        owner.query("TRUNCATE prices, fetched_ranges, raw_objects, source_status")
        for answer in (*order, order[0]):
            answer()
        found.append(everything(database))
    assert all(one == found[0] for one in found)
    assert len(found[0]) == 10 + 5 + 8 + 2 + 2


def test_a_currency_that_began_later_is_closed_before(flow: Flow, database: Database) -> None:
    """The ECB has rupees since 13 January 2000: the days before are none that are missing."""
    database.query("UPDATE symbols SET source_symbol = 'EUR/INR', quote_currency = 'INR' WHERE symbol = 'EURTRY'")
    flow.fetch("rates_1d", ["EUR/INR"], window=(utc("2000-01-03T00:00"), utc("2000-01-18T00:00")))
    answer = flow.coverage("EURTRY", interval=Interval.D1, start=utc("2000-01-03T00:00"), end=utc("2000-01-18T00:00"))
    assert (answer.expected, answer.present, answer.gaps) == (3, 3, ())


def test_a_refused_rate_is_the_one_day_that_is_quarantined(flow: Flow) -> None:
    """The rest of the answer is loaded and settled."""
    case = sample("ecb", "rates_1d")
    body = json.loads(json.dumps(case.body))
    body["rates"]["2026-04-07"]["USD"] = 0
    flow.now = utc("2026-04-09T16:30")
    response = case.response(body).model_copy(update={"received_at": flow.now})
    flow.load(case.request.model_copy(update={"symbols": ("EUR/USD", "EUR/TRY")}), response)
    start, end = utc("2026-03-27T00:00"), utc("2026-04-09T00:00")
    assert flow.told("EURUSD", interval=Interval.D1, start=start, end=end) == [
        ("07 00:00", "08 00:00", 1, "quarantined", "on_request")
    ]
    assert flow.told("EURTRY", interval=Interval.D1, start=start, end=end) == []


def test_a_backfill_of_rates_is_counted_in_rates(database: Database) -> None:
    """Prices are all that there is of currencies; of others a price that comes along is not what was asked for."""
    book = JobBook(database)
    result = LoadResult(prices_written=60, prices_unchanged=3)
    for symbol, source, rows in (("USDTRY", "ecb", 63), ("AAPL", "yahoo", 0)):
        book.create(
            NewJob(
                id=symbol,
                kind=JobKind.BACKFILL,
                source=source,
                symbol=symbol,
                interval=Interval.D1,
                start=START,
                end=END,
                parts=1,
            )
        )
        book.part_loaded(Part(job=symbol, number=0, subject="a/b"), raw_key="raw/x", result=result)
        counts = json.loads(book.one(JobKind.BACKFILL, symbol) or "{}")["counts"]
        assert (counts["rows"], counts["stored"], counts["empty"]) == (rows, int(rows > 0), int(rows == 0))


def test_a_range_without_a_publication_is_an_answer_without_rows(flow: Flow, database: Database) -> None:
    """Frankfurter answers 404; nothing is refused, and the days are closed."""
    source = create("ecb")
    asked = sample("ecb", "rates_1d").request.model_copy(
        update={"symbols": ("EUR/USD",), "start": utc("2026-01-03T00:00"), "end": utc("2026-01-05T00:00")}
    )
    flow.now = datetime(2026, 1, 9, tzinfo=UTC)
    nothing = RawResponse(status=404, headers={}, received_at=flow.now, body=b'{"message":"not found"}')
    source.check(asked, nothing)
    flow.load(asked, nothing)
    assert database.query("SELECT count(*) FROM quarantine") == [[0]]
    answer = flow.coverage("EURUSD", interval=Interval.D1, start=asked.start, end=asked.end)
    assert (answer.expected, answer.gaps) == (0, ())


def test_the_fourth_source_is_listed_and_never_stale(flow: Flow, client: Client) -> None:
    """It is asked on request only, so that no age of its data is a fault."""
    for _ in range(2):
        (ready,) = (one for one in client.get("/v1/ready").json["sources"] if one["source"] == "ecb")
        (listed,) = (one for one in client.get("/v1/sources").json if one["source"] == "ecb")
        assert (ready["stale"], listed["stale"], listed["freshness_target_seconds"]) == (False, False, 0)
        flow.fetch("rates_1d", ["USD/TRY"], window=(utc("2025-12-01T00:00"), utc("2025-12-05T00:00")))
    assert ready["newest_data_at"] == "2025-12-04T15:00:00Z"
