"""Loads a Lambda handler the way Lambda does: with its environment set, in a process that has not wired it yet."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

EVENTS = Path(__file__).parents[1] / "events"

Handler = Callable[[dict[str, Any], object], Any]


@dataclass(frozen=True)
class Context:
    """What Lambda says of an invocation."""

    function_name: str = "marketflow-test"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:000000000000:function:marketflow-test"
    aws_request_id: str = "11111111-0000-4000-8000-000000000000"
    log_group_name: str = "/aws/lambda/marketflow-test"
    seconds_left: float = 30.0

    def get_remaining_time_in_millis(self) -> int:
        """The time until Lambda would cut the function off."""
        return int(self.seconds_left * 1000)


def load(name: str, monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str]) -> Handler:
    """The handler of functions/`name`, wired anew from `environment`; the fixture `unwired` undoes it."""
    for variable, value in {
        "MARKETFLOW_STAGE": "test",
        "POWERTOOLS_SERVICE_NAME": name,
        "POWERTOOLS_METRICS_NAMESPACE": "MarketFlow",
        "POWERTOOLS_TRACE_DISABLED": "true",
        **environment,
    }.items():
        monkeypatch.setenv(variable, value)
    sys.modules.pop(f"functions.{name}.handler", None)
    handler: Handler = importlib.import_module(f"functions.{name}.handler").handler
    return handler


def event(name: str) -> dict[str, Any]:
    """A canonical event of events/."""
    loaded: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))
    return loaded
