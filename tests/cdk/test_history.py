"""Old months: what retires them, and the tables by which Athena reads them."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from marketflow.domain.retention import COLUMNS, Dataset, Kind, RetireOrder, prefix
from tests.cdk.conftest import app_for, assembled
from tests.cdk.templates import CONTEXT, Assembly, listed, referred, text
from tests.cdk.test_alarms import RUNBOOK, alarms

pytestmark = pytest.mark.cdk

HIVE = {
    Kind.TEXT: "string",
    Kind.MOMENT: "timestamp",
    Kind.NUMBER: "decimal(38,18)",
    Kind.COUNT: "bigint",
    Kind.FLAG: "boolean",
}


def test_a_stage_that_keeps_every_month_has_none_of_it(assembly: Assembly) -> None:
    """No function, no schedule, no table: the stage says so, and not its name."""
    months = CONTEXT["stages"][assembly.stage]["history_months"]
    assert ("history" in assembly.templates) == (months is not None)
    names = {entry["Properties"]["FunctionName"] for _, _, entry in assembly.with_resources("AWS::Lambda::Function")}
    assert (f"marketflow-{assembly.stage}-retire" in names) == (months is not None)


def test_a_stage_may_keep_every_month(tmp_path: Path) -> None:
    """The setting alone decides."""
    without = assembled("dev", app_for("dev", tmp_path, history_months=None))
    assert "history" not in without.templates
    assert not [one for one in alarms(without).values() if one.get("MetricName") in ("MonthsKept", "OverdueDays")]


def test_months_are_retired_once_a_day(cloud: Assembly) -> None:
    """With the stage's number of months; a failed run is not repeated, the next one goes on."""
    history = cloud.templates["history"]
    (schedule,) = history.resources("AWS::Scheduler::Schedule").values()
    assert schedule["Properties"]["ScheduleExpression"] == "cron(41 4 * * ? *)"
    RetireOrder.model_validate_json(text(schedule["Properties"]["Target"]["Input"]))
    (function,) = history.functions().values()
    told = function["Properties"]["Environment"]["Variables"]["HISTORY_MONTHS"]
    assert told == str(CONTEXT["stages"][cloud.stage]["history_months"])
    (retries,) = history.resources("AWS::Lambda::EventInvokeConfig").values()
    assert retries["Properties"]["MaximumRetryAttempts"] == 0
    assert f"marketflow-{cloud.stage}-ingestion" in cloud.manifest("history")["dependencies"]


def test_what_retires_may_touch_the_export_and_nothing_else_in_the_bucket(cloud: Assembly) -> None:
    """It reads no answer, and cannot delete one; nobody else may read the export."""
    found = [
        (action, text(resource))
        for _, statement in cloud.templates["history"].statements()
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
        if action.startswith("s3:")
    ]
    assert {action for action, _ in found} == {"s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"}
    assert {resource.partition("}/")[2] for action, resource in found if action != "s3:ListBucket"} == {"history/*"}


def test_the_tables_have_the_columns_of_the_files(cloud: Assembly) -> None:
    """In their order, with the types that Parquet has for them."""
    tables = cloud.templates["history"].resources("AWS::Glue::Table").values()
    found = {table["Properties"]["TableInput"]["Name"]: table["Properties"]["TableInput"] for table in tables}
    assert found.keys() == set(Dataset)
    for dataset in Dataset:
        columns = {one["Name"]: one["Type"] for one in found[dataset]["StorageDescriptor"]["Columns"]}
        assert list(columns.items()) == [(name, HIVE[kind]) for name, kind in COLUMNS[dataset].items()]


def test_partitions_follow_from_the_names_of_folders(cloud: Assembly) -> None:
    """The template with the values of a month is the folder into which that month is written."""
    for table in cloud.templates["history"].resources("AWS::Glue::Table").values():
        described = table["Properties"]["TableInput"]
        parameters = described["Parameters"]
        template = text(parameters["storage.location.template"])
        bucket, _, key = template.removeprefix("s3://").partition("/")
        folder = key.replace("${interval}", "1m").replace("${month}", "2026-07")
        assert folder == prefix(Dataset(described["Name"]), date(2026, 7, 1))
        assert bucket.startswith("{")
        names = [key["Name"] for key in described["PartitionKeys"]]
        assert {f"projection.{name}.type" for name in names} <= parameters.keys()
        assert [f"${{{name}}}" in template for name in names] == [True] * len(names)


def test_a_query_is_bounded_and_its_answer_encrypted(cloud: Assembly) -> None:
    """Nobody spends more than the workgroup allows, and nobody chooses another place for results."""
    (workgroup,) = cloud.templates["history"].resources("AWS::Athena::WorkGroup").values()
    settings = workgroup["Properties"]["WorkGroupConfiguration"]
    assert settings["EnforceWorkGroupConfiguration"] is True
    assert settings["BytesScannedCutoffPerQuery"] == 10 * 1024**3
    results = settings["ResultConfiguration"]
    assert results["EncryptionConfiguration"] == {"EncryptionOption": "SSE_S3"}
    assert text(results["OutputLocation"]).endswith("/athena/")


def test_a_month_that_is_kept_rings(cloud: Assembly) -> None:
    """At the first one, and when months are overdue or nobody tried; the runbook has a page about it."""
    watched = ("MonthsKept", "OverdueDays")
    found = {one["MetricName"]: one for one in alarms(cloud).values() if one.get("MetricName") in watched}
    assert {name: one["TreatMissingData"] for name, one in found.items()} == {
        "MonthsKept": "notBreaching",
        "OverdueDays": "breaching",
    }
    for alarm in found.values():
        assert alarm["Dimensions"] == [{"Name": "service", "Value": "retire"}]
        assert alarm["Period"] == 24 * 3600
    assert "history.md" in RUNBOOK.read_text(encoding="utf-8")
    dashboards = cloud.templates["observability"].resources("AWS::CloudWatch::Dashboard")
    assert "MonthsOverdue" in json.dumps(list(dashboards.values()))


def test_athenas_database_needs_no_quotes(cloud: Assembly) -> None:
    """The database of Athena has a name without hyphens, which SQL would have to quote."""
    (database,) = cloud.templates["history"].resources("AWS::Glue::Database").values()
    assert database["Properties"]["DatabaseInput"]["Name"] == f"marketflow_{cloud.stage}_history"
    assert {
        referred(t["Properties"]["CatalogId"])
        for t in cloud.templates["history"].resources("AWS::Glue::Table").values()
    } == {"AWS::AccountId"}
