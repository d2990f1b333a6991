"""Metrics out of logs: the embedded metric format, and metric filters.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/MonitoringLogData.html
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from typing import Any

from ministack.services import cloudwatch_logs

from local.emulated import store
from local.emulated.emf import Datum, metrics_of
from local.emulated.metric_filters import PatternError, compiled, dimensions, metric_value

log = logging.getLogger(__name__)

_fan_out = cloudwatch_logs._fanout_to_subscription_filters


def install() -> None:
    """Look at every event of every log group."""
    # All that is stored is handed to the subscriptions, with the name of its group.
    cloudwatch_logs._fanout_to_subscription_filters = fan_out


def fan_out(group: str, stream: str, events: list[dict[str, Any]]) -> Any:  # noqa: ANN401 - MiniStack has no types
    """Hand events of a group to its subscriptions, and to what makes metrics of them."""
    for event in events:
        store.put_all(metrics_of(event["message"]))
    filters = [one for (name, _), one in cloudwatch_logs._metric_filters.items() if name == group]
    for one in filters:
        for event in events:
            _filter(one, event)
    return _fan_out(group, stream, events)


def append(group: str, stream: str, message: str) -> None:
    """Store one event of now as PutLogEvents does, in a stream that is made with the first one."""
    if group not in cloudwatch_logs._log_groups:
        return
    if stream not in cloudwatch_logs._log_groups[group]["streams"]:
        cloudwatch_logs._create_log_stream({"logGroupName": group, "logStreamName": stream})
    event = {"timestamp": int(time.time() * 1000), "message": message}
    cloudwatch_logs._put_log_events({"logGroupName": group, "logStreamName": stream, "logEvents": [event]})


def _filter(one: Mapping[str, Any], event: Mapping[str, Any]) -> None:
    parsed = _parsed(event["message"])
    try:
        matches = compiled(one["filterPattern"])(parsed)
    except PatternError:
        log.exception("The metric filter %s cannot be applied", one["filterName"])
        return
    for transformation in one["metricTransformations"]:
        value = metric_value(transformation, parsed) if matches else transformation.get("defaultValue")
        found = dimensions(transformation, parsed) if matches else {}
        if value is not None and found is not None:
            store.put_all([_datum(transformation, event, value, found)])


def _datum(told: Mapping[str, Any], event: Mapping[str, Any], value: float, found: dict[str, str]) -> Datum:
    return Datum(
        namespace=told["metricNamespace"],
        name=told["metricName"],
        dimensions=found,
        values=(float(value),),
        unit=told.get("unit", "None"),
        timestamp=event["timestamp"] / 1000,
    )


def _parsed(message: str) -> Any:  # noqa: ANN401 - any JSON
    try:
        return json.loads(message)
    except ValueError:
        return message
