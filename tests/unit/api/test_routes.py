"""Each endpoint answers what section 5 of the contract promises."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.api.market import BINANCE, NOON, Client, FakeReader, follow, minutes

pytestmark = pytest.mark.unit


def client(*names: str, count: int = 5, **market: object) -> Client:
    """A client of a market with minute candles of these symbols."""
    return Client(reader=FakeReader(candle_times={name: minutes(count) for name in names}, **market))  # type: ignore[arg-type]


def walk(one: Client, path: str, **query: str) -> list[list[dict[str, str]]]:
    """Every page, by following the Link headers."""
    pages = []
    answer = one.get(path, **query)
    while len(pages) < 100:
        assert answer.status == 200, answer.body
        pages.append(answer.json)
        if "Link" not in answer.headers:
            return pages
        path, query = follow(answer.headers["Link"])
        answer = one.get(path, **query)
    pytest.fail("the Link headers never end")


def test_ready_shows_the_lag_of_each_source() -> None:
    """A migrated database is ready; the sources' lag is told and does not change that."""
    answer = client().get("/v1/ready")
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json == {
        "status": "ready",
        "database": "ok",
        "migrations": {"current": True, "revision": "head", "expected": "head"},
        "sources": [{"source": "binance", "stale": False}],
    }


@pytest.mark.parametrize("revision", [None, "0000"])
def test_an_old_schema_is_not_ready(revision: str | None) -> None:
    """A database without migrations, or with older ones, is a 503 that says which are there."""
    answer = client(revision=revision).get("/v1/ready")
    assert (answer.status, answer.json["code"]) == (503, "migrations_pending")
    assert answer.json["migrations"] == {"current": False, "revision": revision, "expected": "head"}
    assert answer.json["sources"]


def test_sources_say_on_what_terms_their_data_may_be_used() -> None:
    """Every source of the catalogue is told of, also one that never reported; ages change, so nothing is kept."""
    answer = client().get("/v1/sources")
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
    (source,) = answer.json
    assert (source["source"], source["last_success_at"]) == ("binance", None)
    assert source["attribution"] == BINANCE.attribution
    assert source["terms_url"] == BINANCE.terms_url


def test_symbols_are_paged_by_name() -> None:
    """Pages follow one another without a gap or a repetition; the last one has no Link."""
    pages = walk(client("C", "A", "E", "B", "D"), "/v1/symbols", limit="2")
    assert [[one["symbol"] for one in page] for page in pages] == [["A", "B"], ["C", "D"], ["E"]]


def test_a_symbol_that_does_not_exist_is_404() -> None:
    """The problem names the parameter and what was looked for."""
    answer = client("A").get("/v1/symbols/NOPE")
    assert (answer.status, answer.json["code"], answer.json["parameter"]) == (404, "symbol_not_found", "symbol")
    assert "'NOPE'" in answer.json["detail"]


@pytest.mark.parametrize("path", ["/v1/symbols/{}", "/v1/prices/{}", "/v1/prices/{}/history", "/v1/candles/{}"])
@pytest.mark.parametrize("name", ["%00", "A%2CB", "%F0%9F%92%A9", "A%20B", "%ED%A0%80", "A" * 41])
def test_a_name_that_no_symbol_can_have_is_not_asked_for(path: str, name: str) -> None:
    """Names with control characters, commas or blanks are unknown; the database never sees them."""
    one = client("A")
    query = {"interval": "1m"} if "candles" in path else {}
    answer = one.get(path.format(name), **query)
    assert (answer.status, answer.json["code"]) == (404, "symbol_not_found")
    assert not set(one.reader.asked)


