"""AWS/Lambda for every invocation, by FunctionName and for all functions together.

MiniStack counts those of the Invoke API alone, and of an asynchronous one never how it ended; what a queue, a schedule
or the API invokes is in no metric of it. A throttled invocation is no invocation.
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
"""

from __future__ import annotations

import time
from typing import Any

from ministack.services import lambda_svc

from local.emulated import store

_dispatch = lambda_svc._execute_function_dispatch
_acquire = lambda_svc._acquire_execution_slot


def install() -> None:
    """Count where every invocation comes by, and nowhere else."""
    lambda_svc._emit_lambda_metrics = lambda *_, **__: None
    lambda_svc._execute_function_dispatch = dispatch
    lambda_svc._acquire_execution_slot = acquire


def dispatch(func: Any, config: dict[str, Any], *arguments: Any) -> Any:  # noqa: ANN401 - MiniStack has no types
    """An invocation, counted when it is over."""
    started = time.monotonic()
    result = _dispatch(func, config, *arguments)
    failed = isinstance(result, dict) and bool(result.get("error"))
    for name, value in (("Invocations", 1), ("Errors", int(failed)), ("Throttles", 0)):
        _put(config, name, value)
    _put(config, "Duration", round((time.monotonic() - started) * 1000), "Milliseconds")
    return result


def acquire(func: Any, config: dict[str, Any]) -> Any:  # noqa: ANN401 - the same
    """A place for an invocation; that there is none is a throttle."""
    slot, limit = _acquire(func, config)
    if slot is None:
        _put(config, "Throttles", 1)
    return slot, limit


def _put(config: dict[str, Any], name: str, value: float, unit: str = "Count") -> None:
    for dimensions in ({"FunctionName": config["FunctionName"]}, {}):
        store.put("AWS/Lambda", name, dimensions, value, unit)
