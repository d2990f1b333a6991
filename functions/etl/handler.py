"""Turns what fetchers hand over into rows: each SQS record is loaded by itself, a bad one fails alone."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from marketflow import bootstrap
from marketflow.observability import explained, logger, metrics
from marketflow.observability.loads import note_load


# Not Powertools' batch processor: it imports asyncio and the events of thirty services, a sixth of the cold start.
@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001 - Lambda's
    """The SQS records to deliver again; after the queue's limit of tries they end in its dead-letter queue."""
    loading = bootstrap.loading()
    failures = []
    for record in event["Records"]:
        try:
            with explained("message not loaded", correlation_id=record["messageId"]):
                note_load(loading.load(record["body"]))
        except Exception:  # noqa: BLE001 - `explained` has told it; the others of the batch go on
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
