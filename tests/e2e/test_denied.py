"""Each function is denied what is not its own: the whole table of permissions, against the roles as deployed."""

from __future__ import annotations

import json

import pytest

from local.deploy import ASSETS_BUCKET
from local.stack import PREFIX, LocalStack
from marketflow.sources.catalog import CATALOG
from tests.e2e.permissions import SAMPLE, TRIES, UNTRIED, Client, Permission, Try, acting_as, deployed, is_denied

pytestmark = pytest.mark.e2e

FUNCTIONS = (
    *(f"fetch-{source}" for source in CATALOG),
    *("etl", "migrate", "api", "admin", "keys", "token", "dispatch", "audit"),
)
EVERYTHING = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})


@pytest.fixture(scope="module")
def table(stack: LocalStack) -> dict[str, set[Permission]]:
    """The permissions of every function but those that cannot be tried here."""
    return {name: {one for one in held if one.action not in UNTRIED} for name, held in deployed(stack).items()}


@pytest.fixture
def role(stack: LocalStack, function: str) -> Client:
    """Clients that act as the function."""
    return acting_as(stack, function)


def test_the_table_has_every_function_and_every_action(table: dict[str, set[Permission]]) -> None:
    """A function or a kind of grant that is added later is tried as well."""
    assert table.keys() == {*FUNCTIONS}
    assert {one.action for held in table.values() for one in held} <= TRIES.keys()
    assert sum(map(len, table.values())) > 100


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_is_granted_is_allowed(table: dict[str, set[Permission]], role: Client, function: str) -> None:
    """So that the denials are those of policies, and not of credentials that open nothing."""
    assert table[function]
    assert not [one for one in sorted(table[function]) if is_denied(role, TRIES[one.action], one.resource)]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_only_others_may_do_is_denied(table: dict[str, set[Permission]], role: Client, function: str) -> None:
    """Every action on every resource that any other function is granted and this one is not."""
    foreign = {one for held in table.values() for one in held} - table[function]
    assert len(foreign) > 50
    assert not [one for one in sorted(foreign) if not is_denied(role, TRIES[one.action], one.resource)]


