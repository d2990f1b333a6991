"""Dividends and splits come from the table as they are: in order, in the range, in pages, per share of their time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from marketflow.persistence.connection import Database
from tests.unit.api.market import Client, follow

pytestmark = pytest.mark.integration

PATH = "/v1/symbols/AAPL/actions"
MIDNIGHT = datetime(2026, 8, 31, 4, tzinfo=UTC)  # in New York
SEEN = datetime(2026, 11, 1, 12, tzinfo=UTC)


def add(
    database: Database, effective: datetime, *, symbol: str = "AAPL", seen: datetime = SEEN, **columns: str
) -> None:
    """Put one action; `columns` are those that its kind has."""
    kind = "dividend" if "amount" in columns else "split"
    database.query(
        """insert into actions select id, :kind, cast(:effective as timestamptz), cast(:amount as numeric),
             cast(:currency as text), cast(:numerator as numeric), cast(:denominator as numeric),
             cast(:seen as timestamptz), 1, cast(:seen as timestamptz), 1
           from symbols where symbol = :symbol""",
        symbol=symbol,
        kind=kind,
        effective=effective,
        amount=columns.get("amount"),
        currency="USD" if "amount" in columns else None,
        numerator=columns.get("numerator"),
        denominator=columns.get("denominator"),
        seen=seen,
    )


def test_an_action_has_the_members_of_the_contract(client: Client, database: Database) -> None:
    """What a kind does not have is null; the date is the exchange's, the time its midnight in UTC."""
    add(database, MIDNIGHT, numerator="4", denominator="1")
    add(database, MIDNIGHT, amount="0.2050")
    assert client.get(PATH, order="asc").body == (
        '[{"effective_at":"2026-08-31T04:00:00Z","kind":"dividend","ex_date":"2026-08-31","amount":0.2050,'
        '"currency":"USD","numerator":null,"denominator":null,"source":"yahoo","observed_at":"2026-11-01T12:00:00Z"},'
        '{"effective_at":"2026-08-31T04:00:00Z","kind":"split","ex_date":"2026-08-31","amount":null,'
        '"currency":null,"numerator":4,"denominator":1,"source":"yahoo","observed_at":"2026-11-01T12:00:00Z"}]'
    )
    assert client.get(PATH, kind="split", numbers="string").json[0]["numerator"] == "4"


def test_a_date_is_that_of_the_exchange(client: Client, database: Database) -> None:
    """Midnight in Istanbul is still the day before in UTC."""
    add(database, datetime(2026, 5, 3, 21, tzinfo=UTC), symbol="THYAO.IS", amount="1.5")
    assert client.get("/v1/symbols/THYAO.IS/actions").json[0]["ex_date"] == "2026-05-04"


def test_a_file_of_actions_has_a_header_row(client: Client, database: Database) -> None:
    """CSV has the columns even without a row, and empty fields for nothing; JSON lines have nothing then."""
    header = "effective_at,kind,ex_date,amount,currency,numerator,denominator,source,observed_at\n"
    assert client.get(PATH, format="csv").body == header
    assert client.get(PATH, format="ndjson").body == ""
    add(database, MIDNIGHT, numerator="1", denominator="10")
    answer = client.get(PATH, format="csv")
    line = "2026-08-31T04:00:00Z,split,2026-08-31,,,1,10,yahoo,2026-11-01T12:00:00Z\n"
    assert answer.body == header + line
    assert answer.headers["Content-Disposition"] == 'attachment; filename="AAPL-actions.csv"'
    assert client.get(PATH, format="ndjson").body.endswith('"observed_at":"2026-11-01T12:00:00Z"}\n')


def test_a_dividend_is_what_was_paid_for_a_share_of_its_day(client: Client, database: Database) -> None:
    """0.82 seen before a 4:1 split, and 0.205 seen after it, are the same payment; one after the split is as it is."""
    add(database, MIDNIGHT, numerator="4", denominator="1")
    add(database, MIDNIGHT - timedelta(days=90), amount="0.82", seen=MIDNIGHT - timedelta(days=89))
    add(database, MIDNIGHT - timedelta(days=180), amount="0.205")
    add(database, MIDNIGHT + timedelta(days=9), amount="0.2050")
    got = client.get(PATH, kind="dividend", numbers="string", order="asc").json
    assert [one["amount"] for one in got] == ["0.82", "0.82", "0.2050"]


def test_actions_of_a_range_include_its_start_and_not_its_end(client: Client, database: Database) -> None:
    """`[start, end)`, of this symbol and this kind only."""
    for number in range(1, 4):
        add(database, MIDNIGHT + timedelta(days=number), amount=str(number))
    add(database, MIDNIGHT + timedelta(days=1), numerator="2", denominator="1")
    add(database, MIDNIGHT + timedelta(days=1), symbol="MSFT", amount="9")
    query = {"start": "2026-09-01T04:00:00Z", "end": "2026-09-03T04:00:00Z"}
    assert [one["amount"] for one in client.get(PATH, kind="dividend", numbers="string", **query).json] == ["1", "2"]
    assert [one["kind"] for one in client.get(PATH, **query).json] == ["dividend", "split", "dividend"]
    assert client.get(PATH, start="2026-10-01").json == []


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 2, 3, 4, 100])
def test_pages_of_actions_join_without_a_seam(client: Client, database: Database, order: str, limit: int) -> None:
    """A dividend and a split of one day are paged apart, in order, each once."""
    for number in range(3):
        add(database, MIDNIGHT + timedelta(days=number), amount="1")
        add(database, MIDNIGHT + timedelta(days=number), numerator="2", denominator="1")
    answer = client.get(PATH, order=order, limit=str(limit))
    found, pages = answer.json, 1
    while "Link" in answer.headers:
        path, query = follow(answer.headers["Link"])
        answer = client.get(path, **query)
        found, pages = found + answer.json, pages + 1
    got = [(one["effective_at"], one["kind"]) for one in found]
    assert got == sorted(set(got), reverse=order == "desc")
    assert (len(got), pages) == (6, -(-6 // limit))


def test_what_has_no_actions_has_none_and_what_is_unknown_is_not_there(client: Client) -> None:
    """A pair of currencies pays nothing; a misspelt name is a 404, a misspelt kind a 400."""
    assert client.get("/v1/symbols/BTCUSDT/actions").json == []
    assert client.get("/v1/symbols/NOPE/actions").json["code"] == "symbol_not_found"
    assert client.get(PATH, kind="merger").json["parameter"] == "kind"
    assert client.get(PATH, cursor="x").json["code"] == "invalid_cursor"
    assert client.get(PATH).headers["Cache-Control"] == "private, no-cache"
