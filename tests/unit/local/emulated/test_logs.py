"""Metrics out of lines of a log, and lines of the access log."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.emulated.access_log import line
from local.emulated.emf import Datum, metrics_of
from local.emulated.metric_filters import PatternError, compiled, dimensions, metric_value

pytestmark = pytest.mark.unit


def embedded(**members: Any) -> str:  # noqa: ANN401 - any JSON
    metrics = [{"Name": "Rows", "Unit": "Count"}, {"Name": "Age"}]
    directive = {"Namespace": "MarketFlow", "Dimensions": [["service"], ["service", "source"]], "Metrics": metrics}
    return json.dumps({"_aws": {"Timestamp": 1_500, "CloudWatchMetrics": [directive]}, **members})


def test_every_set_of_dimensions_has_its_metrics() -> None:
    """A number or an array of them, under each set of dimensions, with its unit and the line's own time."""
    found = metrics_of(embedded(service="etl", source="ecb", Rows=[1, 2.5], Age=3))
    assert found[0] == Datum(
        namespace="MarketFlow",
        name="Rows",
        dimensions={"service": "etl"},
        values=(1.0, 2.5),
        unit="Count",
        timestamp=1.5,
    )
    assert [(one.name, one.dimensions, one.unit) for one in found[1:]] == [
        ("Rows", {"service": "etl", "source": "ecb"}, "Count"),
        ("Age", {"service": "etl"}, "None"),
        ("Age", {"service": "etl", "source": "ecb"}, "None"),
    ]


def test_a_set_whose_dimension_is_missing_has_none() -> None:
    """A set of dimensions that names a member which the line lacks is left out, alone."""
    assert [one.dimensions for one in metrics_of(embedded(service="etl", Rows=1))] == [{"service": "etl"}]


@pytest.mark.parametrize("rows", ["7", True, None, [1, "2"], list(range(101)), {"a": 1}])
def test_what_is_no_number_is_no_metric(rows: object) -> None:
    """Only numbers, and arrays of at most a hundred of them, are values."""
    assert metrics_of(embedded(service="etl", source="ecb", Rows=rows)) == []


@pytest.mark.parametrize(
    "message",
    [
        "REPORT RequestId",
        '{"level": "INFO"}',
        '{"CloudWatchMetrics": 1}',
        '["CloudWatchMetrics"]',
        '{"CloudWatchMetrics"',
        '{"_aws": {"Timestamp": 1, "CloudWatchMetrics": [{"Metrics": [{}]}]}}',
        '{"_aws": {"Timestamp": 1, "CloudWatchMetrics": ["text"]}}',
    ],
)
def test_other_lines_have_no_metrics(message: str) -> None:
    """A line of another kind is nothing, and no error."""
    assert metrics_of(message) == []


EVENT = {"status": "503", "route": "/v1/prices/{symbol}", "plan": None, "api": {"key": "k1"}, "bytes": 12}


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("", True),
        ("{ $.status = 5* }", True),
        ("{ $.status = 4* }", False),
        ('{ $.status = "503" }', True),
        ("{ $.status >= 500 && $.bytes < 100 }", True),
        ("{ ($.status = 4*) || ($.status = 5*) }", True),
        ("{ $.status != 503 }", False),
        ('{ $.route = "/v1/prices/{symbol}" }', True),
        ('{ $.route = "/v1/prices/*" && $.api.key = "k1" }', True),
        ("{ $.plan IS NULL }", True),
        ("{ $.gone NOT EXISTS }", True),
        ("{ $.gone = 5* }", False),
    ],
)
def test_patterns(pattern: str, matches: bool) -> None:
    """Which patterns match the event of the access log above."""
    assert compiled(pattern)(EVENT) is matches


def test_an_unknown_pattern_is_refused() -> None:
    """A pattern that is not understood matches nothing by accident: it is an error."""
    with pytest.raises(PatternError):
        compiled("{ $.status = %5% }x{ }")(EVENT)
    with pytest.raises(PatternError):
        compiled("{ $.a = 1 && $.b = 2 || $.c = 3 }")


def test_a_filter_counts_or_takes_a_member() -> None:
    """The value is a number or a member of the event; an event without a dimension's member is not counted."""
    assert metric_value({"metricValue": "1"}, EVENT) == 1.0
    assert metric_value({"metricValue": "$.bytes"}, EVENT) == 12.0
    assert metric_value({"metricValue": "$.route"}, EVENT) is None
    assert dimensions({"dimensions": {"Route": "$.route"}}, EVENT) == {"Route": "/v1/prices/{symbol}"}
    assert dimensions({"dimensions": {"Plan": "$.plan"}}, EVENT) is None


def test_a_line_of_the_access_log() -> None:
    """Variables are filled in, unknown ones are a dash, and quotes cannot break the JSON."""
    form = '{"status": "$context.status", "agent": "$context.identity.userAgent", "trace": "$context.xrayTraceId"}'
    values = {"status": 200, "identity.userAgent": 'a "b"\\'}
    assert json.loads(line(form, values)) == {"status": "200", "agent": 'a "b"\\', "trace": "-"}
