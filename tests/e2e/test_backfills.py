"""POST/GET /backfills, POST /replays, POST /redrives, through the gateway: from the request to the rows."""

from __future__ import annotations

import asyncio
import io
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from local.admin_api import AdminApi
from local.client import ApiClient
from local.jobs import backfill, replay, watch
from local.stack import LocalStack
from marketflow.domain.fetching import FetchTask
from marketflow.domain.interval import Interval
from marketflow.messaging.archive import RawArchive
from marketflow.messaging.envelope import Codec
from marketflow.messaging.publisher import Publisher
from marketflow.persistence.connection import Database
from marketflow.sources import factory
from tests.e2e.conftest import wait_for

pytestmark = pytest.mark.e2e

LONG_AGO = (datetime.now(UTC) - timedelta(days=40)).replace(hour=0, minute=0, second=0, microsecond=0)
"""Before anything that the schedules fetch."""


@pytest.fixture
def operator(stack: LocalStack) -> Iterator[AdminApi]:
    """The operator of the stack."""
    with AdminApi.of(stack.facts) as client:
        yield client


def over(operator: AdminApi, path: str, seconds: float = 120) -> dict[str, Any]:
    """The job at `path`, once it is over."""

    def ended() -> dict[str, Any] | None:
        job: dict[str, Any] = operator.get(path)
        return job if job["status"].startswith("completed") else None

    return wait_for(ended, seconds=seconds) or {}


def hashes(database: Database, before: datetime) -> list[list[Any]]:
    """What is in the tables of data about times before that moment, in one word each."""
    return database.query(
        "select (select md5(string_agg(c::text, '' order by c::text)) from candles c where open_time < :before),"
        " (select md5(string_agg(p::text, '' order by p::text)) from prices p where as_of < :before)",
        before=before,
    )


def left_in(stack: LocalStack, queue: str) -> int:
    """How many messages are in a queue, hidden ones too."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = stack.client("sqs").get_queue_attributes(QueueUrl=stack.queue_url(queue), AttributeNames=names)
    return sum(int(found["Attributes"][name]) for name in names)


def test_post_and_get_backfills(stack: LocalStack, api: ApiClient, operator: AdminApi) -> None:
    """Three days and an hour of minutes are five requests: each is counted, every minute is there, and it is found."""
    start, end = LONG_AGO, LONG_AGO + timedelta(days=3, hours=1)
    asked = {"symbol": "ETHUSDT", "interval": "1m", "start": start.isoformat(), "end": end.isoformat()}
    begun = operator.post("/backfills", asked)
    assert (begun["status"], begun["counts"]["asked"], begun["counts"]["pending"]) == ("queued", 5, 5)
    job = over(operator, f"/backfills/{begun['id']}")
    counts = job["counts"]
    assert job["status"] == "completed", job
    assert (counts["received"], counts["stored"], counts["failed"], counts["pending"]) == (5, 5, 0, 0)
    rows = api.json(
        "/candles/ETHUSDT", interval="1m", start=start.isoformat(), end=end.isoformat(), order="asc", limit=10000
    )
    assert len(rows) == counts["rows"] > 4300
    assert all(row["final"] for row in rows)
    (listed,) = (one for one in operator.get("/backfills?status=completed") if one["id"] == begun["id"])
    assert listed["counts"] == counts
    assert job["finished_at"]
    assert job["seconds_left"] == 0


def test_a_backfill_that_cannot_be_is_refused(operator: AdminApi, api: ApiClient) -> None:
    """Before the source's reach, in the future, of no interval that it has, of no symbol; never with a key alone."""
    now = datetime.now(UTC)

    def refused(symbol: str, interval: str, start: datetime, end: datetime) -> tuple[int, str]:
        body = {"symbol": symbol, "interval": interval, "start": start.isoformat(), "end": end.isoformat()}
        answer = operator.send("POST", "/backfills", body).json()
        return answer["status"], answer["detail"]

    status, detail = refused("AAPL", "1m", now - timedelta(days=60), now)
    assert (status, "Yahoo Finance has 1m from" in detail) == (400, True)
    assert refused("BTCUSDT", "1m", now, now + timedelta(days=1))[0] == 400
    status, detail = refused("USDTRY", "1m", LONG_AGO, now)
    assert (status, "ECB reference rates gives history of 1d only" in detail) == (400, True)
    assert refused("USDTRY", "1d", datetime(1998, 1, 1, tzinfo=UTC), now)[0] == 400
    pair = {"symbol": "USDAED", "source": "exchangerate", "base_currency": "USD", "quote_currency": "AED"}
    assert operator.send("POST", "/symbols", {**pair, "active": False}).status_code in {201, 409}
    status, detail = refused("USDAED", "1d", LONG_AGO, now)
    assert (status, detail) == (400, "symbol: ECB reference rates, the source of past rates, has none of AED.")
    assert refused("NOSUCHSYMBOL", "1m", LONG_AGO, now)[0] == 404
    assert operator.send("GET", "/backfills/nope").status_code == 404
    assert api.get("/backfills").status_code == 401


