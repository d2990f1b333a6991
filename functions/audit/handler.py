"""Compares what is stored with what must exist, keeps the ledger of gaps, and has them repaired; by schedule."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from marketflow import bootstrap
from marketflow.domain.auditing import AuditOrder
from marketflow.observability import explained, logger, metrics
from marketflow.observability.audits import note_audit
from marketflow.tracing import annotate, tracer


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """How many series were looked at, and how many jobs begun."""
    order = AuditOrder.model_validate(event)
    correlation_id = order.execution_id or context.aws_request_id
    annotate(correlation_id=correlation_id)
    with explained("not audited", correlation_id=correlation_id):
        audited = bootstrap.auditor().run(order.scope, time_left=lambda: context.get_remaining_time_in_millis() / 1000)
        note_audit(audited)
    return {"looked_at": audited.looked_at, "begun": len(audited.begun)}
