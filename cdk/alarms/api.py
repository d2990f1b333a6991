"""Alarms of what users of the API notice. That it fails is told by the burn rates (budgets.py)."""

from __future__ import annotations

from collections.abc import Iterator

from cdk.alarms.alarm import Alarm
from cdk.metrics import api_metric
from cdk.stages import Stage


def of_api(stage: Stage) -> Iterator[Alarm]:
    """The alarms of the API."""
    yield Alarm(
        name="api-slow",
        kind="api-slow",
        severity="ticket",
        help=f"One request in a hundred took longer than {stage.alarms.latency_p99} ms for a quarter of an hour.",
        metric=api_metric(stage, "Latency", "p99"),
        threshold=stage.alarms.latency_p99,
        periods=3,
        rare_data_waits=True,
    )
