"""What the log and the metrics say of a command that was carried out."""

from __future__ import annotations

from dataclasses import asdict

from aws_lambda_powertools.metrics import MetricUnit

from marketflow.observability import logger, metrics
from marketflow.services.dispatch import Dispatched


def note_dispatch(dispatched: Dispatched) -> None:
    """Log how far a command got and count what it sent, under the id of its job."""
    logger.set_correlation_id(dispatched.id)
    logger.info("dispatched", extra={"dispatch": asdict(dispatched)})
    metrics.add_metric(name="MessagesDispatched", unit=MetricUnit.Count, value=dispatched.sent)
