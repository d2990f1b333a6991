"""Alarms that are evaluated every few seconds, whether data arrives or not, each by its own definition.

MiniStack looks at its alarms when data is put by the API: at all points of a metric's name together, whatever their
dimensions, all periods as one, and without metric math (docs/adr/0019-alarms-on-the-laptop.md). History, actions and
composite alarms are MiniStack's.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from ministack.services import cloudwatch
from ministack.services.cloudformation import provisioners

from local.emulated import store
from local.emulated.alarm_states import judge
from local.emulated.metric_math import MathError, parsed

log = logging.getLogger(__name__)

OF_ONE_METRIC = ("Namespace", "MetricName", "Dimensions", "Period", "Statistic", "ExtendedStatistic", "Unit")
"""What an alarm on metric math does not have."""

LOW_SAMPLES = "EvaluateLowSampleCountPercentile"

_put_metric_alarm = cloudwatch._put_metric_alarm
_metric_alarm_record = provisioners._cw_metric_alarm_record


def install() -> None:
    """Take the evaluation over, and let alarms have metric math."""
    cloudwatch._evaluate_alarm = lambda _: None
    cloudwatch._evaluate_all_alarms = lambda: None
    cloudwatch._put_metric_alarm = put_metric_alarm
    provisioners._cw_metric_alarm_record = metric_alarm_record


def evaluate_all() -> None:
    """Bring every alarm's state up to date."""
    now = time.time()
    for alarm in cloudwatch._alarms.values():
        try:
            verdict = judge(alarm, now=now, read=store.read)
        except (MathError, KeyError):
            log.exception("The alarm %s cannot be evaluated", alarm["AlarmName"])
            continue
        if verdict.state != alarm["StateValue"]:
            _change(alarm, verdict.state, verdict.reason)


def _change(alarm: dict[str, Any], state: str, reason: str) -> None:
    before, now = alarm["StateValue"], int(time.time())
    alarm |= {
        "StateValue": state,
        "StateReason": reason,
        "StateUpdatedTimestamp": now,
        "StateTransitionedTimestamp": now,
    }
    cloudwatch._record_history(alarm["AlarmName"], before, state, reason)
    cloudwatch._dispatch_alarm_actions(alarm, before, state, reason)
    cloudwatch._evaluate_parent_alarms(alarm)


def put_metric_alarm(params: Any, data: Any, is_cbor: bool, is_json: bool = False) -> Any:  # noqa: ANN401 - MiniStack has no types
    """PutMetricAlarm, which leaves metric math out."""
    try:
        metrics = checked(data.get("Metrics"))
    except MathError as error:
        return cloudwatch._error("ValidationError", str(error), 400, use_json=is_json, use_cbor=is_cbor)
    answer = _put_metric_alarm(params, data, is_cbor, is_json)
    # The old Query protocol has its members elsewhere; no SDK of today speaks it here.
    if answer[0] == 200 and data:
        _complete(cloudwatch._alarms[data["AlarmName"]], data, metrics)
    return answer


def metric_alarm_record(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    """An alarm of a template, of which MiniStack refuses metric math. Raises MathError, which fails the deployment."""
    metrics = checked(properties.get("Metrics"))
    stand_in = {"Namespace": "-", "MetricName": "-"} if metrics else {}
    alarm = _metric_alarm_record(name, {**properties, "Metrics": None, **stand_in})
    return _complete(alarm, properties, metrics)


def checked(metrics: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    """The metrics, when all expressions among them can be evaluated. Raises MathError."""
    for one in metrics or []:
        if "Expression" in one:
            parsed(one["Expression"])
    return metrics or []


def _complete(alarm: dict[str, Any], told: dict[str, Any], metrics: list[dict[str, Any]]) -> dict[str, Any]:
    """The alarm with what MiniStack leaves out of it."""
    if LOW_SAMPLES in told:
        alarm[LOW_SAMPLES] = told[LOW_SAMPLES]
    if metrics:
        for name in OF_ONE_METRIC:
            alarm.pop(name, None)
        alarm["Metrics"] = metrics
    return alarm
