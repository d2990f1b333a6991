"""What every synth has to pass: cdk-nag's AwsSolutions, and the only exceptions from it, each with its reason.

An exception names one construct and one finding. A new finding fails the synth; so does an exception whose construct
is gone. The CDK's own check of the templates against the resource types' schemas is switched on in cdk.json.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from aws_cdk import Acknowledgment, App, CfnElement, Stack, Validations
from cdk_nag import AwsSolutionsChecks
from constructs import IConstruct

from cdk.routes import ROUTES
from cdk.stages import Database, Stage
from marketflow.sources.catalog import CATALOG

RUNTIME = "python3.13 is the newest that the project supports and tests; stages.py holds it in one place."
TRACES = "X-Ray has no resources to name: xray:PutTraceSegments and PutTelemetryRecords exist only on *."
INTERFACES = f"{TRACES} The same goes for the network interfaces that Lambda makes for a function in a VPC."
PREFIX = "The objects' names end in a date and a hash; the grant is for one action below one prefix of one bucket."
BUCKET = "<{data}.Arn>"
BUCKET_EXPORT = "ExportsOutputFnGetAttDataBucketE6B0FAA8Arn3FF3A9FF"


@dataclass(frozen=True, kw_only=True)
class Exemption:
    """`rule` does not hold for the construct at `path` (below the stack of `concern`), and why that is right."""

    concern: str
    path: str
    rule: str
    reason: str


def check(app: App, *, stage: Stage) -> None:
    """Run the checks at synth."""
    for exemption in exemptions(stage):
        stack = app.node.find_child(stage.resource(exemption.concern))
        names = {"data": _logical_id(stack, "Data/Bucket/Resource")} if BUCKET in exemption.rule else {}
        acknowledgment = Acknowledgment(id=exemption.rule.format(**names), reason=exemption.reason)
        Validations.of(_at(stack, exemption.path)).acknowledge(acknowledgment)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))


def exemptions(stage: Stage) -> Iterator[Exemption]:
    """Every exception that the stage needs."""
    yield from _functions()
    yield from _api(stage)
    yield Exemption(
        concern="api",
        path="Admin/Role/DefaultPolicy/Resource",
        rule=f"AwsSolutions-IAM5[Resource::{stage.resource('ingestion')}:{BUCKET_EXPORT}/tasks/*]",
        reason=PREFIX,
    )
    if stage.history_months is not None:
        yield from _history(stage)
    if stage.canary is not None:
        yield from _canary()
    yield from _identity()
    yield Exemption(
        concern="ingestion",
        path="Data/Bucket/Resource",
        rule="AwsSolutions-S1",
        reason="Only this stack's roles reach the bucket; access logs would cost more objects than the archive has.",
    )
    yield Exemption(
        concern="ingestion",
        path="Data/Bucket/Resource",
        rule="CloudFormation-Validate::W9003",
        reason="The schema has a string for what the CDK, and CloudFormation's documentation, have as a number.",
    )
    if stage.database is not None:
        yield from _database(stage.database)
    if not stage.tls_only:
        yield from _plain_http()
    if "*" in stage.send_action:
        yield from _every_send(stage.send_action)


def _functions() -> Iterator[Exemption]:
    fetchers = {name.capitalize() + "/Fetch": name for name in CATALOG}
    for path in (*fetchers, "Etl", "Migrate", "Audit/Audit"):
        traces = TRACES if path in fetchers else INTERFACES
        yield from _function("ingestion", path, reason=traces)
    for path in ("Read", "Admin"):
        yield from _function("api", path, reason=INTERFACES)
    yield from _function("ingestion", "Commands/Dispatch", reason=TRACES)
    yield _prefix("Commands/Dispatch", "tasks/*")
    yield _prefix("Audit/Audit", "tasks/*")
    yield from _function("identity", "Token", reason=TRACES)
    for path, name in fetchers.items():
        for prefix in ("raw", "errors"):
            yield _prefix(path, f"{prefix}/source={name}/*")
    yield _prefix("Etl", "raw/*")


def _function(concern: str, path: str, *, reason: str) -> Iterator[Exemption]:
    policy = f"{path}/Role/DefaultPolicy/Resource"
    yield Exemption(concern=concern, path=f"{path}/Function/Resource", rule="AwsSolutions-L1", reason=RUNTIME)
    yield Exemption(concern=concern, path=policy, rule="AwsSolutions-IAM5[Resource::*]", reason=reason)


def _prefix(path: str, prefix: str) -> Exemption:
    return Exemption(
        concern="ingestion",
        path=f"{path}/Role/DefaultPolicy/Resource",
        rule=f"AwsSolutions-IAM5[Resource::{BUCKET}/{prefix}]",
        reason=PREFIX,
    )


def _history(stage: Stage) -> Iterator[Exemption]:
    yield from _function("history", "Retire/Retire", reason=INTERFACES)
    yield Exemption(
        concern="history",
        path="Retire/Retire/Role/DefaultPolicy/Resource",
        rule=f"AwsSolutions-IAM5[Resource::{stage.resource('ingestion')}:{BUCKET_EXPORT}/history/*]",
        reason="The objects are named by months and symbols to come; the grant is for one prefix of one bucket.",
    )


def _canary() -> Iterator[Exemption]:
    for concern in ("api", "ingestion"):
        yield Exemption(
            concern=concern,
            path="Deployments/Role/Resource",
            rule="AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/"
            "AWSCodeDeployRoleForLambdaLimited]",
            reason="CodeDeploy itself assumes this role, and this is the narrower of the policies that it documents.",
        )


def _identity() -> Iterator[Exemption]:
    pool = {"concern": "identity", "path": "Users/Pool/Resource"}
    yield Exemption(
        **pool,
        rule="AwsSolutions-COG8",
        reason="The plus plan costs per user and month; essentials is free to 10,000 users and has what is used here.",
    )
    yield Exemption(
        **pool,
        rule="AwsSolutions-COG2",
        reason="Each user may add a one-time password; keys for market data do not oblige everybody to.",
    )


def _api(stage: Stage) -> Iterator[Exemption]:
    yield Exemption(
        concern="api",
        path="Rest/Api/Resource",
        rule="AwsSolutions-APIG2",
        reason="The functions check parameters and bodies: their answers name what is wrong, the gateway's would not.",
    )
    if stage.api.waf is None:
        yield Exemption(
            concern="api",
            path="Rest/Api/DeploymentStage.api/Resource",
            rule="AwsSolutions-APIG3",
            reason="A web ACL costs more than the idle rest of the stack; throttles and quotas are set at every level.",
        )
    yield Exemption(
        concern="api",
        path="Rest/Api/CloudWatchRole/Resource",
        rule="AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/"
        "AmazonAPIGatewayPushToCloudWatchLogs]",
        reason="API Gateway itself assumes this role, and this is the policy that it documents for it.",
    )
    yield from _keys()
    for route in ROUTES:
        why = (
            "A usage plan's API key opens it."
            if route.needs_key
            else "It is public: it tells of the API, and nothing of its data."
        )
        if route.scope is None:
            yield from _no_token(f"{route.path}/{route.method}", why)
    for path in dict.fromkeys(route.path for route in ROUTES):
        yield from _no_token(f"{path}/ANY", "It only says which methods there are, as the published contract does.")


def _no_token(method: str, why: str) -> Iterator[Exemption]:
    for rule in ("AwsSolutions-APIG4", "AwsSolutions-COG4"):
        yield Exemption(concern="api", path=f"Rest/Api/Default{method}/Resource", rule=rule, reason=why)


def _keys() -> Iterator[Exemption]:
    yield from _function("api", "Keys", reason=TRACES)
    yield Exemption(
        concern="api",
        path="Keys/Role/DefaultPolicy/Resource",
        rule="AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:apigateway:<AWS::Region>::/apikeys/*]",
        reason="API Gateway chooses a key's id when it makes it; the function itself keeps each user to own keys.",
    )
    yield Exemption(
        concern="api",
        path="Once/Table/Resource",
        rule="AwsSolutions-DDB3",
        reason="Every item is forgotten after a day: there is no point in time that anybody would go back to.",
    )


def _database(database: Database) -> Iterator[Exemption]:
    instance = {"concern": "database", "path": "Instance/Resource"}
    yield Exemption(
        **instance,
        rule="AwsSolutions-RDS11",
        reason="The subnets have no route from outside, and only the proxy may connect: another port hides nothing.",
    )
    if not database.multi_az:
        reason = "The stage chose one zone: its raw archive in S3 can be replayed into an empty database."
        yield Exemption(**instance, rule="AwsSolutions-RDS3", reason=reason)
    if not database.deletion_protection:
        reason = "The stage is meant to be deleted again, and holds nothing that the archive does not."
        yield Exemption(**instance, rule="AwsSolutions-RDS10", reason=reason)


def _plain_http() -> Iterator[Exemption]:
    reason = "The stage chose plain HTTP: it is for the emulator on the loopback interface, which speaks nothing else."
    for concern, rule in (("ingestion", "S10"), ("ingestion", "SQS4"), ("observability", "SNS3")):
        yield Exemption(concern=concern, path="", rule=f"AwsSolutions-{rule}", reason=reason)


def _every_send(action: str) -> Iterator[Exemption]:
    reason = "The stage is for the emulator, which asks for an action for batches that AWS does not have."
    senders = [*(f"{name.capitalize()}/Fetch" for name in CATALOG), "Commands/Dispatch"]
    for sender in senders:
        path = f"{sender}/Role/DefaultPolicy/Resource"
        yield Exemption(concern="ingestion", path=path, rule=f"AwsSolutions-IAM5[Action::{action}]", reason=reason)


def _at(scope: IConstruct, path: str) -> IConstruct:
    for name in filter(None, path.split("/")):
        scope = scope.node.find_child(name)
    return scope


def _logical_id(stack: IConstruct, path: str) -> str:
    element = _at(stack, path)
    assert isinstance(stack, Stack)  # noqa: S101 - so typed because jsii cannot say
    assert isinstance(element, CfnElement)  # noqa: S101 - the same
    return str(stack.resolve(element.logical_id))
