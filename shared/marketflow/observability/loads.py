"""What the log and the metrics say of a message that was loaded."""

from __future__ import annotations

from dataclasses import asdict

from aws_lambda_powertools.metrics import MetricUnit

from marketflow.observability import logger, metrics
from marketflow.observability.traces import annotate
from marketflow.services.loading import Loaded

MOVES_LOGGED = 20
"""Of one answer: a chart in another unit has hundreds, and the first ones say it all."""


def note_load(loaded: Loaded) -> None:
    """Log what a message became and count it. Each reason to refuse rows is a warning, and each price held back."""
    logger.set_correlation_id(loaded.correlation_id)
    known = {"correlation_id": loaded.correlation_id, "source": loaded.source, "raw_key": loaded.raw_key}
    annotate("load", {name: value for name, value in known.items() if value})
    if (result := loaded.result) is None:
        return
    facts = {"source": loaded.source, "raw_key": loaded.raw_key, **asdict(result), "moves": len(result.moves)}
    del facts["refused"]
    logger.info("loaded", extra={"load": facts})
    written = result.candles_written + result.prices_written + result.actions_written
    metrics.add_metric(name="RowsWritten", unit=MetricUnit.Count, value=written)
    metrics.add_metric(name="RowsRead", unit=MetricUnit.Count, value=result.rows)
    metrics.add_metric(name="RowsQuarantined", unit=MetricUnit.Count, value=result.quarantined)
    metrics.add_metric(name="MovesHeld", unit=MetricUnit.Count, value=len(result.moves))
    for reason, rows in result.refused.items():
        told = {"source": loaded.source, "reason": reason, "rows": rows, "raw_key": loaded.raw_key}
        logger.warning("rows refused", extra={"refused": told})
    for move in result.moves[:MOVES_LOGGED]:
        # The raw object is that of the row, which another answer may have brought.
        logger.warning("absurd move held back", extra={"move": asdict(move)})
