"""The bill of the real stacks: every resource has been decided about, and the model fits the templates."""

from __future__ import annotations

import pytest

from bench.cost.cases import cases
from bench.cost.inventory import FREE, PRICED, bill
from bench.cost.prices import Prices
from bench.cost.schedules import fires
from bench.cost.templates import Resource, of_template
from bench.scaling.settings import Settings, read_stage
from bench.workload.flow import MONTH_SECONDS
from bench.workload.measured import measured
from marketflow.sources.catalog import CATALOG
from tests.cdk.templates import Assembly
from tests.unit.bench.support import BUSY, world

pytestmark = pytest.mark.cdk


def resources(assembly: Assembly) -> list[Resource]:
    """The resources of every stack of a stage."""
    return [one for template in assembly.templates.values() for one in of_template(str(template), template.body)]


def test_every_resource_of_the_stacks_is_priced_or_free_for_a_reason(assembly: Assembly) -> None:
    """A new type in a stack is a decision about money: bench/cost/inventory.py is where it is taken."""
    undecided = {one.type for one in resources(assembly)} - PRICED.keys() - FREE.keys()
    assert not undecided


def test_the_stages_in_the_cloud_have_a_bill(cloud: Assembly) -> None:
    """Every function, log group and schedule of the real templates is known to the model."""
    settings = Settings.of(read_stage(cloud.stage))
    found = bill(world(resources(cloud), demand=BUSY, turned=settings))
    assert found.total > 10
    assert {"RDS", "Lambda", "S3", "SQS", "CloudWatch", "API Gateway"} <= found.services().keys()
    assert not found.notes


def test_the_columns_are_idle_and_busy_of_each_number(cloud: Assembly) -> None:
    """A stage that is too small for its symbols says so in its notes."""
    settings = Settings.of(read_stage(cloud.stage))
    found = list(cases(resources(cloud), settings, (36, 10_000), BUSY, prices=Prices.load(), measured=measured()))
    assert [(case.symbols, case.name) for case in found] == [
        (36, "idle"),
        (36, "busy"),
        (10_000, "idle"),
        (10_000, "busy"),
    ]
    assert not found[0].ours.notes
    assert any("NOT BUILT" in note for note in found[2].ours.notes)


def test_the_schedules_of_the_templates_are_those_of_the_model(cloud: Assembly) -> None:
    """What is priced as a tick of a source fires as often as the template says."""
    for source in CATALOG.values():
        for schedule in source.schedules:
            (expression,) = (
                one.properties["ScheduleExpression"]
                for one in resources(cloud)
                if one.type == "AWS::Scheduler::Schedule"
                and one.properties["Name"] == f"marketflow-{cloud.stage}-{source.name}-{schedule.name}"
            )
            assert fires(expression) == pytest.approx(MONTH_SECONDS / schedule.every_seconds)


def test_the_event_source_of_the_etl_is_that_of_the_model(cloud: Assembly) -> None:
    """Ten messages an invocation, and as many at once as cdk.json says."""
    (mapping,) = (
        one.properties
        for one in resources(cloud)
        if one.type == "AWS::Lambda::EventSourceMapping" and one.properties["BatchSize"] > 1
    )
    assert mapping["BatchSize"] == 10
    assert mapping["ScalingConfig"]["MaximumConcurrency"] == Settings.of(read_stage(cloud.stage)).etl_concurrency
