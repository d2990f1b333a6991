"""What makes the alarms on sources and their data ring for real: outages, absurd answers, gaps."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from local.stack import PREFIX
from marketflow.persistence.connection import Database
from marketflow.sources.catalog import CATALOG
from tests.e2e.scene import Provocation, Scene, dimension, mappings

KLINES = Path(__file__).resolve().parents[2] / "events" / "sqs_binance_klines.json"
DAILY = 3600
"""From this period in seconds on a source publishes once a day, and is not asked again before it is due."""


def stale(scene: Scene, alarm: Mapping[str, Any]) -> Provocation:
    """The source answers every request with an error, as its gateway does in an outage."""
    source = CATALOG[dimension(alarm, "source")]
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
        assert _lose(scene.database, dimension(alarm, "source"))

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
    source = dimension(alarm, "source")
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
