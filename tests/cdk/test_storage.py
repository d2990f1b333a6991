"""Buckets, queues and the topic: encrypted, closed, and nothing is lost in them."""

from __future__ import annotations

import pytest

from marketflow.sources.catalog import CATALOG
from tests.cdk.templates import Assembly, Resource, Template, invoked, listed, referred

pytestmark = pytest.mark.cdk

TLS_ONLY = {"Bool": {"aws:SecureTransport": "false"}}


def denies_plain_http(policy: Resource) -> bool:
    """Whether a resource policy refuses whatever does not come over TLS."""
    statements = policy["Properties"]["PolicyDocument"]["Statement"]
    return any(entry["Effect"] == "Deny" and entry.get("Condition") == TLS_ONLY for entry in statements)


def is_dead_letter_queue(queue: Resource) -> bool:
    """The queues whose names end so are read by a person."""
    return str(queue["Properties"]["QueueName"]).endswith("-dlq")


def test_every_bucket_is_encrypted_and_closed_to_the_public(assembly: Assembly) -> None:
    """Nobody reads a bucket but the roles of this app."""
    buckets = [resource["Properties"] for _, _, resource in assembly.with_resources("AWS::S3::Bucket")]
    assert buckets
    for bucket in buckets:
        assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
        assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}


def test_old_objects_get_cheaper_or_go(assembly: Assembly) -> None:
    """Archive and export move to cheaper storage, failed answers and query results expire, uploads are aborted."""
    bucket = assembly.templates["ingestion"].resource("DataBucketE6B0FAA8")
    rules = {rule["Id"]: rule for rule in bucket["Properties"]["LifecycleConfiguration"]["Rules"]}
    for kept in ("raw", "history"):
        rule = rules[f"{kept}-gets-cheaper"]
        steps = [(step["StorageClass"], step["TransitionInDays"]) for step in rule["Transitions"]]
        assert (rule["Prefix"], steps) == (f"{kept}/", [("STANDARD_IA", 30), ("GLACIER_IR", 90)])
        assert "ExpirationInDays" not in rule
    assert (rules["query-results-expire"]["Prefix"], rules["query-results-expire"]["ExpirationInDays"]) == (
        "athena/",
        7,
    )
    assert (rules["errors-expire"]["Prefix"], rules["errors-expire"]["ExpirationInDays"]) == ("errors/", 90)
    assert (rules["commands-expire"]["Prefix"], rules["commands-expire"]["ExpirationInDays"]) == ("tasks/", 30)
    assert rules["uploads-abort"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}


@pytest.mark.parametrize(
    ("kind", "policy", "field"),
    [
        ("AWS::S3::Bucket", "AWS::S3::BucketPolicy", "Bucket"),
        ("AWS::SQS::Queue", "AWS::SQS::QueuePolicy", "Queues"),
        ("AWS::SNS::Topic", "AWS::SNS::TopicPolicy", "Topics"),
    ],
)
def test_every_store_refuses_plain_http(cloud: Assembly, kind: str, policy: str, field: str) -> None:
    """A request without TLS is denied, whoever makes it."""
    refusing = set()
    for template, _, found in cloud.with_resources(policy):
        targets = found["Properties"][field]
        if denies_plain_http(found):
            refusing |= {
                (str(template), referred(target)) for target in (targets if isinstance(targets, list) else [targets])
            }
    assert {(str(template), name) for template, name, _ in cloud.with_resources(kind)} == refusing


def test_every_queue_is_encrypted_and_keeps_messages_for_two_weeks(assembly: Assembly) -> None:
    """SQS's own encryption, and its longest retention."""
    queues = [resource["Properties"] for _, _, resource in assembly.with_resources("AWS::SQS::Queue")]
    assert queues
    assert all(queue["SqsManagedSseEnabled"] is True for queue in queues)
    assert {queue["MessageRetentionPeriod"] for queue in queues} == {14 * 24 * 3600}


def test_every_queue_has_a_dead_letter_queue_or_is_one(assembly: Assembly) -> None:
    """A message that fails five times is kept for the operator, in a queue of the same stack."""
    for template, name, queue in assembly.with_resources("AWS::SQS::Queue"):
        if is_dead_letter_queue(queue):
            assert "RedrivePolicy" not in queue["Properties"], name
            continue
        redrive = queue["Properties"]["RedrivePolicy"]
        target = referred(redrive["deadLetterTargetArn"])
        assert target is not None
        assert is_dead_letter_queue(template.resource(target)), name
        assert redrive["maxReceiveCount"] == 5


def consumers(template: Template) -> list[tuple[Resource, Resource, Resource]]:
    """Every event source mapping with its queue and its function."""
    mappings = template.resources("AWS::Lambda::EventSourceMapping").values()
    found = []
    for mapping in mappings:
        queue = referred(mapping["Properties"]["EventSourceArn"])
        function = invoked(template, mapping["Properties"]["FunctionName"])
        assert queue is not None
        found.append((mapping["Properties"], template.resource(queue), template.resource(function)))
    return found


def test_a_queue_hides_a_message_for_six_times_its_consumers_timeout(assembly: Assembly) -> None:
    """What Lambda asks for, so that its own retries find the message still hidden."""
    pairs = consumers(assembly.templates["ingestion"])
    assert len(pairs) == len(CATALOG) + 2
    for _, queue, function in pairs:
        assert queue["Properties"]["VisibilityTimeout"] >= 6 * function["Properties"]["Timeout"]


def test_a_bad_message_does_not_take_its_batch_along(assembly: Assembly) -> None:
    """Every consumer reports which records failed, and has a bound on how many run at once."""
    for mapping, _, _ in consumers(assembly.templates["ingestion"]):
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert mapping["ScalingConfig"]["MaximumConcurrency"] >= 2


def test_every_queue_that_is_no_dead_letter_queue_is_read(assembly: Assembly) -> None:
    """Nothing is sent to where nobody looks."""
    ingestion = assembly.templates["ingestion"]
    read = {queue["Properties"]["QueueName"] for _, queue, _ in consumers(ingestion)}
    work = [queue for queue in ingestion.resources("AWS::SQS::Queue").values() if not is_dead_letter_queue(queue)]
    assert {queue["Properties"]["QueueName"] for queue in work} == read


def test_the_alarm_topics_are_encrypted_with_a_key_that_cloudwatch_may_use(assembly: Assembly) -> None:
    """With AWS's own key for SNS, CloudWatch could not publish, and no alarm would be heard."""
    observability = assembly.templates["observability"]
    topics = observability.resources("AWS::SNS::Topic")
    (key,) = {referred(topic["Properties"]["KmsMasterKeyId"]) for topic in topics.values()}
    assert key is not None
    properties = observability.resource(key)["Properties"]
    assert properties["EnableKeyRotation"] is True
    policies = observability.resources("AWS::SNS::TopicPolicy").values()
    assert len(policies) == len(topics)
    for policy in policies:
        statements = [*properties["KeyPolicy"]["Statement"], *policy["Properties"]["PolicyDocument"]["Statement"]]
        allowed = {
            action
            for entry in statements
            for action in listed(entry["Action"])
            if entry["Effect"] == "Allow" and entry["Principal"].get("Service") == "cloudwatch.amazonaws.com"
        }
        assert {"sns:Publish", "kms:Decrypt", "kms:GenerateDataKey*"} <= allowed
