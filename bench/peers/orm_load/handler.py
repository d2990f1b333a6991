"""The ETL function as this field usually builds it: Powertools' batch, boto3, pydantic and SQLAlchemy's ORM."""

from __future__ import annotations

import gzip
import hashlib
import os
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, ConfigDict

from bench.peers.orm_load.load import engine, load

logger = Logger()
metrics = Metrics()
processor = BatchProcessor(event_type=EventType.SQS)
s3 = boto3.client("s3")
database = engine(os.environ["DATABASE_URL"])


class FetchRequest(BaseModel):
    """What was asked of the source."""

    source: str
    dataset: str
    symbols: list[str]


class Message(BaseModel):
    """One answer; a large one lies in the bucket."""

    model_config = ConfigDict(val_json_bytes="base64")

    correlation_id: str
    request: FetchRequest
    headers: dict[str, str]
    received_at: datetime
    raw_key: str
    body: bytes | None

    def content(self) -> bytes:
        """The body itself."""
        if self.body is None:
            found = s3.get_object(Bucket=os.environ["DATA_BUCKET"], Key=self.raw_key)
            return gzip.decompress(found["Body"].read())
        return gzip.decompress(self.body)


def record_handler(record: SQSRecord) -> None:
    """Load one record."""
    message = Message.model_validate_json(record.body)
    number = int.from_bytes(hashlib.sha256(message.raw_key.encode()).digest()[:8], "big", signed=True)
    rows = load(
        database,
        message.content(),
        source_symbol=message.request.symbols[0],
        raw={
            "id": number,
            "key": message.raw_key,
            "source": message.request.source,
            "dataset": message.request.dataset,
            "received_at": message.received_at,
        },
        clock=parsedate_to_datetime(message.headers["date"]),
    )
    logger.info("loaded", extra={"raw_key": message.raw_key, "rows": rows})
    metrics.add_metric(name="RowsWritten", unit=MetricUnit.Count, value=rows)


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Load every record of a batch; those that fail come back alone."""
    return dict(process_partial_response(event, record_handler, processor, context))
