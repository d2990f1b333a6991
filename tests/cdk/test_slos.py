"""The objectives: the page that states them, and the code that measures them, say the same."""

from __future__ import annotations

import re

import pytest

from cdk.alarms.budgets import composites, of_budgets
from cdk.slos import FAST, PERIOD_DAYS, SLOS, SLOW, STEADY
from cdk.stages import load_stage
from marketflow.sources.catalog import CATALOG
from tests.cdk.templates import CONTEXT, ROOT

pytestmark = pytest.mark.cdk

PAGE = (ROOT / "docs" / "slo.md").read_text(encoding="utf-8")


def rows(first: str) -> list[list[str]]:
    """The cells of the table whose first column is called so."""
    table = PAGE.partition(f"| {first} |")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def test_the_page_states_the_objectives_of_the_code() -> None:
    """Each one, its share and its budget, in minutes where minutes are what is counted."""
    assert f"over the last {PERIOD_DAYS} days" in PAGE
    stated = {name: (share, budget) for name, _, share, budget in rows("objective")}
    assert stated.keys() == {slo.name for slo in SLOS}
    for slo in SLOS:
        share, budget = stated[slo.name]
        assert share == f"{slo.objective * 100:g} %"
        assert budget.startswith(f"{slo.budget * 100:g} %")
        for minutes in re.findall(r"([\d.]+) minutes", budget):
            assert float(minutes) == slo.budget_minutes


def test_the_page_states_the_paces_of_the_code() -> None:
    """Burn rate, windows, and the part of the budget that is gone when both have seen it."""
    stated = [(float(rate), long, short, spent) for _, rate, long, short, spent, _ in rows("alarm")]
    assert stated == [
        (
            burn.factor,
            burn.long.to_human_string(),
            burn.short.to_human_string(),
            f"{burn.factor * burn.long.to_hours() / (PERIOD_DAYS * 24) * 100:g} %",
        )
        for burn in (FAST, SLOW, STEADY)
    ]


def test_the_page_states_the_targets_of_the_catalogue() -> None:
    """In seconds, of every source that has a schedule."""
    for source in CATALOG.values():
        if source.schedules:
            assert f"{source.freshness_target_seconds:,}" in PAGE, source.name


def test_the_alarms_of_the_page_are_those_of_the_code() -> None:
    """Two for each objective tell somebody; those for one window tell nobody."""
    stage = load_stage({**CONTEXT, "stage": "prod"}.get)
    assert {one.name for one in composites(stage)} == {
        name.strip("`").replace("<objective>", slo.name)
        for slo in SLOS
        for name, *_ in rows("alarm")
        if name != "the same"
    }
    assert all(alarm.severity is None for alarm in of_budgets(stage))
