"""Exports months that are older than the stage keeps, verifies the export, and drops them; by schedule."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from marketflow import bootstrap
from marketflow.domain.retention import RetireOrder
from marketflow.observability import explained, logger, metrics
from marketflow.observability.retirements import note_retire
from marketflow.observability.traces import annotate


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """How many months were retired, how many rows exported for it, and how many months are still due."""
    order = RetireOrder.model_validate(event)
    correlation_id = order.execution_id or context.aws_request_id
    annotate("retire", {"correlation_id": correlation_id})
    with explained("not retired", correlation_id=correlation_id):
        retired = bootstrap.retirer().run(time_left=lambda: context.get_remaining_time_in_millis() / 1000)
        note_retire(retired)
    return {"retired": len(retired.retired), "rows": retired.rows, "overdue": retired.overdue}
