"""The functions: what each runs on, what it is told, and that it may do nothing else."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from cdk.access import DatabaseRole, server
from cdk.bundling import ROOT, WITH_PACKAGE
from cdk.parts import functions as function_names
from cdk.stages import load_stage
from marketflow.sources.catalog import CATALOG
from tests.cdk.conftest import Synthesise, app_for, assembled
from tests.cdk.templates import CONTEXT, GIVEN, Assembly, Resource, Template, invoked, listed, referred, text
from tests.layers import LAYERS

pytestmark = pytest.mark.cdk

RESERVED = re.compile(r"^(AWS_|_|LAMBDA_|TZ$|PATH$|PYTHONPATH$|LD_LIBRARY_PATH$)")
"""Lambda sets these itself and refuses a deployment that sets them; PYTHONPATH would hide the layer."""

DATABASE_ROLES = {
    "migrate": DatabaseRole.OWNER,
    "etl": DatabaseRole.WRITER,
    "admin": DatabaseRole.WRITER,
    "audit": DatabaseRole.WRITER,
    "retire": DatabaseRole.WRITER,
    "api": DatabaseRole.READER,
}
"""Whom each function connects as."""

DATABASE_FUNCTIONS = DATABASE_ROLES.keys() - {"retire"}
"""Those of every stage; one that does not keep every month has `retire` beside them."""

EVERYWHERE_ALLOWED = {
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
    "logs:CreateLogStream",
    "logs:DescribeLogStreams",
    "logs:PutLogEvents",
}
"""Actions that AWS does not let one narrow to a resource (and what flow logs do, in their own log group)."""


def named(assembly: Assembly) -> dict[str, tuple[Template, Resource]]:
    """The functions by their names without the stage's prefix."""
    prefix = f"marketflow-{assembly.stage}-"
    return {
        resource["Properties"]["FunctionName"].removeprefix(prefix): (template, resource)
        for template, _, resource in assembly.with_resources("AWS::Lambda::Function")
    }


def variables(function: Resource) -> dict[str, object]:
    """The function's environment."""
    found: dict[str, object] = function["Properties"]["Environment"]["Variables"]
    return found


def grants(template: Template, function: Resource) -> dict[str, set[str]]:
    """What the function's role may do: each action with its resources."""
    role = referred(function["Properties"]["Role"])
    allowed: dict[str, set[str]] = {}
    for policy in template.resources("AWS::IAM::Policy").values():
        if role in [referred(entry) for entry in policy["Properties"]["Roles"]]:
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
                assert statement["Effect"] == "Allow"
                for action in listed(statement["Action"]):
                    allowed.setdefault(action, set()).update(text(entry) for entry in listed(statement["Resource"]))
    return allowed


def retires(assembly: Assembly) -> set[str]:
    """The function that a stage has which does not keep every month."""
    return {"retire"} if CONTEXT["stages"][assembly.stage]["history_months"] else set()


def test_the_functions_are_those_of_the_folders_and_the_catalogue(assembly: Assembly) -> None:
    """One fetcher for each source, and nothing that CDK adds of its own."""
    assert set(named(assembly)) == {
        *(f"fetch-{source}" for source in CATALOG),
        "etl",
        "migrate",
        "api",
        "admin",
        "keys",
        "token",
        "dispatch",
        "audit",
        *retires(assembly),
    }
    assert set(named(assembly)) == set(
        function_names(load_stage({**CONTEXT, **GIVEN.get(assembly.stage, {}), "stage": assembly.stage}.get))
    )


def test_every_function_has_a_log_group_that_forgets(assembly: Assembly) -> None:
    """Its own, named after it, with the stage's retention."""
    for name, (template, function) in named(assembly).items():
        group = referred(function["Properties"]["LoggingConfig"]["LogGroup"])
        assert group is not None
        properties = template.resource(group)["Properties"]
        assert properties["LogGroupName"] == f"/aws/lambda/marketflow-{assembly.stage}-{name}"
        assert properties["RetentionInDays"] > 0


