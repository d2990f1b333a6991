"""What the API answers out of a real database is what docs/openapi.json says."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from marketflow.persistence.connection import Database
from tests.documented import DOCUMENTED, check
from tests.integration.api.conftest import AddCandles, AddPrice
from tests.unit.api.market import NOON, Answer, Client, minutes

pytestmark = pytest.mark.integration

EVENTS = [
    path
    for path in sorted((Path(__file__).parents[3] / "events").glob("api_*.json"))
    if json.loads(path.read_text())["resource"] in DOCUMENTED["paths"]
]
"""Of the documented routes: the page for people is none."""


@pytest.fixture(autouse=True)
def market(database: Database, add_candles: AddCandles, add_price: AddPrice) -> None:
    """Something of everything: rows for each route, pages that go on, a source that reported and two that did not."""
    for symbol in ("BTCUSDT", "ETHUSDT"):
        add_candles(symbol, minutes(8, first=NOON - timedelta(minutes=8)))
    add_candles("AAPL", [NOON.replace(day=day) for day in (16, 17, 18)], interval="1d")
    database.query(
        """insert into actions select id, 'split', cast(:at as timestamptz), null, null, 4, 1,
             cast(:now as timestamptz), 1, cast(:now as timestamptz), 1 from symbols where symbol = 'AAPL' union all
           select id, 'dividend', cast(:at as timestamptz), 0.26, 'USD', null, null, cast(:now as timestamptz), 1,
           cast(:now as timestamptz), 1
           from symbols where symbol = 'AAPL'""",
        at=NOON.replace(day=17),
        now=NOON,
    )
    add_price("BTCUSDT", "68000.12000000", NOON)
    add_price("USDTRY", "42.1000", NOON)
    database.query(
        """insert into source_status (source, last_fetch_at, last_success_at, next_due_at, last_error_at, last_error,
             budget_used, budget_limit, last_loaded_at, newest_data_at)
           values ('binance', :now, :now, :now, :now, 'It broke', 14, 6000, :now, :now)""",
        now=NOON,
    )


def ask(client: Client, path: Path, **query: str) -> tuple[str, Answer]:
    """The route's template and the answer to the event with these parameters beside its own."""
    event = json.loads(path.read_text())
    event["multiValueQueryStringParameters"] = {
        **(event["multiValueQueryStringParameters"] or {}),
        **{name: [value] for name, value in query.items()},
    }
    return event["resource"], client.send(event)


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_the_answer_to_an_event_is_as_documented(client: Client, path: Path) -> None:
    """Status, headers, media type and body; a member that is not documented is as wrong as one that is missing."""
    template, answer = ask(client, path)
    check(template, answer)
    assert (answer.status == 400) is (path.stem == "api_bad_request"), answer.body
    assert len(answer.body) > len("[]")


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_it_is_with_decimals_as_strings_too(client: Client, path: Path) -> None:
    """numbers=string changes the type of decimals and nothing else."""
    template = json.loads(path.read_text())["resource"]
    names = {one.get("name") for one in DOCUMENTED["paths"][template]["get"]["parameters"]}
    template, answer = ask(client, path, numbers="string")
    check(template, answer)
    assert (answer.status == 200) is ("numbers" in names and path.stem != "api_bad_request")


def test_every_page_layout_is_documented(client: Client) -> None:
    """CSV and JSON lines, for prices, candles and actions."""
    events = [path for path in EVENTS if path.stem in ("api_candles", "api_price_history", "api_actions")]
    for path in events:
        for layout in ("csv", "ndjson"):
            template, answer = ask(client, path, format=layout)
            check(template, answer)
            assert answer.status == 200
            assert not answer.headers["Content-Type"].startswith("application/json")


def test_the_examples_of_files_are_like_the_files(client: Client) -> None:
    """The header row, and the members of a line."""
    events = [path for path in EVENTS if path.stem in ("api_candles", "api_price_history", "api_actions")]
    for path in events:
        content = DOCUMENTED["paths"][json.loads(path.read_text())["resource"]]["get"]["responses"]["200"]["content"]
        csv = ask(client, path, format="csv")[1].body
        assert content["text/csv"]["example"].splitlines()[0] == csv.splitlines()[0]
        line = ask(client, path, format="ndjson")[1].body.splitlines()[0]
        assert list(json.loads(content["application/x-ndjson"]["example"])) == list(json.loads(line))


def test_readiness_that_fails_is_documented(client: Client, owner: Database) -> None:
    """A schema that is not the code's."""
    owner.query("update alembic_version set version_num = '0001'")
    check("/v1/ready", client.get("/v1/ready"))
