"""A fetcher function from its event to S3 and SQS."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from marketflow.domain.symbol import AssetType, Symbol
from marketflow.errors import ConfigurationError, MalformedPayloadError
from marketflow.messaging.archive import RawArchive
from marketflow.messaging.envelope import PayloadMessage, ReportMessage, decode
from marketflow.messaging.state import SourceStates, SymbolCatalog
from tests.cloud import Cloud
from tests.functional.vendor import Vendor, vendor
from tests.handlers import Context, Handler, event, load

pytestmark = pytest.mark.functional

KLINES = b'[[1772445600000,"1.0","2.0","0.5","1.5","10",1772445659999,"15",3,"1","1","0"]]'
TICKER = b'[{"symbol":"BTCUSDT","price":"1.50"},{"symbol":"ETHBTC","price":"0.00000812"}]'
JSON = {"Content-Type": "application/json;charset=UTF-8", "X-MBX-USED-WEIGHT-1M": "6"}


def pair(name: str) -> Symbol:
    return Symbol(
        symbol=name,
        source="binance",
        source_symbol=name,
        asset_type=AssetType.CRYPTO,
        quote_currency="USDT",
        price_unit="USDT",
    )


@pytest.fixture
def binance() -> Iterator[Vendor]:
    """A Binance that answers klines and prices."""
    with vendor() as running:
        running.answers = {"/api/v3/klines": (200, JSON, KLINES), "/api/v3/ticker/price": (200, JSON, TICKER)}
        yield running


@pytest.fixture
def fetch(cloud: Cloud, binance: Vendor, monkeypatch: pytest.MonkeyPatch) -> Handler:
    """The fetcher of Binance, with two symbols published."""
    SymbolCatalog(bucket=cloud.bucket, client=cloud.s3).write("binance", [pair("BTCUSDT"), pair("ETHBTC")])
    environment = {
        "SOURCE": "binance",
        "DATA_BUCKET": cloud.bucket,
        "PAYLOAD_QUEUE_URL": cloud.queue_url,
        "TASK_QUEUE_URL": cloud.task_url,
        "SOURCE_BASE_URLS": binance.url,
    }
    return load("fetch", monkeypatch, environment)


def messages(cloud: Cloud) -> tuple[list[PayloadMessage], list[ReportMessage]]:
    decoded = [decode(text) for text in cloud.messages()]
    return (
        [message for message in decoded if isinstance(message, PayloadMessage)],
        [message for message in decoded if isinstance(message, ReportMessage)],
    )


def test_a_tick_archives_every_body_and_hands_it_on(fetch: Handler, cloud: Cloud, binance: Vendor) -> None:
    """One tick: every answer lies untouched in the archive, goes to the queue, and a report follows."""
    report = fetch(event("schedule_binance"), Context())
    payloads, reports = messages(cloud)
    assert len(binance.asked) == 3
    assert (report["requests"], report["succeeded"], report["budget_used"]) == (3, 3, 6)
    assert [message.report.succeeded for message in reports] == [3]
    assert {message.correlation_id for message in payloads} == {"d32c5kddcf5bb8c3"}
    archive = RawArchive(bucket=cloud.bucket, client=cloud.s3)
    assert sorted(archive.get(key)[1].body for key in cloud.keys("raw/")) == [KLINES, KLINES, TICKER]
    assert sorted(message.raw_key for message in payloads) == cloud.keys("raw/")
    assert {body.body for message in payloads if (body := message.response())} == {KLINES, TICKER}


def test_a_placeholder_is_no_name_of_a_tick(fetch: Handler, cloud: Cloud) -> None:
    """Where the scheduler's placeholder was not filled in, the invocation's own id connects what belongs together."""
    fetch({**event("schedule_binance"), "execution_id": "<aws.scheduler.execution-id>"}, Context())
    payloads, _ = messages(cloud)
    assert {message.correlation_id for message in payloads} == {Context().aws_request_id}


def test_the_next_tick_goes_on_where_the_last_one_ended(fetch: Handler, cloud: Cloud, binance: Vendor) -> None:
    """The first tick takes all the history that one call gives; later ones only what can be new."""
    fetch(event("schedule_binance"), Context())
    first = [path for path in binance.asked if "klines" in path]
    binance.asked.clear()
    fetch(event("schedule_binance"), Context())
    second = [path for path in binance.asked if "klines" in path]
    assert all("limit=1000" in path for path in first)
    assert all("limit=4" in path for path in second)


def test_a_ban_is_remembered_not_slept_out(fetch: Handler, cloud: Cloud, binance: Vendor) -> None:
    """After a 429 the function returns at once, and the next ticks do not ask until the time has come."""
    binance.answers["/api/v3/klines"] = (429, {**JSON, "Retry-After": "120"}, b'{"code":-1003,"msg":"Too much."}')
    started = time.monotonic()
    report = fetch(event("schedule_binance"), Context())
    assert time.monotonic() - started < 20
    assert report["failures"]["retry_later"] >= 1
    assert SourceStates(bucket=cloud.bucket, client=cloud.s3).read("binance").not_before is not None
    assert cloud.keys("errors/")
    binance.asked.clear()
    assert fetch(event("schedule_binance"), Context())["requests"] == 0
    assert binance.asked == []


def test_a_task_of_the_queue_fills_a_window(fetch: Handler, cloud: Cloud, binance: Vendor) -> None:
    """A task asks for exactly its window and symbol, and is done when the answer is handed on."""
    answer = fetch(event("sqs_fetch_task"), Context())
    payloads, _ = messages(cloud)
    assert answer == {"batchItemFailures": []}
    assert [path.count("startTime=1772323200000") for path in binance.asked] == [1]
    assert [message.request.symbols for message in payloads] == [("BTCUSDT",)]


def test_a_task_for_the_past_of_currencies(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pair is another source's: it is asked for by name, without symbols of its own; no run is announced."""
    SymbolCatalog(bucket=cloud.bucket, client=cloud.s3).write("ecb", [])
    day = {"amount": 1.0, "base": "EUR", "start_date": "2026-03-27", "end_date": "2026-03-27"}
    body = json.dumps({**day, "rates": {"2026-03-27": {"TRY": 51.1187, "USD": 1.1571}}}).encode()
    with vendor() as frankfurter:
        frankfurter.answers["/v1/2026-03-27..2026-03-29"] = (200, {"Content-Type": "application/json"}, body)
        environment = {
            "SOURCE": "ecb",
            "DATA_BUCKET": cloud.bucket,
            "PAYLOAD_QUEUE_URL": cloud.queue_url,
            "TASK_QUEUE_URL": cloud.task_url,
            "SOURCE_BASE_URLS": frankfurter.url,
        }
        assert load("fetch", monkeypatch, environment)(event("sqs_ecb_task"), Context()) == {"batchItemFailures": []}
        assert frankfurter.asked == ["/v1/2026-03-27..2026-03-29?base=EUR&symbols=TRY%2CUSD"]
    ((payload,), (report,)) = messages(cloud)
    assert payload.request.symbols == ("USD/TRY",)
    assert payload.raw_key.startswith("raw/source=ecb/date=")
    assert (report.report.succeeded, report.report.next_due_at) == (1, None)