def test_every_log_group_forgets(assembly: Assembly) -> None:
    """Also those that AWS would make by itself, and keep for ever."""
    groups = [resource["Properties"] for _, _, resource in assembly.with_resources("AWS::Logs::LogGroup")]
    assert all("RetentionInDays" in group for group in groups)
    assert any(text(group["LogGroupName"]).startswith("API-Gateway-Execution-Logs_") for group in groups)


def test_every_function_is_traced(assembly: Assembly) -> None:
    """X-Ray, from the schedule to the row."""
    assert all(fn["Properties"]["TracingConfig"] == {"Mode": "Active"} for _, fn in named(assembly).values())


def test_every_function_runs_on_the_one_runtime(cloud: Assembly) -> None:
    """python3.13 on arm64, and layers that were built for both."""
    for _, function in named(cloud).values():
        assert function["Properties"]["Runtime"] == "python3.13"
        assert function["Properties"]["Architectures"] == ["arm64"]
    for _, _, layer in cloud.with_resources("AWS::Lambda::LayerVersion"):
        assert layer["Properties"]["CompatibleRuntimes"] == ["python3.13"]
        assert layer["Properties"]["CompatibleArchitectures"] == ["arm64"]


def test_a_stack_uses_the_layer_versions_that_it_makes(assembly: Assembly) -> None:
    """A layer version that another stack exports could not be replaced; none is made for nobody."""
    for template in assembly.templates.values():
        used = {
            referred(layer) for function in template.functions().values() for layer in function["Properties"]["Layers"]
        }
        assert used == set(template.resources("AWS::Lambda::LayerVersion"))


def test_every_function_takes_the_layers_that_its_handler_is_tested_with(assembly: Assembly) -> None:
    """The read API, the ETL and the sign-in are slim; exactly one layer of each function brings the package."""
    for name, (template, function) in named(assembly).items():
        versions = [template.resource(str(referred(layer))) for layer in function["Properties"]["Layers"]]
        names = [str(version["Properties"]["LayerName"]).rpartition("-")[2] for version in versions]
        assert names == LAYERS[name.partition("-")[0]], name
        assert len(WITH_PACKAGE.intersection(names)) == 1


def test_what_takes_requests_and_most_messages_is_a_published_version(assembly: Assembly) -> None:
    """Behind the gateway, and at the queues of payloads and commands; a fetcher's task finds the code of its ticks."""
    aliases = {
        template.resource(invoked(template, alias["Properties"]["FunctionName"]))["Properties"]["FunctionName"]
        for template, _, alias in assembly.with_resources("AWS::Lambda::Alias")
        if alias["Properties"]["Name"] == "live"
    }
    assert aliases == {f"marketflow-{assembly.stage}-{name}" for name in ("api", "admin", "keys", "etl", "dispatch")}


def test_a_snapshot_is_taken_where_the_stage_asks_for_one(tmp_path: Path) -> None:
    """Of published versions, which traffic is sent to; nowhere else, because a snapshot is paid for."""
    sizes = CONTEXT["stages"]["dev"]["functions"]
    app = app_for("dev", tmp_path, functions={**sizes, "api": {**sizes["api"], "snap_start": True}})
    snapped = {
        name: function["Properties"]["SnapStart"]
        for name, (_, function) in named(assembled("dev", app)).items()
        if "SnapStart" in function["Properties"]
    }
    assert snapped == {"api": {"ApplyOn": "PublishedVersions"}}


def test_every_function_has_a_role_of_its_own(assembly: Assembly) -> None:
    """No function can do what only another one needs."""
    roles = Counter((str(t), referred(fn["Properties"]["Role"])) for t, fn in named(assembly).values())
    assert set(roles.values()) == {1}


def test_an_asynchronous_function_has_a_dead_letter_queue(assembly: Assembly) -> None:
    """Those that a schedule or CloudFormation invokes: an event that failed for good is kept."""
    asynchronous = {name for name in named(assembly) if name.startswith("fetch-")} | {"migrate", "audit", "retire"}
    for name, (template, function) in named(assembly).items():
        target = function["Properties"].get("DeadLetterConfig", {}).get("TargetArn")
        assert (name in asynchronous) == (target is not None), name
        if target is not None:
            queue = referred(target)
            assert queue is not None
            assert template.resource(queue)["Properties"]["QueueName"].endswith("-dlq")


