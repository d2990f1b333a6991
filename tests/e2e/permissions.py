"""What the role of each function may do, as it was deployed, and a try at each of it that changes nothing.

The emulator lets its root credentials assume any role; in AWS only Lambda assumes these. What is then called passes the
emulator's own evaluation of the role's policies and of the resource's. A try is a read, or a write with something in it
that the service refuses after it has authorised the call: a role that may do it gets that refusal, or an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from local.emulator import REGION
from local.stack import PREFIX, LocalStack

Client = Callable[[str], Any]
Try = Callable[[Client, str], object]

SAMPLE = "nobody"
"""What stands for the `*` of a resource: a name that nothing has."""

UNTRIED = {
    "xray:PutTelemetryRecords": "the emulator has no X-Ray, and every function may send traces",
    "xray:PutTraceSegments": "the emulator has no X-Ray, and every function may send traces",
}


class Permission(NamedTuple):
    """An action, and one resource that it is granted on."""

    action: str
    resource: str


def deployed(stack: LocalStack) -> dict[str, set[Permission]]:
    """The permissions of every function, by its name without the prefix, from the policies of its role."""
    functions = stack.client("lambda").get_paginator("list_functions").paginate()
    found = [one for page in functions for one in page["Functions"] if one["FunctionName"].startswith(PREFIX)]
    return {one["FunctionName"].removeprefix(PREFIX): set(_of(stack, one["Role"])) for one in found}


def _of(stack: LocalStack, role: str) -> Iterator[Permission]:
    iam, name = stack.client("iam"), role.rsplit("/", 1)[-1]
    assert not iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        for statement in iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]["Statement"]:
            assert statement["Effect"] == "Allow"
            for action in _listed(statement["Action"]):
                for resource in _listed(statement["Resource"]):
                    yield Permission(action.rstrip("*"), resource.replace("*", SAMPLE).replace("??????", SAMPLE))


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def acting_as(stack: LocalStack, function: str) -> Client:
    """Clients with the credentials of the function's role, by service."""
    role = stack.client("lambda").get_function_configuration(FunctionName=f"{PREFIX}{function}")["Role"]
    given = stack.client("sts").assume_role(RoleArn=role, RoleSessionName="tests")["Credentials"]
    session = boto3.session.Session(
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
        region_name=REGION,
    )
    config = Config(
        retries={"max_attempts": 1}, proxies={}, s3={"addressing_style": "path"}, parameter_validation=False
    )
    make: Any = session.client
    clients: dict[str, Any] = {}

    def client(service: str) -> Any:  # noqa: ANN401 - boto3's stubs type each service by a literal name
        if service not in clients:
            clients[service] = make(service, endpoint_url=stack.facts.aws_endpoint_url, config=config)
        return clients[service]

    return client


def is_denied(client: Client, attempt: Try, resource: str) -> bool:
    """Whether the role is refused by its policies, and not by the service for what is wrong in the call."""
    try:
        attempt(client, resource)
    except ClientError as error:
        said = error.response["Error"]
        return str(said.get("Code")).startswith("AccessDenied") and "not authorized" in str(said.get("Message"))
    return False


def _bucket(arn: str) -> dict[str, str]:
    bucket, _, key = arn.removeprefix("arn:aws:s3:::").partition("/")
    return {"Bucket": bucket, "Key": key} if key else {"Bucket": bucket}


def _queue(client: Client, arn: str) -> str:
    account, name = arn.split(":")[4:6]
    return f"{client('sqs').meta.endpoint_url}/{account}/{name}"


def _table(arn: str) -> str:
    return arn.rpartition("/")[2]


def _group(arn: str) -> str:
    return arn.split(":")[6]


ITEM = {"id": {"S": SAMPLE}}
UNMET = "attribute_exists(nothing)"


