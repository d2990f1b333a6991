"""SQS, S3, DynamoDB, Glue and Athena: where data waits and lies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bench.cost.prices import Item
from bench.cost.templates import Resource
from bench.cost.usage import DAYS, OPERATIONS
from bench.cost.world import World
from bench.workload.flow import BATCH

CHUNK_BYTES = 64 * 1024
"""SQS bills each 64 KB of a request."""

STATE_BYTES = 14
"""A symbol in the state of its source, which is written at each tick."""

CLASSES = {"STANDARD_IA": "standard_ia", "GLACIER_IR": "glacier_ir"}
DAYS_A_MONTH = DAYS

QUERIED_TERABYTES = 0.001
"""Assumed: what an operator's questions about old months scan in a month."""


def queue(resource: Resource, world: World) -> Iterator[Item]:
    """Sends, receives and deletions. Dead-letter queues are asked by alarms alone, which costs nothing."""
    name = world.short(resource.properties.get("QueueName", resource.logical_id))
    if name == "payloads":
        flow = world.usage.flow
        mean = flow.total(lambda message: message.message_bytes) / flow.number
        sends = flow.sends * max(1.0, -(-BATCH * mean // CHUNK_BYTES))
        # Each invocation is one receive and one deletion of its batch.
        yield world.item("SQS", "payloads: sent", "sqs.request", sends)
        yield world.item("SQS", "payloads: received and deleted", "sqs.request", 2 * world.usage.etl_invocations)
    elif name == "commands":
        yield world.item("SQS", "commands and tasks", "sqs.request", 6 * OPERATIONS["dispatch"])


def bucket(resource: Resource, world: World) -> Iterator[Item]:
    """Objects put and read, and what lies there after so many months, in the classes of the lifecycle."""
    usage = world.usage
    flow = usage.flow
    fetchers = {name: one.fetchers for name, one in usage.settings.fetching.items()}
    ticks = sum(tick.number * fetchers[tick.source.name] for tick in flow.ticks)
    yield world.item("S3", "archive: one object for each answer", "s3.put", flow.requests)
    yield world.item("S3", "fetchers' state: put", "s3.put", ticks)
    yield world.item("S3", "catalogue and state: read", "s3.get", 3 * ticks)
    rules = resource.properties.get("LifecycleConfiguration", {}).get("Rules", ())
    for number, message in flow.messages():
        if message.archived_bytes:
            yield from _stored(number, message.archived_bytes, rules, world)
    state = sum(tick.number * STATE_BYTES * flow.mix.names(tick.source.name) for tick in flow.ticks)
    kept = _noncurrent_days(rules) / DAYS_A_MONTH
    yield world.item("S3", "fetchers' state: old versions", "s3.standard.gb_month", state * kept / 1e9)


def _stored(number: float, size: float, rules: object, world: World) -> Iterator[Item]:
    """What one kind of object has come to after so many months; it moves down the classes if it is large enough."""
    months = float(world.usage.demand.months)
    steps = _transitions(rules, size)
    edges = [(0.0, "standard"), *((days / DAYS_A_MONTH, CLASSES[storage]) for storage, days in steps)]
    for place, (start, storage) in enumerate(edges):
        end = edges[place + 1][0] if place + 1 < len(edges) else months
        held = max(0.0, min(end, months) - start)
        yield world.item("S3", f"archive: {storage}", f"s3.{storage}.gb_month", number * size * held / 1e9)
        if storage != "standard" and months > start:
            yield world.item("S3", f"archive: moved to {storage}", f"s3.transition.{storage}", number)


def _transitions(rules: object, size: float) -> list[tuple[str, float]]:
    found: list[tuple[str, float]] = []
    for rule in rules if isinstance(rules, list | tuple) else ():
        if rule.get("Prefix") == "raw/" and size > int(rule.get("ObjectSizeGreaterThan", 0)):
            found += [(step["StorageClass"], float(step["TransitionInDays"])) for step in rule.get("Transitions", ())]
    return found


def _noncurrent_days(rules: object) -> float:
    for rule in rules if isinstance(rules, list | tuple) else ():
        expiration: Mapping[str, Any] = rule.get("NoncurrentVersionExpiration", {})
        if expiration:
            return float(expiration["NoncurrentDays"])
    return 0.0


def table(resource: Resource, world: World) -> Iterator[Item]:
    """What idempotency remembers of changing requests: two writes and a read each."""
    del resource
    number = OPERATIONS["admin"] + OPERATIONS["keys"]
    yield world.item("DynamoDB", "idempotency", "dynamodb.write", 2 * number)
    yield world.item("DynamoDB", "idempotency", "dynamodb.read", number)


def glue(resource: Resource, world: World) -> Iterator[Item]:
    """One object of the Glue catalogue."""
    del resource
    yield world.item("Glue", "catalogue", "glue.object_month", 1)


def athena(resource: Resource, world: World) -> Iterator[Item]:
    """What an operator's questions scan; a workgroup by itself costs nothing."""
    del resource
    yield world.item("Athena", "questions about old months", "athena.tb", QUERIED_TERABYTES)
