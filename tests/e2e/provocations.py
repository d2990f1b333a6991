"""What makes each kind of alarm ring for real in the running local stack, and what mends it again.

A new alarm of a known kind needs nothing here; a new kind needs a row in KINDS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import httpx

from local.emulated.alarm_states import queries_of
from local.stack import PREFIX
from tests.e2e.data_provocations import absurd_move, behind, given_up, refused_rows, unexplained_gap
from tests.e2e.scene import Provocation, Scene, dimension, mappings

REQUESTS = 10
"""So many at once that their failing is more than the handful that an alarm lets pass."""


def dead_letter(scene: Scene, alarm: Mapping[str, Any]) -> Provocation:
    """A message lies in the dead-letter queue, until it is taken away."""
    sqs = scene.stack.client("sqs")
    url = sqs.get_queue_url(QueueName=dimension(alarm, "QueueName"))["QueueUrl"]
    return Provocation(
        cause=lambda: sqs.send_message(QueueUrl=url, MessageBody="work that failed for good"),
        cure=lambda: sqs.purge_queue(QueueUrl=url),
    )


def old_message(scene: Scene, alarm: Mapping[str, Any]) -> Provocation:
    """A message waits longer than it may, because nobody reads the queue."""
    sqs, functions = scene.stack.client("sqs"), scene.stack.client("lambda")
    url = sqs.get_queue_url(QueueName=dimension(alarm, "QueueName"))["QueueUrl"]
    (mapping,) = mappings(scene, dimension(alarm, "QueueName").removeprefix(PREFIX))

    def cause() -> None:
        functions.update_event_source_mapping(UUID=mapping, Enabled=False)
        sqs.send_message(QueueUrl=url, MessageBody="work that waits")

    def cure() -> None:
        sqs.purge_queue(QueueUrl=url)
        functions.update_event_source_mapping(UUID=mapping, Enabled=True)

    return Provocation(cause=cause, cure=cure, threshold=2.0)


def errors(scene: Scene, alarm: Mapping[str, Any]) -> Provocation:
    """Every invocation fails: the function was deployed with a handler that does not exist."""
    functions, name = scene.stack.client("lambda"), dimension(alarm, "FunctionName")
    handler = functions.get_function_configuration(FunctionName=name)["Handler"]
    return Provocation(
        cause=lambda: functions.update_function_configuration(FunctionName=name, Handler="absent.handler"),
        cure=lambda: functions.update_function_configuration(FunctionName=name, Handler=handler),
        during=lambda: scene.invoke(name, {}),
        period=5,
    )


def throttles(scene: Scene, alarm: Mapping[str, Any]) -> Provocation:
    """Invocations are refused: no concurrency is left for the function, or for one of the account's."""
    functions, name = scene.stack.client("lambda"), dimension(alarm, "FunctionName") or f"{PREFIX}api"
    before = functions.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions")

    def cure() -> None:
        if before is None:
            functions.delete_function_concurrency(FunctionName=name)
        else:
            functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=before)

    return Provocation(
        cause=lambda: functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0),
        cure=cure,
        during=lambda: scene.invoke(name, {}),
    )


def failing_requests(scene: Scene, alarm: Mapping[str, Any]) -> Provocation:
    """The database is gone, and the API answers 503."""

    def ask() -> None:
        for _ in range(REQUESTS):
            httpx.get(f"{scene.stack.facts.api_url}/ready", timeout=15, trust_env=False)

    postgres = scene.stack.postgres
    return Provocation(cause=postgres.kill, cure=postgres.restart, always=ask, period=10)


def silent_auditor(scene: Scene, alarm: Mapping[str, Any]) -> Provocation:
    """The auditor says nothing, because it is refused."""
    audit = {"Dimensions": [{"Name": "FunctionName", "Value": f"{PREFIX}audit"}]}
    refused = throttles(scene, audit)
    return Provocation(cause=refused.cause, cure=refused.cure, always=scene.audit, period=5)


def made(scene: Scene, alarm: Mapping[str, Any]) -> Provocation:
    """Made datapoints, such as AWS would publish of what cannot happen on this machine: no provocation at all."""
    below = alarm["ComparisonOperator"].startswith("Less")
    bad, good = (alarm["Threshold"] + step for step in ((-1, 1) if below else (1, -1)))
    cloudwatch, value = scene.stack.client("cloudwatch"), {"now": good}

    def publish() -> None:
        first, *others = [query["MetricStat"] for query in queries_of(alarm) if "MetricStat" in query]
        _publish(cloudwatch, first, value["now"])
        for one in others:
            # What a share in percent is a share of.
            _publish(cloudwatch, one, 100.0)

    return Provocation(
        cause=lambda: value.update(now=bad), cure=lambda: value.update(now=good), always=publish, period=5
    )


def _publish(cloudwatch: Any, stat: Mapping[str, Any], value: float) -> None:  # noqa: ANN401 - a client of boto3
    metric = stat["Metric"]
    # A percentile needs samples enough to mean something.
    values = {"Values": [value], "Counts": [2000.0]} if stat["Stat"].startswith("p") else {"Value": value}
    datum = {"MetricName": metric["MetricName"], "Dimensions": metric["Dimensions"] or [], **values}
    cloudwatch.put_metric_data(Namespace=metric["Namespace"], MetricData=[datum])


Provoke = Callable[[Scene, Mapping[str, Any]], Provocation]

KINDS: dict[str, Provoke] = {
    "AWS/SQS ApproximateNumberOfMessagesVisible": dead_letter,
    "AWS/SQS ApproximateAgeOfOldestMessage": old_message,
    "AWS/Lambda Errors": errors,
    "AWS/Lambda Throttles": throttles,
    "AWS/ApiGateway 5XXError + AWS/ApiGateway Count": failing_requests,
    "AWS/ApiGateway Latency": made,
    "MarketFlow MovesHeld": absurd_move,
    "MarketFlow GapsUnexplained": unexplained_gap,
    "MarketFlow RepairsGivenUp": given_up,
    "MarketFlow FreshnessSeconds": behind,
    "MarketFlow FreshnessSeconds SampleCount": silent_auditor,
    "MarketFlow Stale": behind,
    "MarketFlow RowsQuarantined + MarketFlow RowsRead": refused_rows,
    "MarketFlow BudgetUsed": made,
}
"""By the metric that an alarm looks at; of metric math all of them, in alphabetical order, joined by ` + `."""

ACTS: tuple[tuple[Provoke, ...], ...] = (
    (absurd_move, refused_rows, unexplained_gap, given_up),
    (dead_letter, old_message, made),
    (errors,),
    (throttles,),
    (behind,),
    (silent_auditor,),
    (failing_requests,),
)
"""What is provoked together: what needs the same function, or the database, comes one after the other."""


def kind_of(alarm: Mapping[str, Any]) -> str:
    """The metrics that an alarm looks at, without the stage in a namespace; and that it counts nothing but samples."""
    if not alarm.get("Metrics"):
        counted = " SampleCount" if alarm.get("Statistic") == "SampleCount" else ""
        return _metric(alarm) + counted
    metrics = [query["MetricStat"]["Metric"] for query in alarm["Metrics"] if "MetricStat" in query]
    return " + ".join(sorted({_metric(one) for one in metrics}))


def _metric(told: Mapping[str, Any]) -> str:
    return f"{told['Namespace'].removesuffix('/local')} {told['MetricName']}"