def test_a_migration_is_never_started_twice(assembly: Assembly) -> None:
    """Lambda's own retry would start a second one beside a first that is slow."""
    settings = assembly.templates["ingestion"].resources("AWS::Lambda::EventInvokeConfig").values()
    by_function = {referred(entry["Properties"]["FunctionName"]): entry["Properties"] for entry in settings}
    assert by_function["MigrateFunctionE2483A46"]["MaximumRetryAttempts"] == 0


def test_no_reserved_variable_is_set(assembly: Assembly) -> None:
    """Lambda refuses some names, and others would change what the runtime does."""
    for name, (_, function) in named(assembly).items():
        assert not [variable for variable in variables(function) if RESERVED.match(variable)], name


def test_every_function_is_told_what_its_settings_ask_for(assembly: Assembly) -> None:
    """The names are those of marketflow.config; Powertools has its own."""
    common = {"MARKETFLOW_STAGE", "LOG_LEVEL", "POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE"}
    wanted = {
        "etl": {"DATABASE_URL", "DATA_BUCKET"},
        "migrate": {"DATABASE_URL", "DATA_BUCKET"},
        "api": {"DATABASE_URL", "CORS_ORIGINS", "PLANS"},
        "keys": {"USAGE_PLAN_IDS", "IDEMPOTENCY_TABLE", "FUNCTION_TIMEOUT", "CORS_ORIGINS", "PLANS"},
        "admin": {"DATABASE_URL", "CORS_ORIGINS", "PLANS", "DATA_BUCKET", "IDEMPOTENCY_TABLE", "FUNCTION_TIMEOUT"},
        "token": set(),
        "dispatch": {"DATA_BUCKET", "QUEUE_URLS"},
        "audit": {"DATABASE_URL", "DATA_BUCKET"},
        "retire": {"DATABASE_URL", "DATA_BUCKET", "HISTORY_MONTHS"},
        **{
            f"fetch-{source}": {"SOURCE", "DATA_BUCKET", "PAYLOAD_QUEUE_URL", "TASK_QUEUE_URL", "TASK_TRIES"}
            for source in CATALOG
        },
    }
    for name, (_, function) in named(assembly).items():
        told = variables(function)
        assert common | wanted[name] <= told.keys(), name
        assert (told["MARKETFLOW_STAGE"], told["POWERTOOLS_SERVICE_NAME"]) == (assembly.stage, name)
        assert function["Properties"]["Handler"] == "handler.handler"


def test_every_function_has_its_folder() -> None:
    """functions/<name>/handler.py for each kind of function."""
    for folder in ("fetch", "etl", "migrate", "api", "admin", "keys", "token", "dispatch", "audit", "retire"):
        assert (ROOT / "functions" / folder / "handler.py").is_file()


def test_a_fetcher_may_touch_its_own_source_and_nothing_else(cloud: Assembly) -> None:
    """Write its archive and its state, read its symbols and its state, send payloads, read and postpone its tasks."""
    bucket = "<DataBucketE6B0FAA8.Arn>"
    for source in CATALOG:
        template, function = named(cloud)[f"fetch-{source}"]
        allowed = grants(template, function)
        assert allowed["s3:PutObject"] == {
            f"{bucket}/raw/source={source}/*",
            f"{bucket}/errors/source={source}/*",
            f"{bucket}/state/{source}.json",
        }
        assert allowed["s3:GetObject"] == {f"{bucket}/catalog/{source}.json", f"{bucket}/state/{source}.json"}
        assert allowed["s3:ListBucket"] == {bucket}
        assert not {action for action in allowed if action.startswith(("rds", "secretsmanager", "ec2"))}
        missed = function["Properties"]["DeadLetterConfig"]["TargetArn"]["Fn::GetAtt"][0]
        (tasks,) = allowed["sqs:ReceiveMessage"]
        assert allowed["sqs:SendMessage"] == {"<PayloadsQueueF72D6F07.Arn>", f"<{missed}.Arn>", tasks}