@pytest.mark.parametrize(("symbol", "least"), [("EURUSD", 1.0), ("USDTRY", 30.0)])
def test_a_backfill_of_currencies_has_every_publication(
    operator: AdminApi, api: ApiClient, symbol: str, least: float
) -> None:
    """A year is five requests; weekends and holidays are no gaps, and each rate names its source."""
    out = io.StringIO()
    environment = {"SYMBOL": symbol, "INTERVAL": "1d", "FROM": "2025-01-01", "TO": "2026-01-01"}
    assert backfill(operator, environment, out), out.getvalue()
    assert "completed: asked 5, received 5, stored 5, empty 0, failed 0" in out.getvalue()
    assert "255 rows, 0 refused" in out.getvalue()
    year = {"start": "2025-01-01T00:00:00Z", "end": "2026-01-01T00:00:00Z"}
    rows = api.json(f"/prices/{symbol}/history", **year, order="asc", limit=1000)
    assert len(rows) == 255
    assert {(row["source"], row["currency"]) for row in rows} == {("ecb", symbol[3:])}
    assert all(row["price"] > least for row in rows)
    assert [row["as_of"] for row in (rows[0], rows[-1])] == ["2025-01-02T15:00:00Z", "2025-12-31T15:00:00Z"]
    coverage = api.json(f"/coverage/{symbol}", interval="1d", **year)
    assert [coverage[name] for name in ("expected", "present", "complete", "gaps")] == [255, 255, True, []]
    (leg,) = api.json("/convert", **{"from": symbol[:3], "to": symbol[3:], "at": "2025-12-27T12:00:00Z"})["legs"]
    assert (leg["source"], leg["as_of"]) == ("ecb", "2025-12-24T15:00:00Z")
    assert api.json(f"/prices/{symbol}")["source"] == "exchangerate"
    replayed = io.StringIO()
    today = datetime.now(UTC).date().isoformat()
    assert replay(operator, {"SOURCE": "ecb", "SYMBOL": symbol, "FROM": today}, replayed), replayed.getvalue()


def test_a_range_of_currencies_without_a_publication_is_empty(operator: AdminApi, api: ApiClient) -> None:
    """A weekend is an answer without rows, and no failure."""
    weekend = {"start": "2024-03-02T00:00:00Z", "end": "2024-03-04T00:00:00Z"}
    begun = operator.post("/backfills", {"symbol": "EURGBP", "interval": "1d", **weekend})
    job = over(operator, f"/backfills/{begun['id']}")
    assert (job["status"], job["source"], job["counts"]["empty"]) == ("completed", "ecb", 1)
    assert api.json("/coverage/EURGBP", interval="1d", **weekend)["expected"] == 0


def test_a_backfill_of_stocks_pages_by_seven_days(operator: AdminApi) -> None:
    """Twenty days of a stock's minutes are three requests, and a weekend alone is an answer without rows."""
    end = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    saturday = end - timedelta(days=(end.weekday() - 5) % 7 or 7)
    out = io.StringIO()
    environment = {"SYMBOL": "AAPL", "INTERVAL": "1m", "FROM": (end - timedelta(days=20)).isoformat()}
    assert backfill(operator, {**environment, "TO": end.isoformat()}, out), out.getvalue()
    assert "completed: asked 3, received 3, stored 3, empty 0, failed 0" in out.getvalue()
    weekend = {"symbol": "AAPL", "interval": "1m", "start": saturday.isoformat()}
    begun = operator.post("/backfills", {**weekend, "end": (saturday + timedelta(days=1)).isoformat()})
    assert over(operator, f"/backfills/{begun['id']}")["counts"]["empty"] == 1


def test_post_replays(stack: LocalStack, operator: AdminApi, database: Database) -> None:
    """Everything that was received is loaded once more, each answer is counted, and no table changes."""
    api_time = datetime.now(UTC)
    assert stack.drain(seconds=60)
    before = hashes(database, LONG_AGO + timedelta(days=30))
    today = api_time.replace(hour=0, minute=0, second=0, microsecond=0)
    begun = operator.post("/replays", {"source": "binance", "start": today.isoformat(), "symbol": "ETHUSDT"})
    job = over(operator, f"/replays/{begun['id']}")
    counts = job["counts"]
    assert job["status"] == "completed", job
    assert counts["asked"] == counts["received"] == counts["stored"] + counts["empty"] > 0
    assert hashes(database, LONG_AGO + timedelta(days=30)) == before
    out = io.StringIO()
    assert replay(operator, {"SOURCE": "exchangerate", "FROM": today.date().isoformat()}, out), out.getvalue()


