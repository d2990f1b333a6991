"""Turns what fetchers hand over into rows: each SQS record is loaded by itself, a bad one fails alone."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from marketflow import bootstrap
from marketflow.observability import explained, logger, metrics, note_load

processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """The SQS records to deliver again; after the queue's limit of tries they end in its dead-letter queue."""
    loading = bootstrap.loading()

    def do(record: SQSRecord) -> None:
        with explained("message not loaded", correlation_id=record.message_id):
            note_load(loading.load(record.body))

    return dict(process_partial_response(event, do, processor, context))