def _gateway_get(client: Client, arn: str) -> object:
    match arn.split(":")[5].strip("/").split("/"):
        case ["apikeys"]:
            return client("apigateway").get_api_keys(limit=1)
        case ["apikeys", key]:
            return client("apigateway").get_api_key(apiKey=key)
        case ["usageplans", plan, "usage"]:
            return client("apigateway").get_usage(usagePlanId=plan, startDate="2026-01-01", endDate="2026-01-01")
    raise ValueError(f"Nobody said how to GET {arn}.")


def _gateway_post(client: Client, arn: str) -> object:
    match arn.split(":")[5].strip("/").split("/"):
        case ["apikeys"]:
            # Neither enabled nor on a plan nor anybody's: it opens nothing, and no user sees it.
            return client("apigateway").create_api_key(name=SAMPLE, enabled=False)
        case ["usageplans", plan, "keys"]:
            return client("apigateway").create_usage_plan_key(usagePlanId=plan, keyId=SAMPLE, keyType="API_KEY")
    raise ValueError(f"Nobody said how to POST {arn}.")


TRIES: dict[str, Try] = {
    "apigateway:GET": _gateway_get,
    "apigateway:POST": _gateway_post,
    "apigateway:PATCH": lambda client, arn: client("apigateway").update_api_key(
        apiKey=arn.rpartition("/")[2], patchOperations=[]
    ),
    "apigateway:DELETE": lambda client, arn: client("apigateway").delete_api_key(apiKey=arn.rpartition("/")[2]),
    "dynamodb:GetItem": lambda client, arn: client("dynamodb").get_item(TableName=_table(arn), Key=ITEM),
    "dynamodb:PutItem": lambda client, arn: client("dynamodb").put_item(
        TableName=_table(arn), Item=ITEM, ConditionExpression=UNMET
    ),
    "dynamodb:UpdateItem": lambda client, arn: client("dynamodb").update_item(
        TableName=_table(arn), Key=ITEM, ConditionExpression=UNMET, UpdateExpression="REMOVE nothing"
    ),
    "dynamodb:DeleteItem": lambda client, arn: client("dynamodb").delete_item(
        TableName=_table(arn), Key=ITEM, ConditionExpression=UNMET
    ),
    "logs:CreateLogStream": lambda client, arn: client("logs").create_log_stream(
        logGroupName=_group(arn), logStreamName="a:b"
    ),
    "logs:PutLogEvents": lambda client, arn: client("logs").put_log_events(
        logGroupName=_group(arn), logStreamName=SAMPLE, logEvents=[]
    ),
    "s3:GetObject": lambda client, arn: client("s3").get_object(**_bucket(arn)),
    "s3:PutObject": lambda client, arn: client("s3").put_object(**_bucket(arn), Body=b"", IfMatch='"none"'),
    "s3:ListBucket": lambda client, arn: client("s3").list_objects_v2(**_bucket(arn), MaxKeys=1),
    "secretsmanager:GetSecretValue": lambda client, arn: client("secretsmanager").get_secret_value(SecretId=arn),
    "sqs:SendMessage": lambda client, arn: client("sqs").send_message(
        QueueUrl=_queue(client, arn), MessageBody=SAMPLE, DelaySeconds=901
    ),
    "sqs:ReceiveMessage": lambda client, arn: client("sqs").receive_message(
        QueueUrl=_queue(client, arn), MaxNumberOfMessages=11
    ),
    "sqs:DeleteMessage": lambda client, arn: client("sqs").delete_message(
        QueueUrl=_queue(client, arn), ReceiptHandle=SAMPLE
    ),
    "sqs:ChangeMessageVisibility": lambda client, arn: client("sqs").change_message_visibility(
        QueueUrl=_queue(client, arn), ReceiptHandle=SAMPLE, VisibilityTimeout=0
    ),
    "sqs:GetQueueAttributes": lambda client, arn: client("sqs").get_queue_attributes(QueueUrl=_queue(client, arn)),
    "sqs:GetQueueUrl": lambda client, arn: client("sqs").get_queue_url(QueueName=arn.split(":")[5]),
}
"""By action. What a new grant asks for is added here, else the tests say that nobody did."""