def test_the_etl_reads_the_archive_and_the_queue_and_signs_in_to_the_database(cloud: Assembly) -> None:
    """It sends nothing and writes to no bucket."""
    template, function = named(cloud)["etl"]
    allowed = grants(template, function)
    assert allowed["s3:GetObject"] == {"<DataBucketE6B0FAA8.Arn>/raw/*"}
    assert allowed["sqs:ReceiveMessage"] == {"<PayloadsQueueF72D6F07.Arn>"}
    assert not allowed.keys() & {"s3:PutObject", "s3:ListBucket", "sqs:SendMessage"}


def test_the_migration_reads_the_kept_symbols_alone(cloud: Assembly) -> None:
    """It restores them into a database that was lost, and writes what it publishes."""
    allowed = grants(*named(cloud)["migrate"])
    catalogs = {f"<DataBucketE6B0FAA8.Arn>/catalog/{name}.json" for name in (*CATALOG, "symbols")}
    assert allowed["s3:PutObject"] == catalogs
    assert allowed["s3:GetObject"] == {"<DataBucketE6B0FAA8.Arn>/catalog/symbols.json"}


def test_the_function_of_keys_may_touch_api_keys_and_its_table(cloud: Assembly) -> None:
    """No API, no stage and no plan is in its reach: on plans it puts keys, and asks what they used."""
    allowed = {
        action: resources
        for action, resources in grants(*named(cloud)["keys"]).items()
        if not action.startswith(("logs:", "xray:"))
    }
    arn = "arn:<AWS::Partition>:apigateway:<AWS::Region>::"
    plans = [f"{arn}/usageplans/<{name}>" for name in ("PlansFree26A9E597", "PlansPro4B0D1D0B")]
    assert allowed.pop("apigateway:GET") == {f"{arn}/apikeys", f"{arn}/apikeys/*", *(f"{one}/usage" for one in plans)}
    assert allowed.pop("apigateway:POST") == {f"{arn}/apikeys", *(f"{one}/keys" for one in plans)}
    assert allowed.pop("apigateway:PATCH") == allowed.pop("apigateway:DELETE") == {f"{arn}/apikeys/*"}
    assert allowed.keys() == {f"dynamodb:{verb}Item" for verb in ("Get", "Put", "Update", "Delete")}
    assert set.union(*allowed.values()) == {"<OnceTable0DB39D80.Arn>"}


def test_the_administration_publishes_catalogs_and_commands_and_nothing_else(cloud: Assembly) -> None:
    """It reads no object, and writes only where fetchers look for their symbols and the dispatcher for its commands."""
    template, function = named(cloud)["admin"]
    allowed = grants(template, function)
    places = {resource.partition("}/")[2] for resource in allowed["s3:PutObject"]}
    assert places == {"tasks/*", *(f"catalog/{name}.json" for name in (*CATALOG, "symbols"))}
    assert {action for action in allowed if action.startswith("s3:")} == {"s3:PutObject"}
    assert not {action for action in allowed if action.startswith(("sqs", "secretsmanager", "lambda"))}


def test_the_auditor_writes_commands_and_nothing_else(cloud: Assembly) -> None:
    """It reads no object and sends no message: what is to be repaired, the dispatcher hears from S3."""
    template, function = named(cloud)["audit"]
    allowed = grants(template, function)
    assert allowed["s3:PutObject"] == {"<DataBucketE6B0FAA8.Arn>/tasks/*"}
    assert {action for action in allowed if action.startswith("s3:")} == {"s3:PutObject"}
    missed = function["Properties"]["DeadLetterConfig"]["TargetArn"]["Fn::GetAtt"][0]
    assert allowed["sqs:SendMessage"] == {f"<{missed}.Arn>"}
    assert not {action for action in allowed if action.startswith(("secretsmanager", "lambda"))}


