"""The container-and-cluster design for the same work, itemised from the same prices.

As a good engineer would build it: a small EKS cluster in two zones, workers that stay up and archive one object a tick
instead of one an answer, a broker between fetchers and loaders, a cache before the API, and the same database, logs,
alarms and sign-in as ours. Nodes, brokers and caches are the smallest that are used for such work, two of each.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

from bench.cost.prices import Bill, Item
from bench.cost.services import database
from bench.cost.world import World
from bench.workload.flow import MONTH_HOURS, MONTH_SECONDS

ZONES = 2
NODE, NODE_VCPUS = "ec2.m7g.large.hour", 2
SYSTEM_VCPUS = 0.4
"""Of each node, for what Kubernetes itself runs there: DNS, network and log agents, the kubelet."""

BUSY = 0.5
"""How busy a node may be on average, so that the other zone can take over."""

NODE_DISK_GB = 30
IMAGE_GB = 2
BROKERS = 2
BROKER_DISK_GB = 20
BROKER_BYTES_A_SECOND = 1e6
"""What two of the smallest brokers bear easily, replication included."""

CACHES = 2
CONTROL_LOG_GB = 1.5
"""Assumed: the control plane's own logs in a month; more when its audit log is on."""

LCU_REQUESTS_A_SECOND = 25
LCU_BYTES_AN_HOUR = 1e9
OURS = {"CloudWatch": ("alarms", "dashboard", "custom metrics"), "Cognito": (), "KMS": (), "SNS": ()}
"""Lines that are the same in both: by service, and by the part of the line's name where not all of it is."""


def bill(world: World, ours: Bill) -> Bill:
    """The same month on a cluster."""
    items = (
        *_cluster(world),
        *_network(world),
        *_stores(world, ours),
        *_logs(world),
        *(item for item in ours.items if _shared(item)),
    )
    return Bill(items)


def _shared(item: Item) -> bool:
    if item.service not in OURS:
        return False
    parts = OURS[item.service]
    return not parts or any(part in item.what for part in parts)


def vcpus(world: World) -> float:
    """How many vCPUs the work itself keeps busy: fetching, loading, answering."""
    usage, measured = world.usage, world.usage.measured
    fetched = usage.flow.requests * measured.fetch_request_ms
    loaded = usage.flow.total(lambda message: message.function_ms)
    asked = usage.requests * usage.mean("function_ms")
    return (fetched + loaded + asked) / 1000 / MONTH_SECONDS


def nodes(world: World) -> int:
    """Nodes: one in each zone, or as many as the work needs."""
    return max(ZONES, ceil(vcpus(world) / (BUSY * (NODE_VCPUS - SYSTEM_VCPUS))))


def _cluster(world: World) -> Iterator[Item]:
    number = nodes(world)
    yield world.item("EKS", "control plane", "eks.cluster_hour", MONTH_HOURS)
    yield world.item("EC2", "nodes", NODE, MONTH_HOURS * number)
    yield world.item("EC2", "nodes' disks", "ebs.gp3.gb_month", NODE_DISK_GB * number)
    yield world.item("ECR", "images", "ecr.gb_month", IMAGE_GB)


def _network(world: World) -> Iterator[Item]:
    usage = world.usage
    bodies = usage.flow.total(lambda message: message.body_bytes) / 1e9
    logged = _logged_gigabytes(world)
    yield world.item("VPC", "NAT gateways, one a zone", "nat.hour", MONTH_HOURS * ZONES)
    yield world.item("VPC", "NAT: answers of the sources, and logs", "nat.gb", bodies + logged)
    yield world.item("VPC", "public addresses", "ipv4.hour", MONTH_HOURS * 2 * ZONES)
    yield world.item("ELB", "load balancer", "alb.hour", MONTH_HOURS)
    units = max(usage.demand.rate / LCU_REQUESTS_A_SECOND, usage.sent_gigabytes * 1e9 / MONTH_HOURS / LCU_BYTES_AN_HOUR)
    yield world.item("ELB", "capacity units", "alb.lcu_hour", units * MONTH_HOURS)
    yield world.item("Data transfer", "answers to the internet", "transfer.out_gb", usage.sent_gigabytes)
    messages = usage.flow.total(lambda message: message.message_bytes) / 1e9
    # Half of all messages cross the zones to their broker, as many to their loader, and each once more as a replica.
    yield world.item("Data transfer", "between zones", "transfer.zone_gb", messages, times=4)


def _stores(world: World, ours: Bill) -> Iterator[Item]:
    usage = world.usage
    second = usage.flow.total(lambda message: message.message_bytes) / MONTH_SECONDS
    size = "kafka.t3.small" if second <= BROKER_BYTES_A_SECOND else "kafka.m7g.large"
    yield world.item("MSK", f"brokers, {size}", f"msk.{size}.hour", MONTH_HOURS * BROKERS)
    yield world.item("MSK", "brokers' disks", "msk.gb_month", BROKER_DISK_GB * BROKERS)
    yield world.item("ElastiCache", "cache with a replica", "elasticache.cache.t4g.small.hour", MONTH_HOURS * CACHES)
    yield from (
        item for resource in world.of_type("AWS::RDS::DBInstance") for item in database.instance(resource, world)
    )
    ticks = sum(tick.number for tick in usage.flow.ticks)
    yield world.item("S3", "archive: one object a tick", "s3.put", ticks)
    lying = "archive: standard"
    yield from (item for item in ours.items if item.service == "S3" and item.what == lying)


def _logged_gigabytes(world: World) -> float:
    """GB of logs: a line for each message and request, as ours; no lines of Lambda."""
    usage, measured = world.usage, world.usage.measured
    loaded = usage.flow.total(lambda message: message.log_bytes)
    fetched = sum(tick.number for tick in usage.flow.ticks) * measured.fetch_log_bytes
    asked = usage.requests * usage.mean("log_bytes")
    return (loaded + fetched + asked) / 1e9


def _logs(world: World) -> Iterator[Item]:
    yield world.item("CloudWatch", "logs: ingested", "logs.ingested_gb", _logged_gigabytes(world) + CONTROL_LOG_GB)
