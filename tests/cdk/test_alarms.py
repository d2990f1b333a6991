"""Alarms and dashboard: nothing fails in silence, and a new source is watched from its first day."""

from __future__ import annotations

import json
from typing import Any

import pytest

from marketflow.sources.catalog import CATALOG
from tests.cdk.templates import Assembly, referred, text

pytestmark = pytest.mark.cdk

DAY, WEEK = 24 * 3600, 7 * 24 * 3600


def alarms(assembly: Assembly) -> list[dict[str, Any]]:
    """The alarms' properties."""
    return [entry["Properties"] for _, _, entry in assembly.with_resources("AWS::CloudWatch::Alarm")]


def watched(assembly: Assembly, metric: str, dimension: str) -> set[str]:
    """The values of a dimension for which some alarm watches a metric."""
    return {
        entry["Value"]
        for alarm in alarms(assembly)
        if alarm["MetricName"] == metric
        for entry in alarm["Dimensions"]
        if entry["Name"] == dimension
    }


def test_every_dead_letter_queue_rings(assembly: Assembly) -> None:
    """One message in it is one piece of work that failed for good."""
    queues = {entry["Properties"]["QueueName"] for _, _, entry in assembly.with_resources("AWS::SQS::Queue")}
    dead = {name for name in queues if name.endswith("-dlq")}
    assert watched(assembly, "ApproximateNumberOfMessagesVisible", "QueueName") == dead
    assert watched(assembly, "ApproximateAgeOfOldestMessage", "QueueName") == queues - dead


def test_every_function_rings_when_it_fails_or_is_throttled(assembly: Assembly) -> None:
    """The names are those of the functions that are deployed."""
    functions = {
        entry["Properties"]["FunctionName"] for _, _, entry in assembly.with_resources("AWS::Lambda::Function")
    }
    assert watched(assembly, "Errors", "FunctionName") == functions
    assert watched(assembly, "Throttles", "FunctionName") == functions


def test_every_source_rings_when_it_delivers_nothing_for_as_long_as_its_data_may_age(assembly: Assembly) -> None:
    """Silence rings too: a schedule that does not fire writes no metric at all. One without a schedule is silent."""
    found = {
        entry["Value"]: alarm
        for alarm in alarms(assembly)
        if alarm["MetricName"] == "FetchSucceeded"
        for entry in alarm["Dimensions"]
        if entry["Name"] == "source"
    }
    assert found.keys() == {name for name, source in CATALOG.items() if source.schedules}
    for name, alarm in found.items():
        target = CATALOG[name].freshness_target_seconds
        assert target <= alarm["Period"] * alarm["EvaluationPeriods"] < target + alarm["Period"]
        assert (alarm["TreatMissingData"], alarm["ComparisonOperator"]) == ("breaching", "LessThanThreshold")


def test_every_source_rings_when_its_gaps_stay(assembly: Assembly) -> None:
    """Unexplained ones, also when nobody looks for them any more, and those whose repair was given up."""
    for metric, silence in (("GapsUnexplained", "breaching"), ("RepairsGivenUp", "notBreaching")):
        found = {
            next(entry["Value"] for entry in alarm["Dimensions"] if entry["Name"] == "source"): alarm
            for alarm in alarms(assembly)
            if alarm["MetricName"] == metric
        }
        assert found.keys() == {name for name, source in CATALOG.items() if source.series}
        for alarm in found.values():
            assert {"Name": "service", "Value": "audit"} in alarm["Dimensions"]
            assert (alarm["TreatMissingData"], alarm["Threshold"]) == (silence, 0)


def test_a_price_that_is_held_back_rings(assembly: Assembly) -> None:
    """At the first one: nobody sees it until somebody has looked."""
    (alarm,) = [one for one in alarms(assembly) if one["MetricName"] == "MovesHeld"]
    assert alarm["Dimensions"] == [{"Name": "service", "Value": "etl"}]
    assert (alarm["Threshold"], alarm["EvaluationPeriods"], alarm["TreatMissingData"]) == (0, 1, "notBreaching")
    assert "docs/runbook/absurd-move.md" in alarm["AlarmDescription"]


def test_an_alarm_looks_back_no_further_than_cloudwatch_can(assembly: Assembly) -> None:
    """A day in periods of minutes, a week in periods of hours."""
    for alarm in alarms(assembly):
        limit = WEEK if alarm["Period"] >= 3600 else DAY
        assert alarm["Period"] * alarm["EvaluationPeriods"] <= limit, alarm["AlarmName"]


def test_the_api_rings_when_it_fails(assembly: Assembly) -> None:
    """By the name of the API that is deployed."""
    (api,) = assembly.templates["api"].resources("AWS::ApiGateway::RestApi").values()
    assert watched(assembly, "5XXError", "ApiName") == {api["Properties"]["Name"]}


def test_the_database_rings_where_there_is_one(assembly: Assembly) -> None:
    """A full disk stops everything."""
    instances = {
        entry["Properties"]["DBInstanceIdentifier"] for _, _, entry in assembly.with_resources("AWS::RDS::DBInstance")
    }
    assert watched(assembly, "FreeStorageSpace", "DBInstanceIdentifier") == instances


def test_every_alarm_tells_the_topic_and_says_what_to_do(assembly: Assembly) -> None:
    """An alarm that nobody hears, or that nobody understands, is none. Other stacks know the topic by its name."""
    ((topic, entry),) = assembly.templates["observability"].resources("AWS::SNS::Topic").items()
    name = entry["Properties"]["TopicName"]
    for alarm in alarms(assembly):
        (action,) = alarm["AlarmActions"]
        assert referred(action) == topic or text(action).endswith(f":<AWS::AccountId>:{name}")
        assert len(alarm["AlarmDescription"]) > 30


def test_the_dashboard_shows_every_source(assembly: Assembly) -> None:
    """It is generated from the catalogue."""
    (dashboard,) = assembly.templates["observability"].resources("AWS::CloudWatch::Dashboard").values()
    body = json.dumps(dashboard["Properties"]["DashboardBody"])
    assert all(f"{source.title}: requests" in body for source in CATALOG.values())
