"""What makes the alarms on sources and their data ring for real: outages, absurd answers, gaps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from local.stack import PREFIX
from marketflow.domain.gaps import MOST_TRIES
from marketflow.messaging.envelope import PayloadMessage, decode
from marketflow.sources.catalog import CATALOG
from tests.e2e.scene import Provocation, Scene, dimension, mappings

KLINES = Path(__file__).resolve().parents[2] / "events" / "sqs_binance_klines.json"
LOSE = """
WITH series AS (
    SELECT a.symbol_id, a.interval FROM audits a JOIN symbols s ON s.id = a.symbol_id
    WHERE s.source = :source AND s.active AND s.symbol <> 'BTCUSDT' ORDER BY a.interval DESC, a.symbol_id LIMIT 1
), lost AS (
    SELECT c.symbol_id, c.interval, c.open_time FROM candles c JOIN series USING (symbol_id, interval)
    WHERE c.final
      AND c.open_time < now() - CASE c.interval WHEN '1m' THEN interval '20 minutes' ELSE interval '4 days' END
    ORDER BY c.open_time DESC LIMIT 1
), unknown AS (
    UPDATE fetched_ranges f
    SET fetched = f.fetched - tstzmultirange(tstzrange(l.open_time, l.open_time + interval '1 minute'))
    FROM lost l WHERE f.symbol_id = l.symbol_id AND f.interval = l.interval
), due AS (
    UPDATE audits a SET recent_at = a.recent_at - interval '1 day'
    FROM lost l WHERE a.symbol_id = l.symbol_id AND a.interval = l.interval
)
DELETE FROM candles c USING lost l
WHERE c.symbol_id = l.symbol_id AND c.interval = l.interval AND c.open_time = l.open_time RETURNING c.open_time
"""
"""A candle of twenty minutes or four days ago is gone from one series, with the knowledge that it was fetched.

Days are looked at each hour: that the next look is due is made. Bitcoin is left out, since the answers that are sent
for other alarms are about it, and say that everything was fetched.
"""


def behind(scene: Scene, alarm: Mapping[str, Any]) -> Provocation:
    """A source answers every request with an error, as its gateway does in an outage; that it began earlier is made.

    What is known of its newest data is put back by three days: a source that publishes once a day may fail for a day.
    """
    scheduled = [source for source in CATALOG.values() if source.schedules]
    source = next((one for one in scheduled if one.name == dimension(alarm, "source")), scheduled[0])
    datasets = [dataset for schedule in source.schedules for dataset in schedule.datasets]

    def put_back() -> None:
        # Again and again: an answer from before the outage may still be on its way to the table.
        scene.query(
            "UPDATE source_status SET last_success_at = last_success_at - interval '3 days',"
            " newest_data_at = newest_data_at - interval '3 days'"
            " WHERE source = :source AND last_success_at > now() - interval '1 day' RETURNING source",
            source=source.name,
        )

    def cure() -> None:
        scene.stack.set_fault(f"{source.name}.http_503", None)
        scene.forget(source.name)
        scene.invoke(f"{PREFIX}fetch-{source.name}", {"version": 1, "datasets": datasets})

    return Provocation(
        cause=lambda: scene.stack.set_fault(f"{source.name}.http_503", "on"),
        cure=cure,
        during=put_back,
        always=scene.audit,
        period=5,
    )


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
        ((close,),) = scene.query(
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
    message = decode(json.loads(KLINES.read_text())["Records"][0]["body"])
    assert isinstance(message, PayloadMessage)
    response = message.response()
    assert response is not None
    now = datetime.now(UTC)
    minute = int(now.replace(second=0, microsecond=0).timestamp() * 1000)
    rows = json.loads(response.body)
    for number, row in enumerate(rows):
        row[0] = minute - 60_000 * (len(rows) - 1 - number)
        row[6] = row[0] + 59_999
        row[1:5] = [f"{price:.8f}"] * 4
    dated = {**response.headers, "date": format_datetime(now, usegmt=True)}
    answer = response.model_copy(update={"body": json.dumps(rows).encode(), "received_at": now, "headers": dated})
    return PayloadMessage.of(
        message.request, answer, raw_key=f"{message.raw_key}.{now.timestamp()}", correlation_id="alarms"
    ).to_json()


def unexplained_gap(scene: Scene, alarm: Mapping[str, Any]) -> Provocation:
    """A candle is lost, and its repair does not begin, because nobody reads the queue of commands.

    Of a source whose candles nobody has fetched yet the gap is written into the ledger by hand.
    """
    functions, (mapping,) = scene.stack.client("lambda"), mappings(scene, "commands")
    source = dimension(alarm, "source")
    by_hand = _in_ledger(scene, source, "queued")

    def cause() -> None:
        functions.update_event_source_mapping(UUID=mapping, Enabled=False)
        if not scene.query(LOSE, source=source):
            by_hand.cause()

    def cure() -> None:
        functions.update_event_source_mapping(UUID=mapping, Enabled=True)
        by_hand.cure()

    return Provocation(cause=cause, cure=cure, always=scene.audit, period=5)


def given_up(scene: Scene, alarm: Mapping[str, Any]) -> Provocation:
    """The ledger has a gap as three failed repairs leave it after hours: that row is written, and closed, by hand."""
    return replace(_in_ledger(scene, dimension(alarm, "source"), "given_up"), always=scene.audit, period=5)


def _in_ledger(scene: Scene, source: str, state: str) -> Provocation:
    """A row of the ledger about a day of three years ago, of which no look at the newest candles knows anything."""
    gap = {"gap": f"alarm-{source}-{state}"}

    def cause() -> None:
        scene.query(
            "INSERT INTO gaps (id, symbol_id, interval, starts_at, ends_at, missing, reason, state, tries,"
            " first_seen_at, last_seen_at) SELECT :gap, a.symbol_id, a.interval, now() - interval '3 years',"
            " now() - interval '3 years' + interval '1 day', 1, 'not_fetched', :state, :tries, now(), now()"
            " FROM audits a JOIN symbols s ON s.id = a.symbol_id WHERE s.source = :source AND s.active LIMIT 1"
            " RETURNING id",
            **gap,
            source=source,
            state=state,
            tries=MOST_TRIES if state == "given_up" else 0,
        )

    def cure() -> None:
        scene.query("UPDATE gaps SET closed_at = now(), state = 'repaired' WHERE id = :gap RETURNING id", **gap)

    return Provocation(cause=cause, cure=cure)
