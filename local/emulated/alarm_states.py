"""When a metric alarm is in which state, as CloudWatch documents it: pure, without the emulator.

The window slides: it ends with the last whole minute (with the last whole second for periods shorter than a minute) and
is looked at anew each time. `datapoints` and what comes of them are ordered from the oldest to the newest.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from local.emulated.metric_math import MathError, Scope, Series, Value, as_series, evaluate

State = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]
MINUTE = 60

EXTRA_PERIODS = 2
"""How many periods more than those that it evaluates an alarm looks back at, to make up for missing ones.

CloudWatch's number depends on the period and is not documented; two is that of the documented examples.
"""

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


@dataclass(frozen=True, kw_only=True)
class Window:
    """`count` periods of `period` seconds each, from `start` (seconds since 1970) on."""

    start: int
    period: int
    count: int

    @classmethod
    def ending(cls, now: float, *, period: int, count: int) -> Window:
        """The newest one whose periods are over."""
        resolution = MINUTE if period >= MINUTE else 1
        return cls(start=int(now // resolution) * resolution - period * count, period=period, count=count)

    def number(self, moment: float) -> int | None:
        """Which of the periods a moment is in, None for none of them."""
        number = int((moment - self.start) // self.period)
        return number if 0 <= number < self.count else None


Read = Callable[[Mapping[str, Any], Window], Series]
"""The value of a `MetricStat` (of the CloudWatch API) in each period of a window."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The state of an alarm, and why."""

    state: State
    reason: str


def judge(alarm: Mapping[str, Any], *, now: float, read: Read) -> Verdict:
    """The state of an alarm as DescribeAlarms tells it, from its metrics. Raises MathError for a bad expression."""
    queries = queries_of(alarm)
    evaluated = int(alarm["EvaluationPeriods"])
    window = Window.ending(now, period=period_of(queries), count=evaluated + EXTRA_PERIODS)
    values = _result(queries, window, read)
    exceeds = COMPARISONS[alarm["ComparisonOperator"]]
    breaching = [None if value is None else exceeds(value, alarm["Threshold"]) for value in values]
    if _too_few(alarm, queries, window, read):
        return Verdict(state=alarm["StateValue"], reason=alarm.get("StateReason", ""))
    state = state_of(
        breaching,
        periods=evaluated,
        needed=int(alarm.get("DatapointsToAlarm") or evaluated),
        missing=alarm.get("TreatMissingData") or "missing",
        before=alarm["StateValue"],
    )
    return Verdict(state=state, reason=_reason(alarm, values, state))


def state_of(datapoints: Sequence[bool | None], *, periods: int, needed: int, missing: str, before: State) -> State:
    """The state from datapoints that breach (True), do not (False) or are missing (None).

    Of `periods` datapoints `needed` must breach. As few as possible are filled in as `missing` says; `before` is the
    state up to now, which stays where nothing can be said.
    """
    real = [one for one in datapoints if one is not None][-periods:]
    breaching, absent = sum(real), periods - len(real)
    filled = absent if missing == "breaching" else 0
    if breaching + filled >= needed:
        return "ALARM"
    if absent == 0 or missing in ("breaching", "notBreaching") or not all(real):
        return "OK"
    if not real:
        return "INSUFFICIENT_DATA" if missing == "missing" else before
    # Only breaching ones, and too few: no premature alarm, unless the oldest of them has waited long enough.
    waited = len(datapoints) - datapoints.index(True)
    return "ALARM" if missing == "missing" and waited >= needed else before


def _too_few(alarm: Mapping[str, Any], queries: Sequence[Mapping[str, Any]], window: Window, read: Read) -> bool:
    """Whether a percentile is one of so few samples that it means nothing, and the alarm is told to wait then.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/percentiles-with-low-samples.html
    """
    percentile = str(alarm.get("ExtendedStatistic") or "")
    if alarm.get("EvaluateLowSampleCountPercentile") != "ignore" or not percentile.startswith("p"):
        return False
    rank = float(percentile[1:]) / 100
    counts = read({**queries[0]["MetricStat"], "Stat": "SampleCount"}, window)[-int(alarm["EvaluationPeriods"]) :]
    enough = 10 / (1 - rank if rank >= 0.5 else rank)
    return any(count is not None and count < enough for count in counts)


def queries_of(alarm: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the alarm looks at as MetricDataQuery items: one metric, or its metric math."""
    if alarm.get("Metrics"):
        return list(alarm["Metrics"])
    names = ("Namespace", "MetricName", "Dimensions")
    metric = {
        "Metric": {name: alarm.get(name) for name in names},
        "Period": alarm["Period"],
        "Stat": alarm.get("ExtendedStatistic") or alarm.get("Statistic"),
        "Unit": alarm.get("Unit"),
    }
    return [{"Id": "metric", "MetricStat": metric}]


def period_of(queries: Sequence[Mapping[str, Any]]) -> int:
    """The period of an alarm's metrics in seconds; all of them have the same."""
    return next(int(query["MetricStat"]["Period"]) for query in queries if "MetricStat" in query)


def _result(queries: Sequence[Mapping[str, Any]], window: Window, read: Read) -> Series:
    """The series of the one query that returns data."""
    known: dict[str, Value] = {}
    by_id = {query["Id"]: query for query in queries}

    def resolve(name: str) -> Value:
        if name not in by_id:
            raise MathError(f"{name} is no metric of this alarm")
        if name not in known:
            query = by_id[name]
            known[name] = read(query["MetricStat"], window) if "MetricStat" in query else compute(query["Expression"])
        return known[name]

    def compute(expression: str) -> Value:
        return evaluate(expression, Scope(resolve=resolve, period=window.period, count=window.count))

    returned = next(query["Id"] for query in queries if query.get("ReturnData", True))
    return as_series(resolve(returned), window.count)


def _reason(alarm: Mapping[str, Any], values: Series, state: State) -> str:
    """Why, in the manner of CloudWatch."""
    shown = [f"{value:g}" for value in values if value is not None][-5:]
    if not shown:
        treated = {"breaching": "Breaching", "notBreaching": "NonBreaching"}.get(alarm.get("TreatMissingData") or "")
        words = f"no datapoints were received for {len(values)} periods"
        return f"Threshold Crossed: {words}, treated as [{treated}]." if treated else f"Insufficient data: {words}."
    crossed = "Threshold Crossed" if state == "ALARM" else "Threshold"
    return (
        f"{crossed}: the newest datapoints [{', '.join(shown)}], {alarm['ComparisonOperator']} {alarm['Threshold']:g}."
    )