def test_prices_come_in_the_order_asked_with_problems_in_place() -> None:
    """An unknown symbol, one without a price and an impossible name are items, not a failed batch."""
    one = client("A", "B", "C", price_texts={"A": "0.00000812", "C": "1.10"})
    answer = one.get("/v1/prices", symbols="C,NOPE,B,A,\x00")
    assert answer.status == 200
    assert answer.body.startswith('[{"symbol":"C","price":1.10},{')
    assert answer.body.count('{"symbol":"A","price":0.00000812}') == 1
    items = answer.json
    assert [item["symbol"] for item in items] == ["C", "NOPE", "B", "A", "\x00"]
    assert [item.get("problem", {}).get("code") for item in items] == [
        None,
        "symbol_not_found",
        "price_not_found",
        None,
        "symbol_not_found",
    ]
    assert items[1]["problem"].keys() == {"type", "title", "status", "detail", "code"}
    assert answer.headers["Cache-Control"] == "no-store"


def test_one_price_is_an_object_or_a_404() -> None:
    """The single endpoint has a problem where the batch has an item."""
    one = client("A", "B", price_texts={"A": "100.50"})
    assert one.get("/v1/prices/A").body == '{"symbol":"A","price":100.50}'
    assert one.get("/v1/prices/A", numbers="string").body == '{"symbol":"A","price":"100.50"}'
    assert one.get("/v1/prices/B").json["code"] == "price_not_found"
    assert one.get("/v1/prices/NOPE").json["code"] == "symbol_not_found"


@given(limit=st.integers(1, 7), order=st.sampled_from(["asc", "desc"]), count=st.integers(0, 12))
def test_candles_are_paged_to_the_end(limit: int, order: str, count: int) -> None:
    """Following Link gives every candle of the range once and in order, whatever the page's size."""
    one = client("A", count=count)
    pages = walk(one, "/v1/candles/A", interval="1m", limit=str(limit), order=order)
    got = [candle["open_time"] for page in pages for candle in page]
    expected = [f"{time:%Y-%m-%dT%H:%M:%SZ}" for time in minutes(count)]
    assert got == (expected if order == "asc" else expected[::-1])
    assert all(len(page) == limit for page in pages[:-1])


@given(limit=st.integers(1, 7), order=st.sampled_from(["asc", "desc"]), count=st.integers(0, 12))
def test_observed_prices_are_paged_to_the_end(limit: int, order: str, count: int) -> None:
    """Following Link gives every observation once and in order, whatever the page's size."""
    pages = walk(client("A", count=count), "/v1/prices/A/history", limit=str(limit), order=order)
    got = [price["as_of"] for page in pages for price in page]
    expected = [f"{time:%Y-%m-%dT%H:%M:%SZ}" for time in minutes(count)]
    assert got == (expected if order == "asc" else expected[::-1])
    assert all(len(page) == limit for page in pages[:-1])


def test_observed_prices_are_asked_again_each_time() -> None:
    """A replay may add an observation to any range, so that no page is kept without asking; the entity tag is cheap."""
    one = client("A")
    answer = one.get("/v1/prices/A/history", start="2026-11-23T12:00:00Z", end="2026-11-23T12:05:00Z")
    assert answer.headers["Cache-Control"] == "private, no-cache"
    again = one.get(
        "/v1/prices/A/history",
        start="2026-11-23T12:00:00Z",
        end="2026-11-23T12:05:00Z",
        headers={"If-None-Match": answer.headers["ETag"]},
    )
    assert (again.status, again.body) == (304, "")


def test_observed_prices_of_nothing_are_a_404_or_an_empty_array() -> None:
    """A symbol without a price yet is not an unknown one."""
    assert client("A", count=0).get("/v1/prices/A/history").body == "[]"
    assert client("A").get("/v1/prices/NOPE/history").json["code"] == "symbol_not_found"


def test_a_cursor_of_candles_does_not_page_prices() -> None:
    """The position in one list is none in the other."""
    one = client("A")
    _, query = follow(one.get("/v1/candles/A", interval="1m", limit="2").headers["Link"])
    assert one.get("/v1/prices/A/history", cursor=query["cursor"]).json["code"] == "invalid_cursor"


def test_candles_without_a_start_begin_with_the_newest() -> None:
    """The first page of an open question is the present; with a start it is the past."""
    one = client("A")
    newest = one.get("/v1/candles/A", interval="1m", limit="1").json
    oldest = one.get("/v1/candles/A", interval="1m", limit="1", start="2026-01-01").json
    assert (newest[0]["open_time"], oldest[0]["open_time"]) == ("2026-11-23T12:04:00Z", "2026-11-23T12:00:00Z")


