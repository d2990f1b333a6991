"""The order of a deployment: the migration runs before anything new takes traffic."""

from __future__ import annotations

import ast
import json

import pytest

from cdk.stacks.ingestion import SCHEMA
from marketflow.sources.catalog import CATALOG
from tests.cdk.templates import Assembly, Template, references, referred

pytestmark = pytest.mark.cdk

MIGRATION = "Migration"


def waits_for(template: Template, logical_id: str, target: str) -> bool:
    """Whether CloudFormation makes `target` before `logical_id`, directly or through what that one waits for."""
    seen: set[str] = set()
    waiting = [logical_id]
    while waiting:
        name = waiting.pop()
        if name == target:
            return True
        if name not in seen and name in template.body["Resources"]:
            seen.add(name)
            resource = template.resource(name)
            depends = resource.get("DependsOn", [])
            waiting += depends if isinstance(depends, list) else [depends]
            waiting += references(resource.get("Properties"))
    return False


def test_every_function_that_takes_traffic_waits_for_the_migration(assembly: Assembly) -> None:
    """And so do its queue's mapping and its schedules."""
    ingestion = assembly.templates["ingestion"]
    for kind in ("AWS::Lambda::Function", "AWS::Lambda::EventSourceMapping", "AWS::Scheduler::Schedule"):
        for name in ingestion.resources(kind):
            assert waits_for(ingestion, name, MIGRATION) == (not name.startswith("Migrate")), name


def test_the_api_stack_is_deployed_after_the_migration(assembly: Assembly) -> None:
    """Its function reads the new schema."""
    assert f"marketflow-{assembly.stage}-ingestion" in assembly.manifest("api")["dependencies"]


def test_the_migration_waits_for_all_that_its_function_needs(assembly: Assembly) -> None:
    """Its grants and its log, and the setting that keeps Lambda from starting it twice."""
    ingestion = assembly.templates["ingestion"]
    for name in (
        "MigrateFunctionE2483A46",
        "MigrateRoleDefaultPolicy309B40E1",
        "MigrateFunctionEventInvokeConfig777DDE05",
    ):
        assert waits_for(ingestion, MIGRATION, name), name


def test_a_migration_that_dies_fails_the_deployment_soon(assembly: Assembly) -> None:
    """CloudFormation would wait an hour for an answer."""
    ingestion = assembly.templates["ingestion"]
    patience = int(ingestion.resource(MIGRATION)["Properties"]["ServiceTimeout"])
    assert patience == ingestion.resource("MigrateFunctionE2483A46")["Properties"]["Timeout"] + 60


def test_no_custom_resource_needs_the_internet(assembly: Assembly) -> None:
    """The one there is, is ours; CDK's own ones are functions that talk to AWS APIs."""
    kinds = {entry["Type"] for template in assembly.templates.values() for entry in template.body["Resources"].values()}
    assert {kind for kind in kinds if kind.startswith("Custom::")} == {"Custom::DatabaseMigration"}
    assert "AWS::CloudFormation::CustomResource" not in kinds


def test_every_schedule_of_the_catalogue_is_there(assembly: Assembly) -> None:
    """With its datasets as input, a bound on how late it may come, and a queue for what could not be delivered."""
    ingestion = assembly.templates["ingestion"]
    schedules = [entry["Properties"] for entry in ingestion.resources("AWS::Scheduler::Schedule").values()]
    by_name = {schedule["Name"]: schedule for schedule in schedules}
    expected = {
        f"marketflow-{assembly.stage}-{source.name}-{schedule.name}": (schedule.expression, list(schedule.datasets))
        for source in CATALOG.values()
        for schedule in source.schedules
    }
    found = {
        name: (schedule["ScheduleExpression"], json.loads(schedule["Target"]["Input"])["datasets"])
        for name, schedule in by_name.items()
        if not name.startswith(f"marketflow-{assembly.stage}-audit-")
    }
    assert found == expected
    for schedule in schedules:
        assert schedule["Target"]["RetryPolicy"]["MaximumEventAgeInSeconds"] <= 300
        assert referred(schedule["Target"]["DeadLetterConfig"]["Arn"]) is not None
        assert json.loads(schedule["Target"]["Input"])["execution_id"] == "<aws.scheduler.execution-id>"


def test_a_schedule_may_invoke_its_own_function_only(assembly: Assembly) -> None:
    """And only for this account: another's schedule cannot borrow the role."""
    ingestion = assembly.templates["ingestion"]
    for schedule in ingestion.resources("AWS::Scheduler::Schedule").values():
        role = referred(schedule["Properties"]["Target"]["RoleArn"])
        assert role is not None
        trust = ingestion.resource(role)["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert trust[0]["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
        target = schedule["Properties"]["Target"]["Arn"]
        invoked = [
            statement["Resource"]
            for policy in ingestion.resources("AWS::IAM::Policy").values()
            if role in [referred(entry) for entry in policy["Properties"]["Roles"]]
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]
            if statement["Action"] == "lambda:InvokeFunction"
        ]
        assert invoked == [target]


def test_local_assets_go_to_a_named_bucket_with_the_clis_own_credentials(assembly: Assembly) -> None:
    """The emulator is not bootstrapped; AWS is."""
    properties = assembly.manifest("api")["properties"]
    local = assembly.stage == "local"
    assert ("marketflow-local-assets" in json.dumps(properties)) is local
    assert ("assumeRoleArn" in properties) is not local


def test_the_runner_finds_what_it_needs_in_the_outputs(assembly: Assembly) -> None:
    """Bucket, queues, function names, the API and its key."""
    sources = {name.capitalize() for name in CATALOG}
    assert assembly.templates["ingestion"].outputs() == {
        "DataBucketName",
        "EtlFunctionName",
        "PayloadsQueueUrl",
        "PayloadsDeadLettersUrl",
        "CommandsQueueUrl",
        "CommandsDeadLettersUrl",
        "DispatchFunctionName",
        *(f"{name}{what}" for name in sources for what in ("FunctionName", "MissedUrl")),
        *(f"{name}Tasks{what}" for name in sources for what in ("QueueUrl", "DeadLettersUrl")),
    }
    assert {"ApiUrl", "ApiId", "ApiKeyId", "ApiFunctionName"} <= assembly.templates["api"].outputs()
    assert assembly.templates["observability"].outputs() == {"AlarmTopicArn", "TicketTopicArn"}


def test_what_makes_the_readers_functions_makes_the_migration_run_again() -> None:
    """The migration brings them: a deployment that changes a statement alone has to run it too."""
    watched = {path.stem for path in SCHEMA}
    assert "read_functions" in watched
    for path in SCHEMA:
        if path.suffix == ".py":
            tree = ast.parse(path.read_text(encoding="utf-8"))
            used = {
                alias.name
                for node in ast.walk(tree)
                if isinstance(node, ast.ImportFrom) and node.module == "marketflow.persistence"
                for alias in node.names
            }
            assert used <= watched, path.name