def others(stack: LocalStack, function: str) -> dict[str, tuple[Try, str]]:
    """What no function may do at all, by what it would be good for; where it has to be of another, to `other`'s."""
    other = "etl" if function != "etl" else "api"
    configuration = stack.client("lambda").get_function_configuration
    own, foreign = (configuration(FunctionName=f"{PREFIX}{name}")["Role"] for name in (function, other))
    own_name, name = own.rpartition("/")[2], f"{PREFIX}{other}"
    bucket = f"arn:aws:s3:::{stack.data_bucket()}"
    get, put = TRIES["s3:GetObject"], TRIES["s3:PutObject"]
    return {
        "read the results of queries": (get, f"{bucket}/athena/{SAMPLE}"),
        "read the export": (get, f"{bucket}/history/{SAMPLE}"),
        "read an object at the root": (get, f"{bucket}/{SAMPLE}"),
        "write an object at the root": (put, f"{bucket}/{SAMPLE}"),
        "write beside a prefix": (put, f"{bucket}/raw/source=binance-{SAMPLE}/x"),
        "read the code of others": (get, f"arn:aws:s3:::{ASSETS_BUCKET}/{SAMPLE}"),
        "change the code of others": (put, f"arn:aws:s3:::{ASSETS_BUCKET}/{SAMPLE}"),
        "delete from the archive": (
            lambda client, _: client("s3").delete_object(Bucket=stack.data_bucket(), Key=f"raw/{SAMPLE}"),
            "",
        ),
        "open the bucket": (
            lambda client, _: client("s3").put_bucket_policy(Bucket=stack.data_bucket(), Policy="{}"),
            "",
        ),
        "list buckets": (lambda client, _: client("s3").list_buckets(), ""),
        "empty a queue": (
            lambda client, _: client("sqs").purge_queue(QueueUrl=stack.queue_url("payloads-dlq")),
            "",
        ),
        "make a queue": (lambda client, _: client("sqs").create_queue(QueueName=SAMPLE), ""),
        "read the whole table": (lambda client, _: client("dynamodb").scan(TableName=once_table(stack)), ""),
        "list secrets": (lambda client, _: client("secretsmanager").list_secrets(), ""),
        "read a secret by another name": (
            TRIES["secretsmanager:GetSecretValue"],
            "arn:aws:secretsmanager:us-east-1:000000000000:secret:other-AAAAAA",
        ),
        "grant itself everything": (
            lambda client, _: client("iam").put_role_policy(
                RoleName=own_name, PolicyName=SAMPLE, PolicyDocument=EVERYTHING
            ),
            "",
        ),
        "take a policy of AWS": (
            lambda client, _: client("iam").attach_role_policy(
                RoleName=own_name, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
            ),
            "",
        ),
        "list roles": (lambda client, _: client("iam").list_roles(), ""),
        "make a user": (lambda client, _: client("iam").create_user(UserName=SAMPLE), ""),
        "act as another function": (
            lambda client, _: client("sts").assume_role(RoleArn=foreign, RoleSessionName=SAMPLE),
            "",
        ),
        "call another function": (lambda client, _: client("lambda").invoke(FunctionName=name, Payload=b"{}"), ""),
        "call itself": (
            lambda client, _: client("lambda").invoke(FunctionName=f"{PREFIX}{function}", Payload=b"{}"),
            "",
        ),
        "read another function's settings": (
            lambda client, _: client("lambda").get_function_configuration(FunctionName=name),
            "",
        ),
        "change another function": (
            lambda client, _: client("lambda").update_function_configuration(FunctionName=name, Timeout=0),
            "",
        ),
        "read the log of another function": (
            lambda client, _: client("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}"),
            "",
        ),
        "delete its own log": (
            lambda client, _: client("logs").delete_log_group(logGroupName=f"/aws/lambda/{PREFIX}{SAMPLE}"),
            "",
        ),
        "list users": (lambda client, _: client("cognito-idp").list_users(UserPoolId="us-east-1_none"), ""),
        "read parameters": (lambda client, _: client("ssm").get_parameter(Name=SAMPLE), ""),
        "read what is deployed": (lambda client, _: client("cloudformation").describe_stacks(), ""),
        "make an API": (lambda client, _: client("apigateway").create_rest_api(name=SAMPLE), ""),
        "read usage plans": (lambda client, _: client("apigateway").get_usage_plans(), ""),
        "make a usage plan": (lambda client, _: client("apigateway").create_usage_plan(name=SAMPLE), ""),
    }


def once_table(stack: LocalStack) -> str:
    """The table of what was done for Idempotency-Keys."""
    (name,) = stack.client("dynamodb").list_tables()["TableNames"]
    return str(name)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_nobody_may_do_is_denied(stack: LocalStack, role: Client, function: str) -> None:
    """Other prefixes, queues, tables, secrets and logs, roles and policies, functions, and what is deployed."""
    tries = others(stack, function)
    assert not [what for what, (attempt, resource) in tries.items() if not is_denied(role, attempt, resource)]


def test_a_grant_too_many_is_seen(stack: LocalStack, table: dict[str, set[Permission]]) -> None:
    """With one more prefix in its policy a fetcher is no longer denied what is another's."""
    foreign = Permission("s3:PutObject", f"arn:aws:s3:::{stack.data_bucket()}/state/yahoo.json")
    assert foreign in table["fetch-yahoo"] - table["fetch-binance"]
    client, iam = acting_as(stack, "fetch-binance"), stack.client("iam")
    arn = stack.client("lambda").get_function_configuration(FunctionName=f"{PREFIX}fetch-binance")["Role"]
    wider = {"RoleName": arn.rpartition("/")[2], "PolicyName": "wider"}
    statement = {"Effect": "Allow", "Action": foreign.action, "Resource": foreign.resource}
    iam.put_role_policy(**wider, PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    try:
        assert not is_denied(client, TRIES[foreign.action], foreign.resource)
    finally:
        iam.delete_role_policy(**wider)
    assert is_denied(client, TRIES[foreign.action], foreign.resource)
