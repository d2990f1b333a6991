"""Commands: S3 tells a queue, and who reads it may send where work waits."""

from __future__ import annotations

import json

import pytest

from cdk.alarms.work import BACKFILL_AGE
from marketflow.sources.catalog import CATALOG
from tests.cdk.templates import Assembly, Template, listed, referred, text
from tests.cdk.test_functions import grants, named, variables

pytestmark = pytest.mark.cdk

WORK = ("payloads", "commands", *(f"tasks-{name}" for name in CATALOG))


def queue(template: Template, stage: str, name: str) -> str:
    """The logical id of a queue."""
    (found,) = (
        logical_id
        for logical_id, entry in template.resources("AWS::SQS::Queue").items()
        if entry["Properties"]["QueueName"] == f"marketflow-{stage}-{name}"
    )
    return found


def test_s3_tells_the_commands_queue_of_new_commands(assembly: Assembly) -> None:
    """Of objects below tasks/ and of no others: each body that is archived would be one more message."""
    template = assembly.templates["ingestion"]
    bucket = template.resource("DataBucketE6B0FAA8")
    (told,) = bucket["Properties"]["NotificationConfiguration"]["QueueConfigurations"]
    assert referred(told["Queue"]) == queue(template, assembly.stage, "commands")
    assert told["Event"] == "s3:ObjectCreated:*"
    assert told["Filter"]["S3Key"]["Rules"] == [{"Name": "prefix", "Value": "tasks/"}]


def test_the_queue_lets_s3_of_this_account_send_before_the_bucket_is_made(assembly: Assembly) -> None:
    """S3 tries it when the notification is set up, and the deployment would fail."""
    template = assembly.templates["ingestion"]
    commands = queue(template, assembly.stage, "commands")
    bucket = template.resource("DataBucketE6B0FAA8")
    (policy,) = (
        logical_id
        for logical_id, entry in template.resources("AWS::SQS::QueuePolicy").items()
        if [referred(one) for one in entry["Properties"]["Queues"]] == [commands]
    )
    assert policy in listed(bucket["DependsOn"])
    statements = template.resource(policy)["Properties"]["PolicyDocument"]["Statement"]
    (allowed,) = (one for one in statements if one["Effect"] == "Allow")
    assert allowed["Principal"] == {"Service": "s3.amazonaws.com"}
    assert allowed["Action"] == "sqs:SendMessage"
    assert text(allowed["Condition"]["StringEquals"]["aws:SourceAccount"]) == "<AWS::AccountId>"


def test_the_dispatcher_feeds_the_queues_and_empties_their_dead_letters(cloud: Assembly) -> None:
    """It reads and writes commands, lists the archive without reading it, and has nothing to do with the database."""
    template, function = named(cloud)["dispatch"]
    allowed = grants(template, function)
    work = {f"<{queue(template, cloud.stage, name)}.Arn>" for name in WORK}
    dead = {f"<{queue(template, cloud.stage, f'{name}-dlq')}.Arn>" for name in WORK}
    bucket = "<DataBucketE6B0FAA8.Arn>"
    assert allowed["sqs:SendMessage"] == work
    assert allowed["sqs:ReceiveMessage"] - dead == {f"<{queue(template, cloud.stage, 'commands')}.Arn>"}
    assert dead <= allowed["sqs:DeleteMessage"]
    assert allowed["s3:GetObject"] == allowed["s3:PutObject"] == {f"{bucket}/tasks/*"}
    assert allowed["s3:ListBucket"] == {bucket}
    assert not {action for action in allowed if action.startswith(("rds", "secretsmanager", "ec2", "lambda"))}


def test_the_dispatcher_knows_every_queue(assembly: Assembly) -> None:
    """By the name that the API takes."""
    _, function = named(assembly)["dispatch"]
    urls = json.loads(text(variables(function)["QUEUE_URLS"]))
    assert set(urls) == {*WORK, *(f"{name}-dlq" for name in WORK)}


def test_a_backfill_that_takes_hours_rings_no_alarm(assembly: Assembly) -> None:
    """Its tasks wait by intention; payloads and commands do not."""
    thresholds = {
        entry["Properties"]["Dimensions"][0]["Value"].removeprefix(f"marketflow-{assembly.stage}-"): entry[
            "Properties"
        ]["Threshold"]
        for _, _, entry in assembly.with_resources("AWS::CloudWatch::Alarm")
        if entry["Properties"].get("MetricName") == "ApproximateAgeOfOldestMessage"
    }
    assert set(thresholds) == set(WORK)
    for name, threshold in thresholds.items():
        assert (threshold == BACKFILL_AGE) is name.startswith("tasks-")
