"""What makes each kind of alarm ring for real in the running local stack, and what mends it again.

A new alarm of a known kind needs nothing here; a new kind needs a row in KINDS.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
from botocore.exceptions import ClientError

from local.stack import PREFIX, LocalStack
from marketflow.persistence.connection import Database
from marketflow.sources.catalog import CATALOG

KLINES = Path(__file__).resolve().parents[2] / "events" / "sqs_binance_klines.json"
DAILY = 3600
"""From this period in seconds on a source publishes once a day, and is not asked again before it is due."""


def nothing() -> None:
    """Nothing has to be done."""


@dataclass(frozen=True, kw_only=True)
class Provocation:
    """The `cause` of an alarm and its `cure`; what happens meanwhile is repeated every few seconds.

    `always` is what goes on in any case, `during` what goes on while the cause stands. `period` in seconds is what the
    alarm's is shortened to, and `threshold`, of an age, what it is lowered to.
    """

    cause: Callable[[], None] = nothing
    cure: Callable[[], None] = nothing
    during: Callable[[], None] = nothing
    always: Callable[[], None] = nothing
    period: int = 3
    threshold: float | None = None


@dataclass(frozen=True, kw_only=True)
class Scene:
    """The running stack and its database."""

    stack: LocalStack
    database: Database

    def invoke(self, function: str, event: Mapping[str, Any]) -> None:
        """Run a function; that it fails or is refused is what the alarm is to see."""
        payload = json.dumps(event)
        with suppress(ClientError):
            self.stack.client("lambda").invoke(FunctionName=function, Payload=payload)

    def forget(self, source: str) -> None:
        """Take away what the fetcher remembers of its source: the next run asks for everything, whenever it is due."""
        self.stack.client("s3").delete_object(Bucket=self.stack.data_bucket(), Key=f"state/{source}.json")

    def audit(self) -> None:
        """The auditor looks at the newest candles, as it does each minute."""
        self.invoke(f"{PREFIX}audit", {"version": 1, "scope": "recent"})


def mappings(scene: Scene, queue: str) -> list[str]:
    """The event source mappings by which functions read the queue `marketflow-local-<queue>`."""
    sqs, url = scene.stack.client("sqs"), scene.stack.queue_url(queue)
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    found = scene.stack.client("lambda").list_event_source_mappings(EventSourceArn=arn)["EventSourceMappings"]
    return [mapping["UUID"] for mapping in found]


def _dimension(alarm: Mapping[str, Any], name: str) -> str:
    return next(str(one["Value"]) for one in alarm["Dimensions"] if one["Name"] == name)


def dead_letter(scene: Scene, alarm: Mapping[str, Any]) -> Provocation:
    """A message lies in the dead-letter queue, until it is taken away."""
    sqs = scene.stack.client("sqs")
    url = sqs.get_queue_url(QueueName=_dimension(alarm, "QueueName"))["QueueUrl"]
    return Provocation(
        cause=lambda: sqs.send_message(QueueUrl=url, MessageBody="work that failed for good"),
        cure=lambda: sqs.purge_queue(QueueUrl=url),
    )


def old_message(scene: Scene, alarm: Mapping[str, Any]) -> Provocation:
    """A message waits longer than it may, because nobody reads the queue."""
    sqs, functions = scene.stack.client("sqs"), scene.stack.client("lambda")
    url = sqs.get_queue_url(QueueName=_dimension(alarm, "QueueName"))["QueueUrl"]
    (mapping,) = mappings(scene, _dimension(alarm, "QueueName").removeprefix(PREFIX))

    def cause() -> None:
        functions.update_event_source_mapping(UUID=mapping, Enabled=False)
        sqs.send_message(QueueUrl=url, MessageBody="work that waits")

    def cure() -> None:
        sqs.purge_queue(QueueUrl=url)
        functions.update_event_source_mapping(UUID=mapping, Enabled=True)

    return Provocation(cause=cause, cure=cure, threshold=2.0)


def errors(scene: Scene, alarm: Mapping[str, Any]) -> Provocation:
    """Every invocation fails: the function was deployed with a handler that does not exist."""
    functions, name = scene.stack.client("lambda"), _dimension(alarm, "FunctionName")
    handler = functions.get_function_configuration(FunctionName=name)["Handler"]
    return Provocation(
        cause=lambda: functions.update_function_configuration(FunctionName=name, Handler="absent.handler"),
        cure=lambda: functions.update_function_configuration(FunctionName=name, Handler=handler),
        during=lambda: scene.invoke(name, {}),
        period=5,
    )


def throttles(scene: Scene, alarm: Mapping[str, Any]) -> Provocation:
    """Invocations are refused: no concurrency is left for the function, or for one of the account's."""
    functions, name = scene.stack.client("lambda"), f"{PREFIX}api"
    if alarm["Dimensions"]:
        name = _dimension(alarm, "FunctionName")
    before = functions.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions")

    def cure() -> None:
        if before is None:
            functions.delete_function_concurrency(FunctionName=name)
        else:
            functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=before)

    return Provocation(
        cause=lambda: functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0),
        cure=cure,
        during=lambda: scene.invoke(name, {}),
    )


