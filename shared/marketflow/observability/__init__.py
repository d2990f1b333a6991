"""JSON logs and EMF metrics, the same in every function, through Powertools.

Service name, metrics namespace and log level come from Powertools' own environment variables, which the CDK app sets.
A module for each function notes what it did, so that no function imports the words of the others.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from aws_lambda_powertools import Logger, Metrics

from marketflow.errors import MarketFlowError

logger = Logger()
"""The functions' logger: one JSON object a line, with the correlation id of the request or tick that it serves."""

# An invocation that fails has no metrics and says so itself; Powertools' warning would be one more line for each.
warnings.filterwarnings("ignore", message="No application metrics to publish")

metrics = Metrics()
"""The functions' metrics: EMF lines in the log, which CloudWatch turns into metrics at no request of ours."""


@contextmanager
def explained(what: str, *, correlation_id: str) -> Iterator[None]:
    """Log why a piece of work was not done, under its correlation id, and let the error go on to the caller."""
    logger.set_correlation_id(correlation_id)
    try:
        yield
    except MarketFlowError as error:
        logger.warning(what, extra={"error": type(error).__name__, "reason": str(error)})
        raise
    except Exception:
        # A fault of ours: the whole traceback, since nobody has named this yet.
        logger.exception(what)
        raise