def test_post_redrives(stack: LocalStack, operator: AdminApi) -> None:
    """Dead letters go back to their queue; what is still bad comes back, once, and twice does no harm."""
    sqs, dead = stack.client("sqs"), stack.queue_url("payloads-dlq")
    report = json.dumps(
        {
            "version": 1,
            "kind": "report",
            "correlation_id": "redriven",
            "report": {
                "source": "binance",
                "started_at": "2026-01-01T00:00:00Z",
                "finished_at": "2026-01-01T00:00:01Z",
                "requests": 0,
                "succeeded": 0,
            },
        }
    )
    sqs.send_message(QueueUrl=dead, MessageBody=report)
    assert operator.send("POST", "/redrives", {"queue": "nope"}).status_code == 400
    for _ in range(2):
        begun = operator.post("/redrives", {"queue": "payloads-dlq"})
        assert begun["queue"] == "payloads-dlq"

    wait_for(lambda: not left_in(stack, "payloads-dlq"), seconds=60)
    time.sleep(1)
    assert stack.drain(seconds=30)
    assert left_in(stack, "payloads-dlq") == 0


async def never_loaded(stack: LocalStack, start: datetime, end: datetime) -> list[str]:
    """Messages as the fetcher sends them, of answers that it archived in [start, end) and that nobody loaded."""
    archive = RawArchive(bucket=stack.data_bucket(), client=stack.client("s3"))
    assert stack.simulator is not None
    source = factory.create("binance", base_urls=[f"{stack.simulator.url}/binance"])
    letters = []
    async with httpx.AsyncClient(trust_env=False) as client:
        for first, last in source.pages(Interval.M1, start, end):
            task = FetchTask(dataset="klines_1m", symbols=("ADAUSDT",), start=first, end=last)
            for request in source.build_requests(task, task.symbols or (), now=end, since=None):
                response = await source.fetch(client, request)
                key = archive.put(request, response)
                letters.append(Codec().payload(request, response, raw_key=key, correlation_id="dead"))
    return letters


def test_a_full_dead_letter_queue_redriven_twice_leaves_the_same_tables(
    stack: LocalStack, operator: AdminApi, database: Database
) -> None:
    """What was given up is loaded when it goes back; the same letters again, redriven again, change nothing."""
    start, end = LONG_AGO - timedelta(days=20), LONG_AGO - timedelta(days=10)
    letters = asyncio.run(never_loaded(stack, start, end))
    dead = Publisher(queue_url=stack.queue_url("payloads-dlq"), client=stack.client("sqs"))

    def redriven() -> list[list[Any]]:
        dead.send(letters)
        assert left_in(stack, "payloads-dlq") == len(letters)
        operator.post("/redrives", {"queue": "payloads-dlq"})
        wait_for(lambda: not left_in(stack, "payloads-dlq"), seconds=60)
        time.sleep(2)
        assert stack.drain(seconds=60)
        return database.query(
            "select count(*), md5(string_agg(c::text, '' order by c::text)) from candles c"
            " join symbols s on s.id = c.symbol_id"
            " where s.symbol = 'ADAUSDT' and open_time >= :start and open_time < :end",
            start=start,
            end=end,
        )

    first = redriven()
    assert first[0][0] == 10 * 24 * 60
    assert redriven() == first
    assert left_in(stack, "payloads-dlq") == 0


def test_an_idempotency_key_begins_one_backfill(operator: AdminApi) -> None:
    """The same request with the same key is the same backfill; another request with it is refused."""
    start = LONG_AGO - timedelta(days=2)
    body = {"symbol": "BTCUSDT", "interval": "1m", "start": start.isoformat(), "end": LONG_AGO.isoformat()}
    headers = {"Idempotency-Key": f"e2e-{start.timestamp()}"}
    first, again = (operator.send("POST", "/backfills", body, headers) for _ in range(2))
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == again.json()
    other = operator.send("POST", "/backfills", {**body, "symbol": "ETHUSDT"}, headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    assert over(operator, f"/backfills/{first.json()['id']}")["counts"]["rows"] > 2800


def test_a_backfill_can_be_watched_to_its_end(operator: AdminApi) -> None:
    """The command line asks and waits, and then has the exact counts."""
    start = LONG_AGO - timedelta(days=1)
    body = {"symbol": "BTCUSDT", "interval": "1m", "start": start.isoformat()}
    begun = operator.post("/backfills", {**body, "end": (start + timedelta(hours=1)).isoformat()})
    assert watch(operator, f"/backfills/{begun['id']}", io.StringIO())["counts"]["rows"] == 60