def server_errors(scene: Scene, alarm: Mapping[str, Any]) -> Provocation:
    """The database is gone, and the API answers 503 more often than it may."""

    def ask() -> None:
        for _ in range(int(alarm["Threshold"]) + 2):
            httpx.get(f"{scene.stack.facts.api_url}/ready", timeout=15, trust_env=False)

    postgres = scene.stack.postgres
    return Provocation(cause=postgres.kill, cure=postgres.restart, during=ask, period=10)


def failing_requests(scene: Scene, alarm: Mapping[str, Any]) -> Provocation:
    """The same for an alarm on the share of requests that fail."""
    return server_errors(scene, {**alarm, "Threshold": 10})


def stale(scene: Scene, alarm: Mapping[str, Any]) -> Provocation:
    """The source answers every request with an error, as its gateway does in an outage."""
    source = CATALOG[_dimension(alarm, "source")]
    datasets = [dataset for schedule in source.schedules for dataset in schedule.datasets]

    def fetch() -> None:
        if alarm["Period"] >= DAILY:
            # The next publication is due: what the fetcher remembers of the last one would keep it waiting for a day.
            scene.forget(source.name)
        scene.invoke(f"{PREFIX}fetch-{source.name}", {"version": 1, "datasets": datasets})

    return Provocation(
        cause=lambda: scene.stack.set_fault(f"{source.name}.http_503", "on"),
        cure=lambda: scene.stack.set_fault(f"{source.name}.http_503", None),
        always=fetch,
        period=max(1, 15 // alarm.get("EvaluationPeriods", 1)),
    )


def behind(scene: Scene, alarm: Mapping[str, Any]) -> Provocation:
    """The same outage where the auditor tells how old the data is; that it began three days ago is made.

    The source's last success is put back: a source that is asked once a day may fail for a day and more.
    """
    source = next(source for source in CATALOG.values() if source.schedules and source.name in json.dumps(alarm))
    outage = stale(scene, {"Dimensions": [{"Name": "source", "Value": source.name}], "Period": DAILY})

    def cause() -> None:
        outage.cause()
        scene.database.query(
            "UPDATE source_status SET last_success_at = last_success_at - interval '3 days' WHERE source = :source"
            " RETURNING source",
            source=source.name,
        )

    def cure() -> None:
        outage.cure()
        outage.always()

    return Provocation(cause=cause, cure=cure, always=scene.audit, period=5)


def refused_rows(scene: Scene, alarm: Mapping[str, Any]) -> Provocation:
    """Answers come whose rows are no data: their prices are negative."""
    sqs, url = scene.stack.client("sqs"), scene.stack.queue_url("payloads")

    def send() -> None:
        sqs.send_message(QueueUrl=url, MessageBody=_klines(Decimal(-1)))

    return Provocation(during=send, period=5)


def silent_auditor(scene: Scene, alarm: Mapping[str, Any]) -> Provocation:
    """The auditor says nothing, because it is refused."""
    audit = {"Dimensions": [{"Name": "FunctionName", "Value": f"{PREFIX}audit"}]}
    refused = throttles(scene, audit)
    return Provocation(cause=refused.cause, cure=refused.cure, always=scene.audit, period=5)


def absurd_move(scene: Scene, alarm: Mapping[str, Any]) -> Provocation:
    """An answer comes with a hundred times the last close; the next answer has the right price again."""
    sqs, url = scene.stack.client("sqs"), scene.stack.queue_url("payloads")

    def cause() -> None:
        ((close,),) = scene.database.query(
            "SELECT close FROM candles JOIN symbols s ON s.id = symbol_id WHERE s.symbol = 'BTCUSDT'"
            " AND interval = '1m' AND final ORDER BY open_time DESC LIMIT 1"
        )
        sqs.send_message(QueueUrl=url, MessageBody=_klines(close * 100))

    return Provocation(
        cause=cause,
        cure=lambda: scene.invoke(f"{PREFIX}fetch-binance", {"version": 1, "datasets": ["klines_1m"]}),
        period=5,
    )


def _klines(price: Decimal) -> str:
    """The canonical message of Bitcoin's klines, as if of now, with this price in all of them."""
    message = json.loads(json.loads(KLINES.read_text())["Records"][0]["body"])
    now = datetime.now(UTC)
    minute = int(now.replace(second=0, microsecond=0).timestamp() * 1000)
    rows = json.loads(gzip.decompress(base64.b64decode(message["body"])))
    for number, row in enumerate(rows):
        row[0] = minute - 60_000 * (len(rows) - 1 - number)
        row[6] = row[0] + 59_999
        row[1:5] = [f"{price:.8f}"] * 4
    message["body"] = base64.b64encode(gzip.compress(json.dumps(rows).encode())).decode()
    message["received_at"] = now.isoformat()
    message["headers"]["date"] = now.strftime("%a, %d %b %Y %H:%M:%S GMT")
    return json.dumps(message)


def unexplained_gap(scene: Scene, alarm: Mapping[str, Any]) -> Provocation:
    """A candle is lost, and its repair does not begin, because nobody reads the queue of commands."""
    functions, (mapping,) = scene.stack.client("lambda"), mappings(scene, "commands")

    def cause() -> None:
        functions.update_event_source_mapping(UUID=mapping, Enabled=False)
        assert _lose(scene.database, _dimension(alarm, "source"))

    return Provocation(
        cause=cause,
        cure=lambda: functions.update_event_source_mapping(UUID=mapping, Enabled=True),
        always=scene.audit,
        period=5,
    )


def _lose(database: Database, source: str) -> list[list[Any]]:
    """Take a candle of a week or some minutes ago out of one series, with the knowledge that it was fetched."""
    ((symbol, interval, moment),) = database.query(
        "SELECT c.symbol_id, CAST(c.interval AS text), c.open_time FROM candles c JOIN (SELECT a.symbol_id, a.interval"
        " FROM audits a JOIN symbols s ON s.id = a.symbol_id WHERE s.source = :source AND s.active"
        " ORDER BY a.interval DESC, a.symbol_id LIMIT 1) series USING (symbol_id, interval)"
        " WHERE c.final ORDER BY c.open_time DESC OFFSET 5 LIMIT 1",
        source=source,
    )
    row = {"symbol": symbol, "interval": interval, "moment": moment}
    database.query(
        "UPDATE fetched_ranges SET fetched = fetched - tstzmultirange(tstzrange(:moment, :moment + interval '1 day'))"
        " WHERE symbol_id = :symbol AND interval = CAST(:interval AS candle_interval) RETURNING symbol_id",
        **row,
    )
    return database.query(
        "DELETE FROM candles WHERE symbol_id = :symbol AND interval = CAST(:interval AS candle_interval)"
        " AND open_time = :moment RETURNING open_time",
        **row,
    )


def given_up(scene: Scene, alarm: Mapping[str, Any]) -> Provocation:
    """The ledger has a gap as three failed repairs leave it after hours: that row is written, and closed, by hand."""
    source = _dimension(alarm, "source")
    gap = f"alarm-{source}"

    def cause() -> None:
        scene.database.query(
            "INSERT INTO gaps (id, symbol_id, interval, starts_at, ends_at, missing, reason, state, tries,"
            " first_seen_at, last_seen_at) SELECT :gap, a.symbol_id, a.interval, now() - interval '3 years',"
            " now() - interval '3 years' + interval '1 day', 1, 'not_fetched', 'given_up', 3, now(), now()"
            " FROM audits a JOIN symbols s ON s.id = a.symbol_id WHERE s.source = :source AND s.active LIMIT 1"
            " RETURNING id",
            gap=gap,
            source=source,
        )

    def cure() -> None:
        scene.database.query(
            "UPDATE gaps SET closed_at = now(), state = 'repaired' WHERE id = :gap RETURNING id", gap=gap
        )

    return Provocation(cause=cause, cure=cure, always=scene.audit, period=5)


def made(scene: Scene, alarm: Mapping[str, Any]) -> Provocation:
    """Made datapoints, such as AWS would publish of what cannot happen on this machine: no provocation at all."""
    below = alarm["ComparisonOperator"].startswith("Less")
    bad, good = (alarm["Threshold"] + step for step in ((-1, 1) if below else (1, -1)))
    cloudwatch, value = scene.stack.client("cloudwatch"), {"now": good}

    def publish() -> None:
        # A percentile needs samples enough to mean something.
        datum = {"MetricName": alarm["MetricName"], "Values": [value["now"]], "Counts": [2000.0]}
        if alarm.get("Statistic"):
            datum = {"MetricName": alarm["MetricName"], "Value": value["now"]}
        if alarm.get("Dimensions"):
            datum["Dimensions"] = alarm["Dimensions"]
        cloudwatch.put_metric_data(Namespace=alarm["Namespace"], MetricData=[datum])

    return Provocation(
        cause=lambda: value.update(now=bad), cure=lambda: value.update(now=good), always=publish, period=5
    )


Provoke = Callable[[Scene, Mapping[str, Any]], Provocation]

KINDS: dict[str, Provoke] = {
    "AWS/SQS ApproximateNumberOfMessagesVisible": dead_letter,
    "AWS/SQS ApproximateAgeOfOldestMessage": old_message,
    "AWS/Lambda Errors": errors,
    "AWS/Lambda Throttles": throttles,
    "AWS/ApiGateway 5XXError": server_errors,
    "AWS/ApiGateway 5XXError + AWS/ApiGateway Count": failing_requests,
    "AWS/ApiGateway Latency": made,
    "MarketFlow MovesHeld": absurd_move,
    "MarketFlow GapsUnexplained": unexplained_gap,
    "MarketFlow RepairsGivenUp": given_up,
    "MarketFlow FetchSucceeded": stale,
    "MarketFlow FreshnessSeconds": behind,
    "MarketFlow FreshnessSeconds SampleCount": silent_auditor,
    "MarketFlow Stale": behind,
    "MarketFlow RowsQuarantined + MarketFlow RowsRead": refused_rows,
    "MarketFlow BudgetUsed": made,
}
"""By the metric that an alarm looks at; of metric math all of them, in alphabetical order, joined by ` + `."""

ACTS: tuple[tuple[Provoke, ...], ...] = (
    (absurd_move, refused_rows, unexplained_gap, given_up),
    (dead_letter, old_message, made),
    (errors,),
    (throttles,),
    (stale, behind),
    (silent_auditor,),
    (server_errors, failing_requests),
)
"""What is provoked together: what needs the same function, or the database, comes one after the other."""


def kind_of(alarm: Mapping[str, Any]) -> str:
    """The metrics that an alarm looks at, without the stage in a namespace; and that it counts nothing but samples."""
    if not alarm.get("Metrics"):
        counted = " SampleCount" if alarm.get("Statistic") == "SampleCount" else ""
        return _metric(alarm) + counted
    metrics = [query["MetricStat"]["Metric"] for query in alarm["Metrics"] if "MetricStat" in query]
    return " + ".join(sorted({_metric(one) for one in metrics}))


def _metric(told: Mapping[str, Any]) -> str:
    return f"{told['Namespace'].removesuffix('/local')} {told['MetricName']}"
