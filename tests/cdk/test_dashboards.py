"""Dashboards and saved queries: generated from the catalogue, and about what is deployed."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from bench.cost.metrics import AUDIT, BUDGET, DISPATCH, ETL, FETCH, RETIRE, STALE
from cdk.queries import QUERIES
from cdk.slos import SLOS
from marketflow.sources.catalog import CATALOG
from tests.cdk.templates import ROOT, Assembly, text

pytestmark = pytest.mark.cdk

PAGES = ("overview", "details")
OWN_METRICS = {*AUDIT, BUDGET, *DISPATCH, *ETL, *FETCH, *RETIRE, *STALE}


def widgets(assembly: Assembly, page: str) -> list[dict[str, Any]]:
    """The widgets of a page."""
    (body,) = (
        entry["Properties"]["DashboardBody"]
        for _, _, entry in assembly.with_resources("AWS::CloudWatch::Dashboard")
        if entry["Properties"]["DashboardName"] == f"marketflow-{assembly.stage}-{page}"
    )
    found: list[dict[str, Any]] = json.loads(text(body))["widgets"]
    return found


def titled(assembly: Assembly, page: str, title: str) -> dict[str, Any]:
    """The properties of the one widget that is called so."""
    (found,) = [one["properties"] for one in widgets(assembly, page) if one["properties"].get("title") == title]
    return dict(found)


def test_there_are_two_pages(assembly: Assembly) -> None:
    """One says whether all is right, the other why not."""
    names = {
        entry["Properties"]["DashboardName"] for _, _, entry in assembly.with_resources("AWS::CloudWatch::Dashboard")
    }
    assert names == {f"marketflow-{assembly.stage}-{page}" for page in PAGES}


def test_every_source_is_on_both_pages(assembly: Assembly) -> None:
    """How far it is behind, against its target, and what its requests came to."""
    for source in CATALOG.values():
        assert titled(assembly, "details", f"{source.title}: requests")
        if source.schedules:
            shown = titled(assembly, "overview", f"{source.title}: seconds behind")
            (line,) = shown["annotations"]["horizontal"]
            assert line["value"] == source.freshness_target_seconds


def test_every_objective_shows_its_budget(assembly: Assembly) -> None:
    """As a line across the share that was bad."""
    for slo in SLOS:
        (shown,) = [
            one["properties"]
            for one in widgets(assembly, "overview")
            if one["properties"].get("title", "").startswith(slo.title)
        ]
        assert shown["annotations"]["horizontal"][0]["value"] == slo.budget


def test_the_alarms_of_the_page_are_all_alarms(assembly: Assembly) -> None:
    """Composite ones too, but for those of a canary, which live as long as a deployment; CloudWatch shows a hundred."""
    template = assembly.templates["observability"]
    kinds = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
    alarms = [name for kind in kinds for name in template.resources(kind)]
    shown = titled(assembly, "overview", "Alarms")["alarms"]
    assert len(shown) == len(alarms) <= 100


def test_a_graph_of_our_own_metrics_is_of_metrics_that_are_written(assembly: Assembly) -> None:
    """By their names, in the stage's namespace."""
    own = f"MarketFlow/{assembly.stage}"
    drawn = {
        metric[1]
        for page in PAGES
        for widget in widgets(assembly, page)
        for metric in widget["properties"].get("metrics", ())
        if metric[0] == own
    }
    assert drawn
    assert drawn <= OWN_METRICS


def test_a_day_costs_what_was_used(cloud: Assembly) -> None:
    """Each service by itself, with the list prices of the bill."""
    (shown,) = [
        one["properties"]["metrics"]
        for one in widgets(cloud, "overview")
        if one["properties"].get("title", "").startswith("USD a day")
    ]
    lines = {entry[0]["label"]: entry[0]["expression"] for entry in shown if "expression" in entry[0]}
    assert lines.keys() == {
        "Lambda",
        "SQS, at most",
        "Logs",
        "S3: the archive's objects",
        "API Gateway",
        "RDS, used or not",
    }
    prices = json.loads((ROOT / "bench" / "cost" / "prices.json").read_text(encoding="utf-8"))["prices"]
    assert lines["API Gateway"] == f"requests * {prices['apigateway.rest.request']['usd']:.9f}"


def definitions(assembly: Assembly) -> dict[str, dict[str, Any]]:
    """The saved queries by name."""
    found = assembly.with_resources("AWS::Logs::QueryDefinition")
    return {entry["Properties"]["Name"]: entry["Properties"] for _, _, entry in found}


def test_every_query_is_saved_in_the_folder_of_the_stage(assembly: Assembly) -> None:
    """All of them."""
    assert definitions(assembly).keys() == {f"marketflow-{assembly.stage}/{query.name}" for query in QUERIES}


def test_a_query_reads_logs_that_there_are(assembly: Assembly) -> None:
    """CloudFormation does not look whether the log groups exist."""
    found = assembly.with_resources("AWS::Logs::LogGroup")
    groups = {text(entry["Properties"]["LogGroupName"]) for _, _, entry in found}
    for name, query in definitions(assembly).items():
        assert set(query["LogGroupNames"]) <= groups, name
        assert len(query["LogGroupNames"]) <= 50


def test_the_runbook_names_queries_that_are_saved() -> None:
    """Who is told to run one finds it."""
    named = {
        " ".join(name.split())
        for page in (ROOT / "docs" / "runbook").glob("*.md")
        for name in re.findall(r"quer(?:y|ies) `([^`]+)`", page.read_text(encoding="utf-8"))
    }
    assert len(named) > 5
    assert named <= {query.name for query in QUERIES}
