"""Alarms: nothing fails in silence, each says what to do, and a new source is watched from its first day."""

from __future__ import annotations

import re
from typing import Any

import pytest

from cdk.slos import FAST, SLOS, SLOW, STEADY
from marketflow.sources.catalog import CATALOG
from tests.cdk.templates import CONTEXT, ROOT, Assembly, references, referred, text

pytestmark = pytest.mark.cdk

DAY, WEEK = 24 * 3600, 7 * 24 * 3600
RUNBOOK = ROOT / "docs" / "runbook" / "alarms.md"


def alarms(assembly: Assembly) -> dict[str, dict[str, Any]]:
    """The properties of the alarms on metrics, by their names without the stage's prefix."""
    found = [entry["Properties"] for _, _, entry in assembly.with_resources("AWS::CloudWatch::Alarm")]
    return {alarm["AlarmName"].removeprefix(f"marketflow-{assembly.stage}-"): alarm for alarm in found}


def composites(assembly: Assembly) -> dict[str, dict[str, Any]]:
    """The properties of the alarms that are made of others, by logical id."""
    found = assembly.with_resources("AWS::CloudWatch::CompositeAlarm")
    return {name: entry["Properties"] for _, name, entry in found}


def watched(assembly: Assembly, metric: str, dimension: str) -> set[str]:
    """The values of a dimension for which some alarm watches a metric."""
    return {
        entry["Value"]
        for alarm in alarms(assembly).values()
        if alarm.get("MetricName") == metric
        for entry in alarm.get("Dimensions", ())
        if entry["Name"] == dimension
    }


