"""AWS as moto has it, for tests of what touches S3, SQS and Secrets Manager."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

BUCKET = "marketflow-test-data"


@dataclass(frozen=True)
class Cloud:
    """The clients, the data bucket, the payload queue and a task queue."""

    s3: S3Client
    sqs: SQSClient
    secrets: SecretsManagerClient
    queue_url: str
    task_url: str
    bucket: str = BUCKET

    def messages(self, url: str | None = None) -> list[str]:
        """The bodies on a queue, that of payloads when none is named; they are taken off it."""
        bodies = []
        url = url or self.queue_url
        while received := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in received:
                bodies.append(message["Body"])
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return bodies

    def keys(self, prefix: str = "") -> list[str]:
        """The object keys below `prefix`."""
        return [one["Key"] for one in self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", [])]


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """An AWS account with an empty data bucket and empty queues."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_SESSION_TOKEN": "testing",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        sqs = boto3.client("sqs")
        queue_url = sqs.create_queue(QueueName="payloads")["QueueUrl"]
        task_url = sqs.create_queue(QueueName="tasks")["QueueUrl"]
        yield Cloud(s3=s3, sqs=sqs, secrets=boto3.client("secretsmanager"), queue_url=queue_url, task_url=task_url)


def make_once_table(name: str) -> str:
    """The table of what was done for Idempotency-Keys, as cdk/constructs/once_table.py has it; its name."""
    boto3.client("dynamodb").create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return name


def open_to_topics(queue_arn: str) -> str:
    """The policy of a queue into which topics may put their messages."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
