"""Real messages for the measurement: the sources' own requests, answered by the simulated vendors, as SQS records."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from local.load.answers import Tick, fetched
from marketflow.domain.fetching import FetchRequest, FetchTask, RawResponse
from marketflow.messaging.archive import pack, raw_key
from marketflow.messaging.envelope import PayloadMessage
from marketflow.sources import factory

SEED = 7
SESSION = datetime(2026, 11, 25, 18, 30, tzinfo=UTC)
"""A Wednesday on which New York trades: four hours of its session are over, Istanbul's is."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One message: its text, the bytes of the body as they came, and those of the archived object."""

    text: str
    body_bytes: int
    archived_bytes: int

    @property
    def message_bytes(self) -> int:
        """What SQS counts."""
        return len(self.text.encode())


def messages(source: str, dataset: str, moments: Sequence[datetime], *, since: timedelta) -> list[Answered]:
    """What a fetcher would send at each of `moments` (UTC), having last asked `since` before."""
    task = FetchTask(dataset=dataset)
    ticks = [Tick(source, task, moment, since) for moment in moments]
    return [_answered(request, response) for request, response in fetched(SEED, ticks)]


def many_prices(names: Sequence[str], moments: Sequence[datetime]) -> list[Answered]:
    """The last prices of `names`, which need not exist anywhere: more than the simulated vendor knows."""
    vendor = factory.create("binance")
    answered = []
    for number, moment in enumerate(moments):
        (request,) = vendor.build_requests(FetchTask(dataset="ticker_price"), names, now=moment, since=None)
        rows = [{"symbol": name, "price": f"{1 + number / 1000:.8f}"} for name in names]
        headers = {"content-type": "application/json", "date": format_datetime(moment, usegmt=True)}
        body = json.dumps(rows, separators=(",", ":")).encode()
        answered.append(_answered(request, RawResponse(status=200, headers=headers, received_at=moment, body=body)))
    return answered


def _answered(request: FetchRequest, response: RawResponse) -> Answered:
    key = raw_key(request, response)
    text = PayloadMessage.of(request, response, raw_key=key, correlation_id="bench").to_json()
    return Answered(text, len(response.body), len(pack(request, response)))


def records(texts: Sequence[str]) -> dict[str, Any]:
    """The event with which SQS invokes the ETL."""
    return {
        "Records": [
            {
                "messageId": f"00000000-0000-4000-8000-{number:012d}",
                "receiptHandle": "bench",
                "body": text,
                "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "0"},
                "messageAttributes": {},
                "md5OfBody": "",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:payloads",
                "awsRegion": "us-east-1",
            }
            for number, text in enumerate(texts)
        ]
    }