def metrics_of(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    """The metrics that an alarm's expression is made of."""
    return [entry["MetricStat"] for entry in alarm["Metrics"] if "MetricStat" in entry]


def period_of(alarm: dict[str, Any]) -> int:
    """The seconds of one period; those of an expression have one and the same."""
    if "Period" in alarm:
        return int(alarm["Period"])
    (period,) = {metric["Period"] for metric in metrics_of(alarm)}
    return int(period)


def test_every_dead_letter_queue_rings(assembly: Assembly) -> None:
    """One message in it is one piece of work that failed for good."""
    queues = {entry["Properties"]["QueueName"] for _, _, entry in assembly.with_resources("AWS::SQS::Queue")}
    dead = {name for name in queues if name.endswith("-dlq")}
    assert watched(assembly, "ApproximateNumberOfMessagesVisible", "QueueName") == dead
    assert watched(assembly, "ApproximateAgeOfOldestMessage", "QueueName") == queues - dead


def test_every_function_rings_when_it_fails(assembly: Assembly) -> None:
    """The names are those of the functions that are deployed. Refused invocations ring for all of them."""
    functions = {
        entry["Properties"]["FunctionName"] for _, _, entry in assembly.with_resources("AWS::Lambda::Function")
    }
    assert watched(assembly, "Errors", "FunctionName") == functions
    throttled = alarms(assembly)["functions-throttled"]
    assert (throttled["MetricName"], throttled.get("Dimensions", [])) == ("Throttles", [])


def test_every_source_rings_when_its_data_is_older_than_its_target(assembly: Assembly) -> None:
    """By the gauge of the auditor. One without a schedule has no target."""
    for name, source in CATALOG.items():
        if not source.schedules:
            assert f"{name}-stale" not in alarms(assembly)
            continue
        alarm = alarms(assembly)[f"{name}-stale"]
        assert (alarm["MetricName"], alarm["Period"]) == ("FreshnessSeconds", 60)
        assert {"Name": "source", "Value": name} in alarm["Dimensions"]
        assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (
            source.freshness_target_seconds,
            "GreaterThanThreshold",
        )


def test_silence_of_the_auditor_rings_once(assembly: Assembly) -> None:
    """Without it no gauge says anything: one alarm tells it, and those of the sources do not join in."""
    breaching = {name for name, alarm in alarms(assembly).items() if alarm["TreatMissingData"] == "breaching"}
    retires = {"retirement-overdue"} if CONTEXT["stages"][assembly.stage]["history_months"] else set()
    assert breaching == {"audit-silent", *retires}
    alarm = alarms(assembly)["audit-silent"]
    assert (alarm["Statistic"], alarm["Threshold"], alarm["ComparisonOperator"]) == (
        "SampleCount",
        1,
        "LessThanThreshold",
    )


def test_every_source_rings_when_its_gaps_stay(assembly: Assembly) -> None:
    """Unexplained ones, and those whose repair was given up."""
    with_series = {name for name, source in CATALOG.items() if source.series}
    assert watched(assembly, "GapsUnexplained", "source") == with_series
    assert watched(assembly, "RepairsGivenUp", "source") == with_series


def test_a_source_that_tells_its_budget_rings_before_it_is_used_up(assembly: Assembly) -> None:
    """Percent of what the source allows."""
    assert watched(assembly, "BudgetUsed", "source") == {name for name, one in CATALOG.items() if one.tells_budget}


def test_the_metrics_of_two_stages_in_one_account_are_apart(assembly: Assembly) -> None:
    """The namespace that the functions write to is the one that the alarms read, and has the stage's name."""
    spaces = {
        function["Properties"]["Environment"]["Variables"]["POWERTOOLS_METRICS_NAMESPACE"]
        for _, _, function in assembly.with_resources("AWS::Lambda::Function")
    }
    own = {alarm["Namespace"] for alarm in alarms(assembly).values() if "Namespace" in alarm}
    assert spaces == {space for space in own if not space.startswith("AWS/")} == {f"MarketFlow/{assembly.stage}"}


def test_an_alarm_looks_back_no_further_than_cloudwatch_can(assembly: Assembly) -> None:
    """A day in periods of minutes, a week in periods of hours; an expression has ten metrics at most.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    """
    for name, alarm in alarms(assembly).items():
        limit = WEEK if period_of(alarm) >= 3600 else DAY
        assert period_of(alarm) * alarm["EvaluationPeriods"] <= limit, name
        assert len(alarm.get("Metrics", ())) <= 10, name


def test_every_objective_has_its_burn_rates(assembly: Assembly) -> None:
    """Each pace over two windows of the workbook, with the budget times the pace as threshold."""
    for slo in SLOS:
        found = sorted(
            (alarm["Threshold"], period_of(alarm))
            for name, alarm in alarms(assembly).items()
            if name.startswith(f"slo-{slo.name}-")
        )
        assert found == sorted(
            (round(burn.factor * (1 - slo.objective), 6), window.to_seconds())
            for burn in (FAST, SLOW, STEADY)
            for window in (burn.long, burn.short)
        )


def test_a_burn_rate_rings_when_both_of_its_windows_do(assembly: Assembly) -> None:
    """One is long enough to matter, the other says that it still goes on."""
    logical = {
        entry["Properties"]["AlarmName"].removeprefix(f"marketflow-{assembly.stage}-"): name
        for _, name, entry in assembly.with_resources("AWS::CloudWatch::Alarm")
    }
    for slo in SLOS:
        (rule,) = (
            "".join(
                part if isinstance(part, str) else f"<{referred(part)}>" for part in one["AlarmRule"]["Fn::Join"][1]
            )
            for one in composites(assembly).values()
            if one["AlarmName"] == f"marketflow-{assembly.stage}-slo-{slo.name}-burning"
        )
        names = {
            window: logical[f"slo-{slo.name}-{window}"]
            for window in ("fast-1-hour", "fast-5-minutes", "slow-6-hours", "slow-30-minutes")
        }
        (fast_long, fast_short, slow_long, slow_short) = (f'ALARM("<{name}>")' for name in names.values())
        assert rule == f"(({fast_long} AND {fast_short}) OR ({slow_long} AND {slow_short}))"


def test_every_alarm_tells_somebody_or_is_read_by_one_that_does(assembly: Assembly) -> None:
    """An alarm that nobody hears is none. Who hears it hears its end, too."""
    made = assembly.templates["observability"].resources("AWS::SNS::Topic")
    # Other stacks know a topic by its name.
    topics = {name: name for name in made} | {
        f"arn:<AWS::Partition>:sns:<AWS::Region>:<AWS::AccountId>:{entry['Properties']['TopicName']}": name
        for name, entry in made.items()
    }
    assert len(made) == 2
    read = {name for one in composites(assembly).values() for name in references(one["AlarmRule"])}
    for _, name, entry in (
        *assembly.with_resources("AWS::CloudWatch::Alarm"),
        *assembly.with_resources("AWS::CloudWatch::CompositeAlarm"),
    ):
        told = [referred(action) or text(action) for action in entry["Properties"].get("AlarmActions", ())]
        assert entry["Properties"].get("OKActions", []) == entry["Properties"].get("AlarmActions", [])
        assert (len(told) == 1 and told[0] in topics) != (name in read), name


def links(assembly: Assembly) -> dict[str, str]:
    """The runbook's address in each alarm's text."""
    texts = {alarm["AlarmName"]: alarm["AlarmDescription"] for alarm in alarms(assembly).values()}
    texts |= {alarm["AlarmName"]: alarm["AlarmDescription"] for alarm in composites(assembly).values()}
    return {name: text.rpartition(" Runbook: ")[2] for name, text in texts.items()}


def test_every_alarm_says_what_happened_and_links_to_what_to_do(assembly: Assembly) -> None:
    """One sentence, and a section of the runbook that there is."""
    sections = {re.sub(r"[^a-z0-9 -]", "", one.lower()).replace(" ", "-") for one in headings()}
    for name, link in links(assembly).items():
        base, _, anchor = link.partition("alarms.md#")
        assert base == "docs/runbook/", name
        assert anchor in sections, f"{name} has no section in {RUNBOOK.name}: {anchor}"


def headings() -> list[str]:
    """The titles of the sections about alarms."""
    return re.findall(r"^## (.*)$", RUNBOOK.read_text(encoding="utf-8"), re.MULTILINE)


def test_the_page_of_the_runbook_is_in_order() -> None:
    """Each section has the four things that somebody needs who was woken."""
    for section in RUNBOOK.read_text(encoding="utf-8").split("\n## ")[1:]:
        title, _, body = section.partition("\n")
        assert re.findall(r"^\*\*(.*?)\.\*\*", body, re.MULTILINE) == [
            "What it means",
            "Look at",
            "Do",
            "Verify",
        ], title


def test_no_section_of_the_runbook_is_left_over(cloud_links: set[str]) -> None:
    """A section whose alarm is gone would send nobody anywhere."""
    assert set(headings()) == cloud_links


def test_the_database_rings_where_there_is_one(assembly: Assembly) -> None:
    """A full disk stops everything, and so does the last connection."""
    instances = {
        entry["Properties"]["DBInstanceIdentifier"] for _, _, entry in assembly.with_resources("AWS::RDS::DBInstance")
    }
    proxies = {entry["Properties"]["DBProxyName"] for _, _, entry in assembly.with_resources("AWS::RDS::DBProxy")}
    for metric in ("FreeStorageSpace", "CPUUtilization", "CPUSurplusCreditBalance"):
        assert watched(assembly, metric, "DBInstanceIdentifier") == instances
    assert watched(assembly, "DatabaseConnectionsCurrentlySessionPinned", "ProxyName") == proxies
    assert ("database-connections" in alarms(assembly)) == bool(instances)


@pytest.fixture(scope="session")
def cloud_links(synthesise: Any) -> set[str]:  # noqa: ANN401 - a fixture's function
    """The sections to which the alarms of any stage link."""
    found = [link for stage in ("local", "dev", "prod") for link in links(synthesise(stage)).values()]
    return {link.partition("#")[2] for link in found}
