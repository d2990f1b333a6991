"""Lambda, EventBridge Scheduler, X-Ray, and the metrics that functions write into their logs."""

from __future__ import annotations

from collections.abc import Iterator

from bench.cost.metrics import metrics_of
from bench.cost.prices import Item, PriceError
from bench.cost.schedules import fires
from bench.cost.templates import Resource, referred
from bench.cost.world import World
from bench.scaling.timing import POLLERS
from bench.workload.flow import MONTH_HOURS, MONTH_SECONDS

LONG_POLL_SECONDS = 20
RESTORES_AN_HOUR = 0.5
"""Assumed: how often Lambda takes a fresh environment of a function that is always in use, for each one at work."""

XRAY_RATE, XRAY_SHARE = 1.0, 0.05
"""X-Ray's default sampling: the first request of each second, and of the others so many."""


def function(resource: Resource, world: World) -> Iterator[Item]:
    """Requests, GB-seconds, traces and custom metrics of one function.

    It is priced with the memory of its template, or with more where the symbols need it.
    """
    name = world.short(resource.properties.get("FunctionName", resource.logical_id))
    use = world.function_of(resource)
    memory = max(int(resource.properties.get("MemorySize", 128)), needed_memory(name, world))
    processor = "arm" if "arm64" in resource.properties.get("Architectures", ()) else "x86"
    yield world.item("Lambda", f"{name}: requests", "lambda.request", use.invocations)
    yield world.item("Lambda", f"{name}: compute", f"lambda.{processor}.gb_second", use.seconds * memory / 1024)
    if resource.properties.get("TracingConfig", {}).get("Mode") == "Active":
        yield world.item("X-Ray", "traces, at most", "xray.trace", traced(use.invocations))
    if number := metrics_of(name):
        yield world.item("CloudWatch", f"{name}: custom metrics", "cloudwatch.metric", number)


def needed_memory(name: str, world: World) -> int:
    """MB that the turned-up settings give the function; 0 where they say nothing."""
    settings = world.usage.settings
    if name.startswith("fetch-") and name.removeprefix("fetch-") in settings.fetching:
        return settings.fetching[name.removeprefix("fetch-")].memory
    return {"etl": settings.etl_memory, "audit": settings.audit_memory}.get(name, 0)


def traced(number: float) -> float:
    """How many of a month's requests X-Ray records at most."""
    first = min(number, XRAY_RATE * MONTH_SECONDS)
    return first + XRAY_SHARE * (number - first)


def version(resource: Resource, world: World) -> Iterator[Item]:
    """A published version: free, but where its function has SnapStart its snapshot is kept and restored for money."""
    target = world.referred(resource, resource.properties["FunctionName"])
    if target.properties.get("SnapStart", {}).get("ApplyOn") != "PublishedVersions":
        return
    gigabytes = int(target.properties.get("MemorySize", 128)) / 1024
    name = world.short(target.properties.get("FunctionName", target.logical_id))
    cached = gigabytes * MONTH_SECONDS
    yield world.item("Lambda", f"{name}: snapshot kept", "lambda.snapstart.cache_gb_second", cached)
    use = world.function_of(target)
    environments = max(1.0, use.seconds / MONTH_SECONDS) if use.invocations else 0.0
    restored = gigabytes * environments * RESTORES_AN_HOUR * MONTH_HOURS
    yield world.item("Lambda", f"{name}: snapshot restored", "lambda.snapstart.restore_gb", restored)


def alias(resource: Resource, world: World) -> Iterator[Item]:
    """A name costs nothing. Raises PriceError where environments are kept ready behind it."""
    del world
    if resource.properties.get("ProvisionedConcurrencyConfig"):
        raise PriceError(f"{resource} has provisioned concurrency, which is billed by the hour: add its price.")
    return iter(())


def mapping(resource: Resource, world: World) -> Iterator[Item]:
    """An event source mapping costs nothing itself, but its pollers ask the queue all the time.

    With a maximum concurrency Lambda never goes below five of them. Those of a busy queue are counted as its receives.
    """
    if not resource.properties.get("ScalingConfig"):
        world.notes.append(f"{resource.logical_id} has no maximum concurrency: Lambda may poll less than is priced.")
    queue = world.referred(resource, resource.properties["EventSourceArn"])
    empty = POLLERS * MONTH_SECONDS / LONG_POLL_SECONDS
    yield world.item("SQS", f"{world.short(queue.properties['QueueName'])}: idle polling", "sqs.request", empty)


def schedule(resource: Resource, world: World) -> Iterator[Item]:
    """Invocations of one schedule, a fetcher's as often as there are addresses to ask from."""
    times = 1
    target = resource.properties.get("Target", {}).get("Arn")
    for candidate in world.resources:
        if candidate.logical_id == referred(target) and candidate.type == "AWS::Lambda::Function":
            source = world.short(candidate.properties["FunctionName"]).removeprefix("fetch-")
            if source in world.usage.settings.fetching:
                times = world.usage.settings.fetching[source].fetchers
    number = fires(resource.properties["ScheduleExpression"]) * times
    yield world.item("EventBridge Scheduler", "invocations", "scheduler.invocation", number)
