"""What speaks against a deployment, and how a stage goes again."""

from __future__ import annotations

import json
from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID

from cdk.stages import Stage
from local.aws.deployed import Deployed, read_stage
from local.aws.destroy import check_may_go, confirm, delete_logs, empty
from local.aws.preflight import BOOTSTRAP, BOOTSTRAP_VERSION, hindrance, preflight
from local.aws.verify import address
from local.processes import LocalError

pytestmark = pytest.mark.functional

REGION = "eu-central-1"
STACK = "marketflow-dev-ingestion"


@pytest.fixture
def dev(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """The stage `dev`, in an AWS account with nothing in it."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield read_stage("dev")


def deployed(stage: Stage, region: str | None = REGION) -> Deployed:
    return Deployed(stage=stage, session=boto3.Session(region_name=region))


def bootstrap(version: int = BOOTSTRAP_VERSION) -> None:
    boto3.client("ssm", region_name=REGION).put_parameter(Name=BOOTSTRAP, Value=str(version), Type="String")


def stack(name: str, status: str = "CREATE_COMPLETE", **outputs: str) -> None:
    """A stack of one bucket in a state that CloudFormation left it in."""
    template = {
        "Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": f"{name}-bucket"}}},
        "Outputs": {key: {"Value": value} for key, value in outputs.items()},
    }
    boto3.client("cloudformation", region_name=REGION).create_stack(StackName=name, TemplateBody=json.dumps(template))
    for made in get_backend("cloudformation")[DEFAULT_ACCOUNT_ID][REGION].stacks.values():
        if made.name == name:
            made.status = status


def refused(stage: Stage, region: str | None = REGION) -> str:
    """What the preflight says against a deployment."""
    with pytest.raises(LocalError) as raised:
        preflight(deployed(stage, region))
    return str(raised.value)


def test_a_prepared_account_with_whole_stacks_is_deployed_to(dev: Stage) -> None:
    """It says where, so that who reads the log knows."""
    bootstrap()
    stack(STACK, "UPDATE_ROLLBACK_COMPLETE")
    assert preflight(deployed(dev)) == f"account {DEFAULT_ACCOUNT_ID}, {REGION}"


def test_a_region_is_needed(dev: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """boto3 would say that it must be specified, and not how."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    assert "AWS_REGION" in refused(dev, region=None)


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("account", "999999999999", f"belongs into account 999999999999 (cdk.json), and this is {DEFAULT_ACCOUNT_ID}"),
        ("region", "us-east-1", f"belongs into region us-east-1 (cdk.json), and this is {REGION}"),
    ],
)
def test_a_stage_is_deployed_only_where_it_belongs(dev: Stage, setting: str, value: str, said: str) -> None:
    """The wrong profile in the shell is the usual mistake."""
    bootstrap()
    assert said in refused(dev.model_copy(update={setting: value}))


def test_an_account_without_bootstrap_is_refused(dev: Stage) -> None:
    """With the command that prepares it."""
    assert "make bootstrap STAGE=dev" in refused(dev)


def test_an_old_bootstrap_is_refused(dev: Stage) -> None:
    """With both versions."""
    bootstrap(BOOTSTRAP_VERSION - 1)
    assert f"version {BOOTSTRAP_VERSION - 1}, {BOOTSTRAP_VERSION} is needed" in refused(dev)


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        ("UPDATE_IN_PROGRESS", "describe-stack-events"),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "describe-stack-events"),
        ("ROLLBACK_COMPLETE", "delete-stack"),
        ("DELETE_FAILED", "delete-stack"),
        ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback"),
    ],
)
def test_a_stack_that_takes_no_update_stops_the_deployment_of_all(dev: Stage, status: str, remedy: str) -> None:
    """Two deployments at once would each get a part of the stacks."""
    bootstrap()
    stack("marketflow-dev-identity")
    stack(STACK, status)
    said = refused(dev)
    assert f"{STACK} is {status}" in said
    assert f"{remedy} --stack-name {STACK}" in said


