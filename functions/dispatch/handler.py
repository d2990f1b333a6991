"""Carries out commands, of which S3 tells by way of a queue: backfills, replays, redrives."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from marketflow import bootstrap
from marketflow.observability import explained, logger, metrics
from marketflow.observability.dispatches import note_dispatch
from marketflow.tracing import annotate, tracer

processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """The SQS records to deliver again; after the queue's limit of tries they end in its dead-letter queue."""
    dispatcher = bootstrap.dispatcher()

    def do(record: SQSRecord) -> None:
        with explained("command not carried out", correlation_id=record.message_id):
            for dispatched in dispatcher.dispatch(
                record.body, time_left=lambda: context.get_remaining_time_in_millis() / 1000
            ):
                note_dispatch(dispatched)
                annotate(correlation_id=dispatched.id)

    return dict(process_partial_response(event, do, processor, context))