def test_the_auditor_looks_each_minute_and_each_day(assembly: Assembly) -> None:
    """At the newest hours and at all of the past; a failed look is not repeated, the next one is near."""
    template = assembly.templates["ingestion"]
    orders = {
        json.loads(text(entry["Properties"]["Target"]["Input"])).get("scope"): entry["Properties"]["ScheduleExpression"]
        for entry in template.resources("AWS::Scheduler::Schedule").values()
    }
    assert orders["recent"] == "cron(* * * * ? *)"
    assert orders["deep"].endswith(" * * ? *)")
    retries = [
        entry["Properties"]["MaximumRetryAttempts"]
        for entry in template.resources("AWS::Lambda::EventInvokeConfig").values()
        if referred(entry["Properties"]["FunctionName"]).startswith("Audit")
    ]
    assert retries == [0]


def test_a_function_signs_in_to_the_database_as_the_least_role(cloud: Assembly) -> None:
    """Its URL has the one user that rds-db:connect names, at the proxy; a wildcard would open every user of it."""
    for name, (template, function) in named(cloud).items():
        allowed = grants(template, function).get("rds-db:connect", set())
        if name not in DATABASE_FUNCTIONS | retires(cloud):
            assert not allowed, name
            continue
        (connect,) = allowed
        assert re.search(r":dbuser:.*DBProxyArn.*/([^/]+)$", connect), connect
        assert connect.rpartition("/")[2] == DATABASE_ROLES[name]
        assert "*" not in connect
        assert text(variables(function)["DATABASE_URL"]).startswith(f"postgresql://{DATABASE_ROLES[name]}@")


def test_a_wildcard_resource_is_only_granted_where_aws_has_no_narrower_one(assembly: Assembly) -> None:
    """Everything else names what it may touch."""
    for template in assembly.templates.values():
        for policy, statement in template.statements():
            if "*" in listed(statement["Resource"]):
                assert set(listed(statement["Action"])) <= EVERYWHERE_ALLOWED, f"{template} {policy}"


def test_only_database_functions_are_in_the_vpc(cloud: Assembly) -> None:
    """A fetcher in the isolated subnets would reach no source, and the others need no internet."""
    inside = {name for name, (_, function) in named(cloud).items() if "VpcConfig" in function["Properties"]}
    assert inside == DATABASE_FUNCTIONS | retires(cloud)
    assert all("?auth=iam" in text(variables(named(cloud)[name][1])["DATABASE_URL"]) for name in inside)


def test_a_local_function_connects_as_the_same_role(synthesise: Synthesise) -> None:
    """No VPC, no proxy: the server of the command line, and the user that owns it for the migration alone."""
    for name in DATABASE_FUNCTIONS:
        _, function = named(synthesise("local"))[name]
        user = "postgres" if name == "migrate" else DATABASE_ROLES[name]
        assert variables(function)["DATABASE_URL"] == f"postgresql://{user}@/marketflow?host=/tmp/marketflow"


def test_a_role_takes_the_place_of_the_owner_in_a_url() -> None:
    """Whether the server is a socket or a host."""
    url = server("postgresql://me@db.example:5433/market?sslmode=disable").url
    assert url(DatabaseRole.OWNER) == "postgresql://me@db.example:5433/market?sslmode=disable"
    assert url(DatabaseRole.READER) == "postgresql://marketflow_reader@db.example:5433/market?sslmode=disable"


def test_a_stage_tells_a_fetcher_its_secret_and_its_hosts(tmp_path: Path) -> None:
    """Only the source that they belong to, and it may read only that secret."""
    secret, host = "marketflow/dev/exchangerate", "http://127.0.0.1:1"
    app = app_for("dev", tmp_path, source_secrets={"exchangerate": secret}, source_base_urls={"yahoo": [host, host]})
    functions = named(assembled("dev", app))
    told = {name: variables(function) for name, (_, function) in functions.items()}
    assert {name for name in told if "SOURCE_SECRET_ID" in told[name]} == {"fetch-exchangerate"}
    assert {name for name in told if "SOURCE_BASE_URLS" in told[name]} == {"fetch-yahoo"}
    assert told["fetch-yahoo"]["SOURCE_BASE_URLS"] == f"{host},{host}"
    (readable,) = grants(*functions["fetch-exchangerate"])["secretsmanager:GetSecretValue"]
    # Secrets Manager adds six characters to the name.
    assert readable.endswith(f":secret:{secret}-??????")
