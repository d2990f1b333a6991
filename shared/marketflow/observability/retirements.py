"""What the log and the metrics say of months that leave the database."""

from __future__ import annotations

from aws_lambda_powertools.metrics import MetricUnit

from marketflow.observability import logger, metrics
from marketflow.services.retire import Retired


def note_retire(retired: Retired) -> None:
    """Log what left the database and count it; a month that cannot be exported is an error with its reason."""
    facts = {
        "retired": [str(month) for month in retired.retired],
        "tidied": [str(month) for month in retired.tidied],
        "brought_back": [str(month) for month in retired.brought_back],
        "files": retired.files,
        "rows": retired.rows,
        "overdue": retired.overdue,
        "overdue_days": retired.overdue_days,
    }
    logger.info("retired", extra={"retire": facts})
    for month, reason in retired.failures.items():
        logger.error("month kept", extra={"month": str(month), "reason": reason})
    for name, value in (
        ("MonthsRetired", len(retired.retired)),
        ("MonthsKept", len(retired.failures)),
        ("MonthsOverdue", retired.overdue),
        ("OverdueDays", retired.overdue_days),
        ("RowsExported", retired.rows),
    ):
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)
