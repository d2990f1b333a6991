"""The picture of a stage, as `make status` prints it from CloudWatch and SQS."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from local.picture import Picture
from local.status import Place, report
from tests.cloud import Cloud

pytestmark = pytest.mark.functional

NOW = datetime.now(UTC).replace(microsecond=0)
Put = Callable[..., None]


@pytest.fixture
def cloudwatch(cloud: Cloud) -> Any:  # noqa: ANN401 - boto3 without stubs for it
    """CloudWatch of an account without metrics."""
    make: Any = boto3.client
    return make("cloudwatch")


@pytest.fixture
def put(cloudwatch: Any) -> Put:  # noqa: ANN401 - the same
    """Stores a value of a metric, so many minutes ago."""

    def put(namespace: str, name: str, value: float, *, ago: int = 1, **dimensions: str) -> None:
        datum = {
            "MetricName": name,
            "Value": value,
            "Timestamp": NOW - timedelta(minutes=ago),
            "Dimensions": [{"Name": key, "Value": one} for key, one in dimensions.items()],
        }
        cloudwatch.put_metric_data(Namespace=namespace, MetricData=[datum])

    return put


@pytest.fixture
def picture(cloud: Cloud, cloudwatch: Any) -> Picture:  # noqa: ANN401 - the same
    """Of the stage `dev`."""
    return Picture(stage="dev", cloudwatch=cloudwatch, sqs=cloud.sqs)


def test_a_quiet_stage_is_said_in_five_facts(picture: Picture) -> None:
    """No queue holds anything, nothing rings; that nobody looked for gaps is no good news."""
    assert list(picture.lines(NOW)) == [
        "Last hour:    0 requests, 0 of them 4xx, 0 5xx",
        "              0 rows written, 0 refused, 0 held back",
        "Open gaps:    nobody looked in the last ten minutes",
        "Queues:       none",
        "Dead letters: none",
        "Alarms:       none rings",
    ]


def test_the_last_hour_is_summed(picture: Picture, put: Put) -> None:
    """Of this stage alone, and of nothing older."""
    for ago, count in ((5, 1000), (50, 234), (90, 9)):
        put("AWS/ApiGateway", "Count", count, ago=ago, ApiName="marketflow-dev-api")
    put("AWS/ApiGateway", "Count", 7, ApiName="marketflow-prod-api")
    put("AWS/ApiGateway", "5XXError", 3, ApiName="marketflow-dev-api")
    put("MarketFlow/dev", "RowsWritten", 4321, service="etl")
    requests, rows, *_ = picture.lines(NOW)
    assert requests.startswith("Last hour:    1,234 requests, 0 of them 4xx, 3 5xx")
    assert rows == "              4,321 rows written, 0 refused, 0 held back"


def test_gaps_are_the_auditors_newest_numbers(picture: Picture, put: Put) -> None:
    """Of each source what is still to be repaired."""
    for ago, value in ((9, 5), (1, 2)):
        put("MarketFlow/dev", "GapsUnexplained", value, ago=ago, service="audit", source="yahoo")
    put("MarketFlow/dev", "RepairsGivenUp", 1, service="audit", source="yahoo")
    put("MarketFlow/dev", "GapsUnexplained", 0, service="audit", source="binance")
    (gaps,) = (line for line in picture.lines(NOW) if line.startswith("Open gaps"))
    assert gaps.startswith("Open gaps:    binance none; yahoo 2 unexplained, 1 given up")


def test_queues_and_dead_letters_are_counted_apart(picture: Picture, cloud: Cloud) -> None:
    """Those that are being worked on too; those of another stage not."""
    for name in ("dev-payloads", "dev-payloads-dlq", "dev-commands", "prod-payloads"):
        url = cloud.sqs.create_queue(QueueName=f"marketflow-{name}")["QueueUrl"]
        if name != "dev-commands":
            cloud.sqs.send_message(QueueUrl=url, MessageBody="x")
    lines = list(picture.lines(NOW))
    assert "Queues:       1 in payloads" in lines
    assert "Dead letters: 1 in payloads-dlq" in lines


def test_what_rings_is_said_with_its_reason_and_its_page(picture: Picture, cloudwatch: Any) -> None:  # noqa: ANN401
    """The one that is quiet is not."""
    for name in ("marketflow-dev-etl-errors", "marketflow-dev-api-slow", "marketflow-prod-etl-errors"):
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            AlarmDescription="It fails. Runbook: docs/runbook/alarms.md#function-errors",
            Namespace="AWS/Lambda",
            MetricName="Errors",
            ComparisonOperator="GreaterThanThreshold",
            EvaluationPeriods=1,
            Period=60,
            Statistic="Sum",
            Threshold=0,
        )
    for stage in ("dev", "prod"):
        cloudwatch.set_alarm_state(
            AlarmName=f"marketflow-{stage}-etl-errors", StateValue="ALARM", StateReason="3 errors"
        )
    *_, count, line, page = picture.lines(NOW)
    assert count == "Alarms:       1 ring"
    assert line.startswith("  marketflow-dev-etl-errors rings for")
    assert line.endswith(": 3 errors")
    assert page.endswith("docs/runbook/alarms.md#function-errors")


def test_an_api_that_does_not_answer_is_a_line(picture: Picture) -> None:
    """The rest is read all the same: it may say why."""
    lines = list(report(Place(api_url="http://127.0.0.1:1/api/v1", picture=picture), NOW))
    assert lines[0] == "API  http://127.0.0.1:1/api/v1"
    assert not any(line.startswith("Key") for line in lines)
    assert "Connection refused" in lines[2]
    assert lines[-1] == "Alarms:       none rings"
