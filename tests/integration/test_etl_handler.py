"""The ETL function from its event to rows in PostgreSQL."""

from __future__ import annotations

import json
from decimal import Decimal
from io import StringIO

import pytest

from marketflow.messaging.archive import pack
from marketflow.messaging.envelope import PayloadMessage, decode
from marketflow.observability import logger
from marketflow.persistence.connection import Database
from tests.cloud import Cloud
from tests.handlers import Context, Handler, event, load

pytestmark = pytest.mark.integration


@pytest.fixture
def etl(writer_url: str, monkeypatch: pytest.MonkeyPatch) -> Handler:
    """The ETL on this test's database."""
    return load("etl", monkeypatch, {"DATABASE_URL": writer_url, "DATA_BUCKET": "unused"})


def count(database: Database, table: str) -> int:
    return int(database.query(f"SELECT count(*) FROM {table}")[0][0])  # noqa: S608 - a table of this test


def test_klines_become_candles(etl: Handler, database: Database) -> None:
    """Four minutes become four exact candles that name their raw object; the forming one is not final."""
    assert etl(event("sqs_binance_klines"), Context()) == {"batchItemFailures": []}
    rows = database.query(
        "SELECT c.open, c.final, r.key FROM candles c JOIN symbols s ON s.id = c.symbol_id"
        " JOIN raw_objects r ON r.id = c.raw_id WHERE s.symbol = 'BTCUSDT' ORDER BY c.open_time"
    )
    assert str(rows[0][0]) == "64010.00000000"
    assert [final for _, final, _ in rows] == [True, True, True, False]
    assert {key.partition("/date=")[0] for _, _, key in rows} == {"raw/source=binance"}


def test_a_message_that_comes_twice_changes_nothing(etl: Handler, database: Database) -> None:
    """SQS delivers at least once: the second delivery leaves every table as it was."""
    everything = "SELECT md5(string_agg(c::text, '' ORDER BY c::text)) FROM candles c"
    etl(event("sqs_binance_klines"), Context())
    first = database.query(everything)
    etl(event("sqs_binance_klines"), Context())
    assert database.query(everything) == first


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("sqs_binance_ticker", "BTCUSDT"),
        ("sqs_yahoo_chart", "THYAO.IS"),
        ("sqs_exchangerate_latest", "USDTRY"),
        ("sqs_ecb_rates", "EURUSD"),
    ],
)
def test_each_asset_class_gets_a_price(etl: Handler, database: Database, name: str, symbol: str) -> None:
    """Crypto, stocks and currencies all end as prices with the time that their source gave."""
    assert etl(event(name), Context()) == {"batchItemFailures": []}
    prices = database.query(
        "SELECT price, as_of FROM prices JOIN symbols s ON s.id = symbol_id WHERE s.symbol = :symbol", symbol=symbol
    )
    assert len(prices) == 1
    assert prices[0][0] > Decimal(0)
    assert (prices[0][1].year, prices[0][1].month) == (2026, 3)


def test_an_absurd_move_is_told_in_the_log_and_counted(
    etl: Handler, database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A warning a price, with what is needed to judge it and no word of the settings; the metric is what rings."""
    database.query(
        "INSERT INTO candles SELECT id, '1m', '2026-03-02T09:59:00Z', 640, 640, 640, 640, 1, NULL, NULL, true,"
        " '2026-03-02T10:00:00Z', 1 FROM symbols WHERE symbol = 'BTCUSDT'"
    )
    log = StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", log)
    etl(event("sqs_binance_klines"), Context())
    lines = [json.loads(line) for line in (log.getvalue() + capsys.readouterr().out).splitlines()]
    told = [line for line in lines if line.get("message") == "absurd move held back"]
    assert [line["level"] for line in told] == ["WARNING"] * 4
    assert told[0]["move"]["moment"].startswith("2026-03-02 10:00:00")
    assert told[0]["move"] | {"moment": "", "raw_key": ""} == {
        "symbol": "BTCUSDT",
        "interval": "1m",
        "moment": "",
        "price": "64031.50000000",
        "reference": "640",
        "raw_key": "",
    }
    assert told[0]["move"]["raw_key"].startswith("raw/source=binance/")
    assert [line["MovesHeld"] for line in lines if "MovesHeld" in line] == [[4.0]]


def test_a_report_becomes_the_sources_status(etl: Handler, database: Database) -> None:
    """What a fetcher says of its source stands in the table that /ready and /sources read."""
    etl(event("sqs_fetch_report"), Context())
    rows = database.query("SELECT source, last_success_at IS NOT NULL, budget_used, budget_limit FROM source_status")
    assert rows == [["binance", True, 30, 6000]]


def test_a_bad_message_fails_alone(etl: Handler, database: Database) -> None:
    """A message that cannot be read goes back to the queue; the others of its batch are loaded."""
    batch = event("sqs_malformed")
    answer = etl(batch, Context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": batch["Records"][0]["messageId"]}]}
    assert count(database, "candles") == 4


def test_a_payload_that_is_no_data_is_quarantined_once(
    etl: Handler, database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unreadable body is kept with its reason and does not come back for ever; the log tells the reason once."""
    log = StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", log)
    batch = event("sqs_binance_klines")
    message = json.loads(batch["Records"][0]["body"])
    message["request"]["symbols"] = ["NOSUCH"]
    batch["Records"][0]["body"] = json.dumps(message)
    for _ in range(2):
        assert etl(batch, Context()) == {"batchItemFailures": []}
    assert count(database, "candles") == 0
    refused = database.query("SELECT reason FROM quarantine")
    assert {row[0] for row in refused} == {"unknown_symbol"}
    (told,) = [one for one in map(json.loads, log.getvalue().splitlines()) if one["message"] == "rows refused"]
    assert (told["level"], told["refused"]["reason"], told["refused"]["rows"]) == (
        "WARNING",
        "unknown_symbol",
        len(refused),
    )
    counted = [one for one in map(json.loads, capsys.readouterr().out.splitlines()) if "RowsRead" in one]
    assert [(one["RowsRead"], one["RowsQuarantined"]) for one in counted] == [
        ([float(len(refused))], [float(len(refused))]),
        ([0.0], [0.0]),
    ]


def test_a_large_body_is_claimed_from_the_archive(
    cloud: Cloud, writer_url: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message without its body is loaded from the raw object that it names."""
    batch = event("sqs_binance_klines")
    message = json.loads(batch["Records"][0]["body"])
    batch["Records"][0]["body"] = json.dumps({**message, "body": None})
    etl = load("etl", monkeypatch, {"DATABASE_URL": writer_url, "DATA_BUCKET": cloud.bucket})
    missing = etl(batch, Context())
    assert len(missing["batchItemFailures"]) == 1

    whole = decode(json.dumps(message))
    assert isinstance(whole, PayloadMessage)
    response = whole.response()
    assert response is not None
    cloud.s3.put_object(Bucket=cloud.bucket, Key=whole.raw_key, Body=pack(whole.request, response))
    assert etl(batch, Context()) == {"batchItemFailures": []}
    assert count(database, "candles") == 4


def test_a_database_without_its_tables_loses_nothing(monkeypatch: pytest.MonkeyPatch, empty_url: str) -> None:
    """When nothing can be stored every record returns to the queue, and the function goes on."""
    etl = load("etl", monkeypatch, {"DATABASE_URL": empty_url, "DATA_BUCKET": "unused"})
    batch = event("sqs_yahoo_chart")
    failed = etl(batch, Context())["batchItemFailures"]
    assert [one["itemIdentifier"] for one in failed] == [record["messageId"] for record in batch["Records"]]
