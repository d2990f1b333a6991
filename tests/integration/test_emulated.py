"""What is added to MiniStack, in a running one without the pipeline: metrics from everywhere, and alarms on them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from local.emulator import Emulator
from local.processes import choose_port
from local.ringing import alarms, ringing
from tests.cloud import open_to_topics

pytestmark = pytest.mark.integration

GROUP, STREAM = "/test/group", "stream"


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """MiniStack with what it lacks, which looks at alarms every second."""
    home = tmp_path_factory.mktemp("emulated")
    running = Emulator(home=home, data=home / "data", port=choose_port(0), hastened=True)
    try:
        running.wait_ready()
        running.client("logs").create_log_group(logGroupName=GROUP)
        running.client("logs").create_log_stream(logGroupName=GROUP, logStreamName=STREAM)
        yield running
    finally:
        running.stop()


def soon(question: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever is asked for
    """The first answer that is not empty, within twenty seconds."""
    deadline = time.monotonic() + 20
    while not (answer := question()):
        assert time.monotonic() < deadline, "nothing after 20 s"
        time.sleep(0.3)
    return answer


def total(emulator: Emulator, namespace: str, name: str, **dimensions: str) -> float:
    """The sum of a metric over the last minutes."""
    now = datetime.now(UTC)
    points = emulator.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=name,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=now - timedelta(minutes=5),
        EndTime=now + timedelta(minutes=1),
        Period=3600,
        Statistics=["Sum"],
    )["Datapoints"]
    return sum(point["Sum"] for point in points)


def put(emulator: Emulator, name: str, value: float, **dimensions: str) -> None:
    datum = {
        "MetricName": name,
        "Value": value,
        "Dimensions": [{"Name": key, "Value": one} for key, one in dimensions.items()],
    }
    emulator.client("cloudwatch").put_metric_data(Namespace="T", MetricData=[datum])


def alarm(emulator: Emulator, name: str, **told: Any) -> None:  # noqa: ANN401 - members of PutMetricAlarm
    definition = {"EvaluationPeriods": 1, "Threshold": 5, "ComparisonOperator": "GreaterThanThreshold"}
    emulator.client("cloudwatch").put_metric_alarm(AlarmName=name, **definition | told)


def state(emulator: Emulator, name: str) -> str:
    (found,) = alarms(emulator.client("cloudwatch"), name)
    return str(found["StateValue"])


def log(emulator: Emulator, *lines: dict[str, Any]) -> None:
    now = int(time.time() * 1000)
    emulator.client("logs").put_log_events(
        logGroupName=GROUP,
        logStreamName=STREAM,
        logEvents=[{"timestamp": now, "message": json.dumps(line)} for line in lines],
    )


def test_lines_of_logs_become_metrics(emulator: Emulator) -> None:
    """Embedded metrics, and those of a metric filter with a dimension, of the lines that match it alone."""
    emulator.client("logs").put_metric_filter(
        logGroupName=GROUP,
        filterName="server-errors",
        filterPattern="{ $.status = 5* }",
        metricTransformations=[
            {
                "metricNamespace": "T",
                "metricName": "Failed",
                "metricValue": "1",
                "dimensions": {"Route": "$.route"},
            }
        ],
    )
    directive = {"Namespace": "T", "Dimensions": [["service"]], "Metrics": [{"Name": "Rows", "Unit": "Count"}]}
    embedded = {"_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}}
    log(emulator, {**embedded, "service": "etl", "Rows": [2, 3]})
    log(emulator, {"status": "503", "route": "/a"}, {"status": "404", "route": "/a"}, {"status": "500", "route": "/b"})
    assert total(emulator, "T", "Rows", service="etl") == 5
    assert (total(emulator, "T", "Failed", Route="/a"), total(emulator, "T", "Failed", Route="/b")) == (1, 1)


def test_queues_have_metrics(emulator: Emulator) -> None:
    """How many messages a queue holds is in AWS/SQS."""
    sqs = emulator.client("sqs")
    url = sqs.create_queue(QueueName="counted")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="one")
    name = "ApproximateNumberOfMessagesVisible"
    assert soon(lambda: total(emulator, "AWS/SQS", name, QueueName="counted"))


def test_an_alarm_sees_its_own_dimensions_alone(emulator: Emulator) -> None:
    """What rings one alarm is no datapoint of another one on the same metric with other dimensions."""
    for part in ("a", "b"):
        of_part = [{"Name": "Part", "Value": part}]
        alarm(
            emulator,
            f"own-{part}",
            Namespace="T",
            MetricName="Own",
            Dimensions=of_part,
            Statistic="Sum",
            Period=10,
            TreatMissingData="notBreaching",
        )
    put(emulator, "Own", 6, Part="a")
    put(emulator, "Own", 4, Part="b")
    assert soon(lambda: [one.name for one in ringing(emulator.client("cloudwatch"), "own-")]) == ["own-a"]


def test_silence_rings(emulator: Emulator) -> None:
    """An alarm that takes missing data for breaching rings although nothing was ever published."""
    alarm(
        emulator,
        "silence",
        Namespace="T",
        MetricName="Never",
        Statistic="Sum",
        Period=10,
        TreatMissingData="breaching",
    )
    soon(lambda: state(emulator, "silence") == "ALARM")


def test_an_alarm_of_a_template_may_have_metric_math(emulator: Emulator) -> None:
    """It is deployed, rings by its expression, tells its topic so, and tells of its end through OKActions."""
    sns, sqs = emulator.client("sns"), emulator.client("sqs")
    topic = sns.create_topic(Name="told")["TopicArn"]
    url = sqs.create_queue(QueueName="told")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": open_to_topics(arn)})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    metrics = [
        {
            "Id": name.lower(),
            "ReturnData": False,
            "MetricStat": {"Metric": {"Namespace": "T", "MetricName": name}, "Period": 10, "Stat": "Sum"},
        }
        for name in ("Bad", "All")
    ]
    properties = {
        "AlarmName": "math",
        "Metrics": [*metrics, {"Id": "share", "Expression": "IF(all > 0, bad / all, 0)"}],
        "EvaluationPeriods": 1,
        "Threshold": 0.5,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
        "AlarmActions": [topic],
        "OKActions": [topic],
    }
    resource = {"Type": "AWS::CloudWatch::Alarm", "Properties": properties}
    emulator.client("cloudformation").create_stack(
        StackName="math", TemplateBody=json.dumps({"Resources": {"Alarm": resource}})
    )

    def told() -> list[str]:
        received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0).get("Messages", [])
        return [json.loads(json.loads(one["Body"])["Message"])["NewStateValue"] for one in received]

    soon(lambda: told() == ["OK"])
    put(emulator, "Bad", 6)
    put(emulator, "All", 10)
    soon(lambda: told() == ["OK", "ALARM"])
    put(emulator, "All", 90)
    soon(lambda: told() == ["OK", "ALARM", "OK"])


def test_metric_math_comes_back_as_it_was_put(emulator: Emulator) -> None:
    """PutMetricAlarm keeps an expression, and refuses one that it could not evaluate."""
    stat = {"Metric": {"Namespace": "T", "MetricName": "m", "Dimensions": []}, "Period": 60, "Stat": "p99"}
    metrics = [{"Id": "m", "MetricStat": stat, "ReturnData": False}, {"Id": "e", "Expression": "m * 2"}]
    alarm(emulator, "put", Metrics=metrics)
    (found,) = alarms(emulator.client("cloudwatch"), "put")
    assert (found["Metrics"], found.get("MetricName"), found.get("Period")) == (metrics, None, None)
    metrics[1]["Expression"] = "m *"
    with pytest.raises(ClientError, match="invalid syntax"):
        alarm(emulator, "put", Metrics=metrics)


def api_template(group_arn: str) -> dict[str, Any]:
    """A REST API with one method that answers by itself, an access log, and metrics of that method."""
    api = {"Ref": "Api"}
    integration = {
        "Type": "MOCK",
        "RequestTemplates": {"application/json": '{"statusCode": 200}'},
        "IntegrationResponses": [{"StatusCode": "200"}],
    }
    setting = {"ResourcePath": "/~1ping", "HttpMethod": "GET", "MetricsEnabled": True}
    form = '{"id": "$context.requestId", "route": "$context.resourcePath", "status": "$context.status"}'
    parts: dict[str, tuple[str, dict[str, Any]]] = {
        "Api": ("RestApi", {"Name": "pings"}),
        "Ping": ("Resource", {"RestApiId": api, "ParentId": {"Fn::GetAtt": "Api.RootResourceId"}, "PathPart": "ping"}),
        "Get": (
            "Method",
            {
                "RestApiId": api,
                "ResourceId": {"Ref": "Ping"},
                "HttpMethod": "GET",
                "AuthorizationType": "NONE",
                "Integration": integration,
            },
        ),
        "Deployment": ("Deployment", {"RestApiId": api}),
        "Stage": (
            "Stage",
            {
                "RestApiId": api,
                "DeploymentId": {"Ref": "Deployment"},
                "StageName": "live",
                "AccessLogSetting": {"DestinationArn": group_arn, "Format": form},
                "MethodSettings": [setting],
            },
        ),
    }
    resources = {name: {"Type": f"AWS::ApiGateway::{kind}", "Properties": told} for name, (kind, told) in parts.items()}
    resources["Deployment"]["DependsOn"] = "Get"
    return {"Resources": resources, "Outputs": {"Api": {"Value": api}}}


def test_an_api_has_metrics_and_an_access_log(emulator: Emulator) -> None:
    """Each request is counted by API, stage and, where the stage says so, method; and is a line of the log."""
    group, name = "/test/access", "pings"
    logs, stacks = emulator.client("logs"), emulator.client("cloudformation")
    logs.create_log_group(logGroupName=group)
    arn = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["arn"].removesuffix(":*")
    stacks.create_stack(StackName=name, TemplateBody=json.dumps(api_template(arn)))
    (made,) = soon(lambda: stacks.describe_stacks(StackName=name)["Stacks"][0].get("Outputs"))
    url = f"{emulator.endpoint_url}/_aws/execute-api/{made['OutputValue']}/live"
    for path in ("ping", "ping", "nothing"):
        httpx.get(f"{url}/{path}", trust_env=False)
    lines = [json.loads(event["message"]) for event in logs.filter_log_events(logGroupName=group)["events"]]
    assert [(line["route"], line["status"]) for line in lines] == [("/ping", "200"), ("/ping", "200"), ("-", "403")]
    assert len({line["id"] for line in lines}) == 3
    told = {
        metric: [
            total(emulator, "AWS/ApiGateway", metric, **dimensions)
            for dimensions in (
                {"ApiName": name},
                {"ApiName": name, "Stage": "live"},
                {"ApiName": name, "Stage": "live", "Resource": "/ping", "Method": "GET"},
            )
        ]
        for metric in ("Count", "4XXError", "5XXError")
    }
    assert told == {"Count": [3, 3, 2], "4XXError": [1, 1, 0], "5XXError": [0, 0, 0]}
