"""Fetches one source, on a tick of its schedule or for a task of its queue (one deployed function per source)."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from marketflow import bootstrap
from marketflow.observability import explained, logger, metrics
from marketflow.observability.fetches import note_fetch
from marketflow.tracing import annotate, tracer

processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """The report of a tick, or the SQS records to deliver again."""
    fetcher = bootstrap.fetcher()

    def time_left() -> float:
        return context.get_remaining_time_in_millis() / 1000

    if "Records" not in event:
        order = fetcher.order(event)
        correlation_id = order.execution_id or context.aws_request_id
        logger.set_correlation_id(correlation_id)
        annotate(correlation_id=correlation_id)
        report = fetcher.tick(order, correlation_id=correlation_id, time_left=time_left)
        note_fetch(report)
        return report.model_dump(mode="json")

    def do(record: SQSRecord) -> None:
        annotate(correlation_id=record.message_id)
        with explained("task not done", correlation_id=record.message_id):
            report = fetcher.task(
                record.body,
                correlation_id=record.message_id,
                time_left=time_left,
                receives=int(record.attributes.approximate_receive_count),
            )
            if report is not None:
                note_fetch(report)

    return dict(process_partial_response(event, do, processor, context))