def test_other_stages_and_other_peoples_stacks_are_no_hindrance(dev: Stage) -> None:
    """Dev and prod may be deployed at the same time."""
    bootstrap()
    stack("marketflow-prod-api", "UPDATE_IN_PROGRESS")
    stack("website", "ROLLBACK_FAILED")
    preflight(deployed(dev))


def test_a_change_set_that_was_never_carried_out_is_no_hindrance() -> None:
    """`cdk diff` leaves such stacks behind before the first deployment."""
    assert hindrance({STACK: "REVIEW_IN_PROGRESS"}) is None


def test_the_address_comes_from_the_outputs_and_the_gateway(dev: Stage) -> None:
    """No file, no variable: the credentials are enough."""
    key = boto3.client("apigateway", region_name=REGION).create_api_key(name="operator", value="k" * 24)
    stack("marketflow-dev-api", ApiUrl="https://abc.example/api/", ApiKeyId=key["id"])
    found = address(deployed(dev))
    assert (found.api_url, found.api_key) == ("https://abc.example/api/v1", "k" * 24)


def test_what_is_not_deployed_cannot_be_verified(dev: Stage) -> None:
    """With the command that deploys it."""
    with pytest.raises(LocalError, match="make deploy STAGE=dev"):
        address(deployed(dev))


def test_a_bucket_is_emptied_of_every_version_and_of_unfinished_uploads(dev: Stage) -> None:
    """CloudFormation deletes only a bucket in which nothing is, old versions and delete markers counted."""
    s3 = boto3.client("s3", region_name=REGION)
    stack(STACK)
    bucket = f"{STACK}-bucket"
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for number in range(1200):
        s3.put_object(Bucket=bucket, Key=f"raw/{number % 700}", Body=b"x")
    s3.delete_object(Bucket=bucket, Key="raw/1")
    s3.create_multipart_upload(Bucket=bucket, Key="raw/big")
    where = deployed(dev)
    assert where.resources(STACK, "AWS::S3::Bucket") == [bucket]
    assert empty(where, bucket) == 1201
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    s3.delete_bucket(Bucket=bucket)


def test_log_groups_that_services_made_are_deleted_and_no_others(dev: Stage) -> None:
    """They are kept for ever otherwise: the proxy's, and one that RDS made again while it went."""
    logs = boto3.client("logs", region_name=REGION)
    ours = [
        "/aws/lambda/marketflow-dev-etl",
        "/aws/rds/instance/marketflow-dev-database/postgresql",
        "/aws/rds/proxy/marketflow-dev-proxy",
    ]
    others = ["/aws/lambda/marketflow-prod-etl", "/aws/rds/proxy/marketflow-prod-proxy", "/aws/lambda/website"]
    for name in ours + others:
        logs.create_log_group(logGroupName=name)
    assert delete_logs(deployed(dev)) == ours
    assert {group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]} == set(others)


def test_a_stage_that_keeps_its_data_is_not_destroyed() -> None:
    """By its settings, which the message names; no stage is special."""
    with pytest.raises(LocalError, match=r"prod keeps its data \(removal, termination_protection"):
        check_may_go(read_stage("prod"))
    check_may_go(read_stage("dev"))


@pytest.mark.parametrize("said", ["", "prod", "yes"])
def test_a_stage_is_destroyed_only_when_its_name_was_given(said: str) -> None:
    """Who types a name has read it."""
    with pytest.raises(LocalError, match="CONFIRM=dev"):
        confirm(read_stage("dev"), {"CONFIRM": said})
    confirm(read_stage("dev"), {"CONFIRM": "dev"})


def test_a_stage_for_this_machine_is_not_for_aws() -> None:
    """`local` has no database of its own in the cloud."""
    with pytest.raises(LocalError, match="make run"):
        read_stage("local")


def test_an_unknown_stage_is_refused_with_those_that_there_are() -> None:
    """As the CDK would, but before anything is built."""
    with pytest.raises(LocalError, match="Known stages: local, dev, prod"):
        read_stage("staging")