def test_a_batch_of_tasks_is_done_in_one_go(fetch: Handler, cloud: Cloud) -> None:
    """Several tasks in one batch are all done, each with its own report."""
    batch = event("sqs_fetch_task")
    batch["Records"].append({**batch["Records"][0], "messageId": "second"})
    assert fetch(batch, Context()) == {"batchItemFailures": []}
    payloads, reports = messages(cloud)
    assert (len(payloads), len(reports)) == (2, 2)


def test_an_unfinished_task_and_nonsense_come_back(fetch: Handler, cloud: Cloud, binance: Vendor) -> None:
    """A task that got no answer and a record that is no task are reported to SQS, each for itself."""
    binance.answers["/api/v3/klines"] = (503, {}, b"busy")
    batch = event("sqs_fetch_task")
    nonsense = {**batch["Records"][0], "messageId": "nonsense", "body": "{}"}
    batch["Records"].append(nonsense)
    failed = fetch(batch, Context())["batchItemFailures"]
    assert [one["itemIdentifier"] for one in failed] == [batch["Records"][0]["messageId"], "nonsense"]


def test_a_task_waits_in_its_queue_while_the_source_rests(fetch: Handler, cloud: Cloud, binance: Vendor) -> None:
    """It is done as far as this delivery goes, and lies in the queue again, hidden until the time has come."""
    states = SourceStates(bucket=cloud.bucket, client=cloud.s3)
    until = datetime.now(UTC) + timedelta(minutes=10)
    states.update("binance", lambda state: state.model_copy(update={"not_before": until}))
    batch = event("sqs_fetch_task")
    assert fetch(batch, Context()) == {"batchItemFailures": []}
    assert binance.asked == []
    delayed = "ApproximateNumberOfMessagesDelayed"
    counts = cloud.sqs.get_queue_attributes(QueueUrl=cloud.task_url, AttributeNames=["All"])["Attributes"]
    assert counts[delayed] == "1"


