"""Alarm states as CloudWatch documents them, its own tables of missing data among them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from local.emulated.alarm_states import State, Window, judge, state_of
from local.emulated.metric_math import Series

pytestmark = pytest.mark.unit

KEEPS = None
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
STATES: tuple[State, ...] = ("OK", "ALARM", "INSUFFICIENT_DATA")
OK, ALARM, INSUFFICIENT = "OK", "ALARM", "INSUFFICIENT_DATA"
DATA = {"0": False, "X": True, "-": None}

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
THREE_OF_THREE = [
    ("0 - X - X", (OK, OK, OK, OK)),
    ("0 - - - -", (OK, OK, OK, OK)),
    ("- - - - -", (INSUFFICIENT, KEEPS, ALARM, OK)),
    ("0 X X - X", (ALARM, ALARM, ALARM, ALARM)),
    ("- - X - -", (ALARM, KEEPS, ALARM, OK)),
]
TWO_OF_THREE = [
    ("0 - X - X", (ALARM, ALARM, ALARM, ALARM)),
    ("0 0 X 0 X", (ALARM, ALARM, ALARM, ALARM)),
    ("0 - X - -", (OK, OK, ALARM, OK)),
    ("- - - - 0", (OK, OK, ALARM, OK)),
    ("- - - X -", (ALARM, KEEPS, ALARM, OK)),
]


@pytest.mark.parametrize("before", STATES)
@pytest.mark.parametrize(
    ("needed", "datapoints", "states"), [(3, *row) for row in THREE_OF_THREE] + [(2, *row) for row in TWO_OF_THREE]
)
def test_missing_data_counts_as_documented(
    needed: int, datapoints: str, states: tuple[State | None, ...], before: State
) -> None:
    """Every row of AWS's two tables, for each treatment, whatever the state was; KEEPS is 'retain current state'."""
    told = [DATA[one] for one in datapoints.split()]
    found = [state_of(told, periods=3, needed=needed, missing=how, before=before) for how in TREATMENTS]
    assert found == [state or before for state in states]


@pytest.mark.parametrize("datapoints", ["- - - - X", "- - - X -"])
@pytest.mark.parametrize("before", STATES)
def test_an_alarm_is_not_premature(datapoints: str, before: State) -> None:
    """Where the next datapoint may be good, one bad one after none is not enough for three of three."""
    told = [DATA[one] for one in datapoints.split()]
    assert state_of(told, periods=3, needed=3, missing="missing", before=before) == before


@pytest.mark.parametrize(("now", "period", "start"), [(125.9, 60, 0), (125.9, 300, -480), (125.9, 10, 105)])
def test_the_window_slides_by_whole_minutes(now: float, period: int, start: int) -> None:
    """It ends with the last whole minute, not with a multiple of the period; short periods end with a whole second."""
    assert Window.ending(now, period=period, count=2).start == start


def metric(name: str) -> dict[str, Any]:
    return {"Metric": {"Namespace": "N", "MetricName": name, "Dimensions": []}, "Period": 60, "Stat": "Sum"}


def alarm(**told: Any) -> dict[str, Any]:  # noqa: ANN401 - any member of an alarm
    definition = {"EvaluationPeriods": 1, "Threshold": 5.0, "ComparisonOperator": "GreaterThanThreshold"}
    return {"StateValue": "INSUFFICIENT_DATA", "TreatMissingData": "notBreaching", **definition, **told}


def reader(**series: Series) -> Any:  # noqa: ANN401 - a function of the test
    def read(stat: Mapping[str, Any], window: Window) -> Series:
        values = series[stat["Metric"]["MetricName"]]
        return [None] * (window.count - len(values)) + values

    return read


@pytest.mark.parametrize(
    ("comparison", "below", "at", "above"),
    [
        ("GreaterThanThreshold", OK, OK, ALARM),
        ("GreaterThanOrEqualToThreshold", OK, ALARM, ALARM),
        ("LessThanThreshold", ALARM, OK, OK),
        ("LessThanOrEqualToThreshold", ALARM, ALARM, OK),
    ],
)
def test_comparisons(comparison: str, below: State, at: State, above: State) -> None:
    """Each comparison, below, at and above the threshold."""
    told = alarm(
        **metric("m") | {"Namespace": "N", "MetricName": "m", "Statistic": "Sum"}, ComparisonOperator=comparison
    )
    found = [judge(told, now=600, read=reader(m=[value])).state for value in (4.0, 5.0, 6.0)]
    assert found == [below, at, above]


def test_metric_math_is_judged_by_what_returns_data() -> None:
    """An alarm on metric math looks at the one query that returns data, through those it names."""
    math = [
        {"Id": "errors", "MetricStat": metric("errors"), "ReturnData": False},
        {"Id": "all", "MetricStat": metric("all"), "ReturnData": False},
        {"Id": "share", "Expression": "FILL(errors, 0) / all", "ReturnData": False},
        {"Id": "percent", "Expression": "100 * share"},
    ]
    found = judge(alarm(Metrics=math), now=600, read=reader(errors=[6.0, None], all=[100.0, 10.0]))
    assert found.state == "OK"
    assert judge(alarm(Metrics=math), now=600, read=reader(errors=[6.0], all=[100.0])).state == "ALARM"


def test_the_reason_names_what_was_seen() -> None:
    """The newest datapoints and the threshold; or that there were none, and what they counted as."""
    told = alarm(Namespace="N", MetricName="m", Statistic="Sum", Period=60)
    assert "[6]" in judge(told, now=600, read=reader(m=[6.0])).reason
    assert "no datapoints" in judge(told, now=600, read=reader(m=[])).reason


@pytest.mark.parametrize(("samples", "state"), [(999.0, "OK"), (1000.0, "ALARM")])
def test_a_percentile_of_few_samples_may_wait(samples: float, state: State) -> None:
    """For p99 a thousand samples are enough; an alarm that ignores fewer keeps its state, any other one is judged."""

    def read(stat: Mapping[str, Any], window: Window) -> Series:
        return [samples if stat["Stat"] == "SampleCount" else 9.0] * window.count

    told = alarm(Namespace="N", MetricName="m", ExtendedStatistic="p99", Period=60, StateValue="OK")
    assert judge({**told, "EvaluateLowSampleCountPercentile": "ignore"}, now=600, read=read).state == state
    assert judge(told, now=600, read=read).state == "ALARM"
