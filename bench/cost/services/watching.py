"""CloudWatch: logs by what is written into each group, alarms, dashboards."""

from __future__ import annotations

from collections.abc import Iterator

from bench.cost.prices import Item, PriceError
from bench.cost.templates import Resource, written
from bench.cost.usage import ACCESS_LOG_BYTES, DAYS
from bench.cost.world import World

STORED_SHARE = 0.15
"""Of what is ingested, CloudWatch keeps about this much after compression (its own worked examples)."""

QUIET_BYTES = {
    "API-Gateway-Execution-Logs_": 10e6,
    "/postgresql": 200e6,
    "refused-traffic": 50e6,
    "aws-waf-logs-": 50e6,
}
"""Assumed bytes a month of logs that tell of errors only; PostgreSQL's has connections and slow statements too."""


def logs(resource: Resource, world: World) -> Iterator[Item]:
    """What a group takes in, and what it keeps."""
    name = written(resource.properties.get("LogGroupName", resource.logical_id))
    short, size = _logged(name, world, resource)
    yield world.item("CloudWatch", f"logs of {short}: ingested", "logs.ingested_gb", size / 1e9)
    months = min(float(resource.properties.get("RetentionInDays", 3650)) / DAYS, float(world.usage.demand.months))
    yield world.item("CloudWatch", "logs: kept", "logs.stored_gb_month", size * STORED_SHARE * months / 1e9)


def _logged(name: str, world: World, resource: Resource) -> tuple[str, float]:
    """What the group is of, and bytes a month. Raises PriceError for a group that is not known here."""
    if name.startswith("/aws/lambda/"):
        short = world.short(name.removeprefix("/aws/lambda/"))
        for function in world.of_type("AWS::Lambda::Function"):
            if world.short(function.properties.get("FunctionName", "")) == short:
                return short, world.function_of(function).log_bytes
    if name.endswith("/api-access"):
        return "the API's requests", world.usage.requests * ACCESS_LOG_BYTES
    for part, size in QUIET_BYTES.items():
        if part in name:
            return "errors", size
    raise PriceError(f"Nobody said how much {resource} takes in, {name}: say it in bench/cost/services/watching.py.")


def alarm(resource: Resource, world: World) -> Iterator[Item]:
    """Each metric of an alarm costs."""
    number = sum("MetricStat" in one for one in resource.properties.get("Metrics", ())) or 1
    yield world.item("CloudWatch", "alarms", "cloudwatch.alarm", number)


def composite(resource: Resource, world: World) -> Iterator[Item]:
    """One alarm that is made of others, whatever their number."""
    del resource
    yield world.item("CloudWatch", "alarms: composite", "cloudwatch.composite_alarm", 1)


def dashboard(resource: Resource, world: World) -> Iterator[Item]:
    """One dashboard."""
    del resource
    yield world.item("CloudWatch", "dashboards", "cloudwatch.dashboard", 1)