def test_the_last_try_of_a_part_says_that_it_is_lost(fetch: Handler, cloud: Cloud, binance: Vendor) -> None:
    """By the number of times that SQS has delivered it; earlier tries say nothing of the kind."""
    binance.answers["/api/v3/klines"] = (503, {}, b"busy")
    batch = event("sqs_fetch_task")
    record = batch["Records"][0]
    task = json.loads(record["body"])
    record["body"] = json.dumps({**task, "part": {"job": "job", "number": 3, "subject": "an hour"}})
    lost = []
    for receives in ("4", "5"):
        record["attributes"]["ApproximateReceiveCount"] = receives
        assert fetch(batch, Context())["batchItemFailures"]
        _, (report,) = messages(cloud)
        lost.append(report.report.lost)
    assert lost[0] is None
    assert lost[1] is not None
    assert (lost[1].part.number, lost[1].reason) == (3, "retry_later")


def test_an_event_that_is_not_one_is_refused(fetch: Handler) -> None:
    """A fetcher does nothing on an event that it does not know, and says what is wrong with it."""
    with pytest.raises(MalformedPayloadError, match="datasets"):
        fetch({"version": 1}, Context())


def test_a_key_from_secrets_manager_travels_in_a_header_only(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A vendor's key is read from Secrets Manager and never shows in a URL, the archive, a message or the log."""
    secret = "k3y-of-the-vendor"
    cloud.secrets.create_secret(Name="exchangerate", SecretString=secret)
    lira = pair("USDTRY").model_copy(update={"source": "exchangerate", "source_symbol": "USD/TRY"})
    SymbolCatalog(bucket=cloud.bucket, client=cloud.s3).write("exchangerate", [lira])
    body = json.dumps(
        {
            "result": "success",
            "time_last_update_unix": 1772409751,
            "time_next_update_unix": 1772496151,
            "base_code": "USD",
            "conversion_rates": {"USD": 1, "TRY": 43.9512},
        }
    ).encode()
    with vendor() as keyed:
        keyed.answers["/v6/latest/USD"] = (200, JSON, body)
        environment = {
            "SOURCE": "exchangerate",
            "DATA_BUCKET": cloud.bucket,
            "PAYLOAD_QUEUE_URL": cloud.queue_url,
            "TASK_QUEUE_URL": cloud.task_url,
            "SOURCE_BASE_URLS": keyed.url,
            "SOURCE_SECRET_ID": "exchangerate",
        }
        report = load("fetch", monkeypatch, environment)(event("schedule_exchangerate"), Context())
    assert report["succeeded"] == 1
    keys = cloud.keys()
    stored = b"".join(cloud.s3.get_object(Bucket=cloud.bucket, Key=key)["Body"].read() for key in keys)
    written = "".join([*keyed.asked, *cloud.messages(), capsys.readouterr().out, stored.decode("latin-1")])
    assert secret not in written


def test_a_missing_setting_is_named(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its queue a fetcher says so, by the setting's name, and asks nobody."""
    monkeypatch.delenv("PAYLOAD_QUEUE_URL", raising=False)
    handler = load("fetch", monkeypatch, {"SOURCE": "binance", "DATA_BUCKET": cloud.bucket})
    with pytest.raises(ConfigurationError, match="PAYLOAD_QUEUE_URL"):
        handler(event("schedule_binance"), Context())
