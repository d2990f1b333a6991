"""`as_known_at`: the final candles as a reader would have seen them at a moment, from the values that were kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketflow.domain.coverage import Asked
from marketflow.domain.interval import Interval
from marketflow.domain.loading import Provenance
from marketflow.domain.records import ActionKind, Candle, CorporateAction, ParsedPayload
from marketflow.persistence.connection import Database
from marketflow.persistence.loader import Loader
from tests.integration.api.test_candles import pages
from tests.integration.persistence.rows import candle
from tests.unit.api.market import NOON, Client

pytestmark = pytest.mark.integration

FIRST = NOON - timedelta(hours=12)


def at(minutes: float) -> datetime:
    """So many minutes after the first candle opens."""
    return FIRST + timedelta(minutes=minutes)


def text(moment: datetime) -> str:
    """As a client writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def minute(number: int, close: str, **changes: object) -> Candle:
    """A minute of BTCUSDT that opens so many minutes after the first."""
    return replace(candle(0, close=close), open_time=at(number), **changes)  # type: ignore[arg-type]  # as it comes


def said(database: Database, minutes: float, *candles: Candle, source: str = "binance", **more: object) -> None:
    """Load an answer that was received so many minutes after the first candle opens."""
    where = Provenance(raw_key=f"raw/{source}/{minutes}", source=source, dataset="any", observed_at=at(minutes))
    Loader(database).load(ParsedPayload(candles, **more), where)  # type: ignore[arg-type]  # as a test has it


def closes(rows: Iterable[dict[str, object]]) -> list[object]:
    """The closes of a page."""
    return [row["close"] for row in rows]


def test_a_reader_sees_what_was_believed_then(client: Client, database: Database) -> None:
    """Before the correction the first value, after it the other one; before the first answer there was no candle."""
    said(database, 2, minute(0, "100"))
    said(database, 9, minute(0, "105"), minute(1, "200"))
    said(database, 20, minute(0, "100"))
    path = "/v1/candles/BTCUSDT"

    def seen(minutes: float) -> list[object]:
        return closes(client.get(path, interval="1m", order="asc", as_known_at=text(at(minutes))).json)

    assert [seen(minutes) for minutes in (1.9, 2, 8.9, 9, 19.9, 20)] == [
        *([], [100], [100]),
        *([105, 200], [105, 200], [100, 200]),
    ]
    assert closes(client.get(path, interval="1m", order="asc").json) == [100, 200]


def test_a_forming_candle_is_left_out(client: Client, database: Database) -> None:
    """Nobody kept what it was; it is there once a final one was received."""
    said(database, 0.5, minute(0, "99", final=False))
    path = "/v1/candles/BTCUSDT"
    assert closes(client.get(path, interval="1m").json) == [99]
    assert client.get(path, interval="1m", as_known_at=text(NOON)).json == []
    said(database, 1.5, minute(0, "101"))
    assert client.get(path, interval="1m", as_known_at=text(at(1))).json == []
    (row,) = client.get(path, interval="1m", as_known_at=text(at(2))).json
    assert (row["close"], row["final"]) == (101, True)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(1, 9), st.dictionaries(st.integers(0, 5), st.integers(1, 3))), max_size=8),
    st.integers(0, 10),
    st.integers(1, 7),
    st.sampled_from(["asc", "desc"]),
)
def test_it_equals_the_table_of_that_moment(  # noqa: PLR0917 - what is made up comes last
    client: Client,
    database: Database,
    owner: Database,
    answers: list[tuple[int, dict[int, int]]],
    moment: int,
    limit: int,
    order: str,
) -> None:
    """What is read of the past is what was read then, page by page, whatever was said since."""
    owner.query("TRUNCATE candles, revisions, answers, raw_objects")
    ordered = sorted(answers, key=lambda one: one[0])
    then = None
    query = {"interval": "1m", "limit": str(limit), "order": order}
    for index, (received, rows) in enumerate([*ordered, (11, {})]):
        if then is None and received > moment:
            then = pages(client, "/v1/candles/BTCUSDT", **query)
        # All six minutes are over by the seventh, when the first answer is received.
        said(
            database, 6 + received + index / 100, *(minute(number, str(100 + close)) for number, close in rows.items())
        )
    past = query | {"as_known_at": text(at(6 + moment + 0.5))}
    assert pages(client, "/v1/candles/BTCUSDT", **past) == then


def test_several_symbols_and_every_format(client: Client, database: Database) -> None:
    """The batch, CSV and lines read the past as the array of one symbol does."""
    said(database, 2, minute(0, "100"))
    said(database, 9, minute(0, "105"), minute(1, "200"))
    past = {"interval": "1m", "as_known_at": text(at(3))}
    assert closes(client.get("/v1/candles", symbols="BTCUSDT,ETHUSDT", **past).json) == [100]
    for layout in ("csv", "ndjson"):
        body = client.get("/v1/candles/BTCUSDT", format=layout, **past).body
        assert (",100,3.1400" if layout == "csv" else '"close":100,') in body
        assert "105" not in body


