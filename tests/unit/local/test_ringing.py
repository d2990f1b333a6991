"""Which alarms ring, as DescribeAlarms tells it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from local.ringing import alarms, ringing

pytestmark = pytest.mark.functional


@pytest.fixture
def cloudwatch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        client = boto3.client("cloudwatch", region_name="us-east-1")
        for name in ("marketflow-dev-a", "marketflow-dev-b", "marketflow-prod-c"):
            client.put_metric_alarm(
                AlarmName=name,
                AlarmDescription="What to do.",
                Namespace="N",
                MetricName="m",
                Statistic="Sum",
                Period=60,
                EvaluationPeriods=1,
                Threshold=0,
                ComparisonOperator="GreaterThanThreshold",
            )
        yield client


def test_only_what_rings_is_told(cloudwatch: Any) -> None:  # noqa: ANN401 - a client of boto3
    """Of the asked stage those in ALARM, with since when and why; all of its alarms can be listed as well."""
    for name in ("marketflow-dev-b", "marketflow-prod-c"):
        cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="6 is above 5")
    (one,) = ringing(cloudwatch, "marketflow-dev-")
    assert (one.name, one.help) == ("marketflow-dev-b", "What to do.")
    assert abs(datetime.now(UTC) - one.since) < timedelta(minutes=5)
    assert one.line(one.since + timedelta(minutes=7)) == "marketflow-dev-b rings for 7 min: 6 is above 5"
    assert {alarm["AlarmName"] for alarm in alarms(cloudwatch, "marketflow-dev-")} == {
        "marketflow-dev-a",
        "marketflow-dev-b",
    }