def test_an_interval_without_rows_is_an_empty_array() -> None:
    """No candle is made up."""
    answer = client("A", count=0).get("/v1/candles/A", interval="1M")
    assert (answer.status, answer.body) == (200, "[]")


@pytest.mark.parametrize(("layout", "kind"), [("csv", "text/csv"), ("ndjson", "application/x-ndjson")])
def test_a_file_has_its_type_and_name(layout: str, kind: str) -> None:
    """CSV and JSON lines are downloads named after symbol and interval."""
    answer = client("BRK-B").get("/v1/candles/BRK-B", interval="1d", format=layout)
    assert answer.headers["Content-Type"].startswith(kind)
    assert answer.headers["Content-Disposition"] == f'attachment; filename="BRK-B-1d.{layout}"'
    prices = client("BRK-B").get("/v1/prices/BRK-B/history", format=layout)
    assert prices.headers["Content-Type"].startswith(kind)
    assert prices.headers["Content-Disposition"] == f'attachment; filename="BRK-B-prices.{layout}"'


def test_a_file_name_holds_no_foreign_characters() -> None:
    """A quote in a symbol does not end the header's value."""
    answer = client('A"B').get("/v1/candles/A%22B", interval="1d", format="csv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="A_B-1d.csv"'


@given(limit=st.integers(1, 7), order=st.sampled_from(["asc", "desc"]))
def test_a_batch_of_candles_is_paged_across_symbols(limit: int, order: str) -> None:
    """The limit counts across all symbols, and the symbols that do not exist are said once, at the beginning."""
    one = client("A", "C", "B", count=3)
    pages = walk(one, "/v1/candles", symbols="C,NOPE,A", interval="1m", limit=str(limit), order=order)
    problem, rows = pages[0][0], [row for page in pages for row in page][1:]
    assert problem["symbol"] == "NOPE"
    assert json.loads(json.dumps(problem["problem"]))["code"] == "symbol_not_found"
    times = [f"{time:%Y-%m-%dT%H:%M:%SZ}" for time in minutes(3)][:: 1 if order == "asc" else -1]
    assert [(row["symbol"], row["open_time"]) for row in rows] == [(name, time) for name in "AC" for time in times]


def test_a_batch_of_nothing_known_holds_only_problems() -> None:
    """Every symbol is unknown: still an array."""
    answer = client("A").get("/v1/candles", symbols="X,Y", interval="1m")
    assert [item["problem"]["code"] for item in answer.json] == ["symbol_not_found"] * 2


def test_only_a_settled_page_is_kept_for_ever() -> None:
    """A closed range of final candles never changes; a range that is open at an end, or not final, is asked again."""
    start, end = NOON.strftime("%Y-%m-%dT%H:%M:%SZ"), (NOON + timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    query = {"interval": "1m", "start": start}
    assert "immutable" in client("A").get("/v1/candles/A", **query, end=end).headers["Cache-Control"]
    assert "immutable" in client("A").get("/v1/candles/A", **query, limit="3").headers["Cache-Control"]
    assert client("A").get("/v1/candles/A", **query).headers["Cache-Control"] == "private, no-cache"
    open_candle = client("A", final=False).get("/v1/candles/A", **query, end=end)
    assert open_candle.headers["Cache-Control"] == "private, no-cache"
    assert (
        "immutable"
        not in client("A", asset_type="stock").get("/v1/candles/A", **query, end=end).headers["Cache-Control"]
    )


def test_a_cursor_of_another_question_is_refused() -> None:
    """A cursor cannot be carried from one symbol to another."""
    one = client("A", "B")
    _, query = follow(one.get("/v1/candles/A", interval="1m", limit="2").headers["Link"])
    answer = one.get("/v1/candles/B", **query)
    assert (answer.status, answer.json["code"], answer.json["parameter"]) == (400, "invalid_cursor", "cursor")