def test_hours_are_rolled_up_from_what_was_known(client: Client, database: Database) -> None:
    """A bucket has the values of then; it was final when every minute of it that we know of was known."""
    asked = (Asked("BTCUSDT", Interval.M1, fetched=((at(0), at(10)),)),)
    said(database, 11, *(minute(number, str(100 + number)) for number in range(5)), asked=asked)
    said(database, 20, minute(4, "117"))
    said(database, 30, *(minute(number, "113") for number in (5, 6)))

    def hours(minutes: float) -> list[tuple[object, object]]:
        rows = client.get(
            "/v1/candles/BTCUSDT", interval="5m", order="asc", limit="10", as_known_at=text(at(minutes))
        ).json
        return [(row["close"], row["final"]) for row in rows]

    assert hours(12) == [(104, True)]
    assert hours(21) == [(117, True)]
    assert hours(31) == [(117, True), (113, True)]
    said(database, 40, minute(7, "114"))
    assert hours(31) == [(117, True), (113, False)]
    assert hours(41) == [(117, True), (114, True)]


def test_a_split_counts_from_when_it_was_known(client: Client, database: Database) -> None:
    """The past of an adjusted candle knows nothing of later splits, and of the vendor's restated values nothing."""

    def day(close: str) -> Candle:
        number = Decimal(close)
        return replace(
            candle(0, source_symbol="AAPL", currency="USD", interval=Interval.D1),
            open_time=NOON - timedelta(days=9, hours=7),
            **dict.fromkeys(("open", "high", "low", "close"), number),  # type: ignore[arg-type]  # prices
        )

    split = CorporateAction(
        "AAPL",
        ActionKind.SPLIT,
        NOON - timedelta(days=5, hours=7),
        numerator=Decimal(4),
        denominator=Decimal(1),
        position=-2,
    )
    before, after = -8 * 24 * 60, -4 * 24 * 60
    said(database, before, day("400"), source="yahoo")
    said(database, after, day("100"), source="yahoo", actions=(split,))

    def close(minutes: float, adjustment: str) -> list[object]:
        past = {"as_known_at": text(at(minutes)), "interval": "1d", "adjustment": adjustment}
        return closes(client.get("/v1/candles/AAPL", **past).json)

    assert [close(before + 1, kind) for kind in ("raw", "split", "all")] == [[400], [400], [400]]
    assert [close(after + 1, kind) for kind in ("raw", "split", "all")] == [[400], [100], [100]]


def test_the_future_is_refused(client: Client) -> None:
    """What will be known is not known: a problem that names the parameter, from both routes."""
    for path, query in (("/v1/candles/BTCUSDT", {}), ("/v1/candles", {"symbols": "BTCUSDT"})):
        answer = client.get(path, interval="1m", as_known_at=text(NOON + timedelta(seconds=1)), **query)
        assert (answer.status, answer.json["code"], answer.json["parameter"]) == (
            *(400, "invalid_parameter"),
            "as_known_at",
        )
        assert client.get(path, interval="1m", as_known_at=text(NOON), **query).status == 200


def test_the_past_is_checked_again(client: Client, database: Database) -> None:
    """An answer that was received then may still be loaded: caches ask, and are told that nothing changed."""
    said(database, 20, *(minute(number, "100") for number in range(5)))
    whole = {"interval": "1m", "start": text(at(1)), "end": text(at(3))}
    assert "immutable" in client.get("/v1/candles/BTCUSDT", **whole).headers["Cache-Control"]
    past = client.get("/v1/candles/BTCUSDT", **whole, as_known_at=text(at(21)))
    assert past.headers["Cache-Control"] == "private, no-cache"
    assert past.headers["ETag"]


def test_a_cursor_is_for_one_moment(client: Client, database: Database) -> None:
    """The next page is about the same moment; its cursor is refused with another one."""
    said(database, 20, *(minute(number, "100") for number in range(5)))
    query = {"interval": "1m", "limit": "2", "as_known_at": text(at(21))}
    link = client.get("/v1/candles/BTCUSDT", **query).headers["Link"]
    cursor = link.partition("cursor=")[2].partition("&")[0].partition(">")[0]
    assert client.get("/v1/candles/BTCUSDT", **query, cursor=cursor).status == 200
    other = query | {"as_known_at": text(at(22))}
    assert client.get("/v1/candles/BTCUSDT", **other, cursor=cursor).json["code"] == "invalid_cursor"
