"""RDS: the instance, its storage and backups, and the proxy."""

from __future__ import annotations

from collections.abc import Iterator

from bench.cost.prices import Item, PriceError
from bench.cost.templates import Resource
from bench.cost.usage import DAYS
from bench.cost.world import World
from bench.scaling.instances import LADDER, instance_of
from bench.workload.flow import MONTH_HOURS

ROOM = 1.1
"""Storage that RDS needs above what is stored: it grows by itself when a tenth is left."""

FREE_INSIGHTS_DAYS = 7
PROXY_VCPUS = 2
"""The fewest that a proxy is billed for."""


def instance(resource: Resource, world: World) -> Iterator[Item]:
    """Hours, credits, storage and backups. Where the stage is too small, what would be needed is priced, and said."""
    settings, usage, properties = world.usage.settings, world.usage, resource.properties
    zones = 2 if properties.get("MultiAZ") else 1
    own = instance_of(str(properties["DBInstanceClass"]))
    needed = max(own, settings.instance, key=LADDER.index)
    standby = ", with a standby" if zones == 2 else ""
    yield world.item("RDS", f"instance{standby}", f"rds.{needed.name}.hour", MONTH_HOURS, times=zones)
    if needed != own:
        world.notes.append(f"The stage has {own.name}; {needed.name} is needed (docs/scale.md), and priced.")
    above = max(0.0, usage.database_vcpus - needed.steady_vcpus)
    if needed.baseline < 1:
        yield world.item("RDS", "CPU above the baseline", "rds.credit", above * MONTH_HOURS)
    yield from _storage(resource, world, zones)
    if properties.get("ManageMasterUserPassword"):
        yield world.item("Secrets Manager", "the database's password", "secretsmanager.secret", 1)
    if int(properties.get("PerformanceInsightsRetentionPeriod", FREE_INSIGHTS_DAYS)) > FREE_INSIGHTS_DAYS:
        raise PriceError(f"{resource} keeps Performance Insights for longer than the free week: add its price.")


def _storage(resource: Resource, world: World, zones: int) -> Iterator[Item]:
    properties, usage = resource.properties, world.usage
    if properties.get("StorageType") != "gp3":
        raise PriceError(f"{resource} has storage of the type {properties.get('StorageType')}: add its price.")
    allocated = int(properties["AllocatedStorage"])
    stored = usage.stored_gigabytes * ROOM
    most = int(properties.get("MaxAllocatedStorage", allocated))
    if stored > most:
        world.notes.append(
            f"After {usage.demand.months} months {stored:,.0f} GB are stored, and the stage lets the storage grow to "
            f"{most} GB: priced as if max_storage were raised."
        )
    billed = max(float(allocated), stored)
    yield world.item("RDS", "storage", "rds.gp3.gb_month", billed, times=zones)
    extra = max(0, usage.settings.iops - (12_000 if most >= 400 else 3000))
    if extra:
        yield world.item("RDS", "provisioned IOPS", "rds.gp3.iops_month", extra, times=zones)
    log = usage.flow.total(lambda message: message.wal_bytes) / 1e9 / DAYS
    backups = usage.stored_gigabytes + int(properties.get("BackupRetentionPeriod", 1)) * log
    yield world.item("RDS", "backups beyond the storage", "rds.backup.gb_month", max(0.0, backups - billed))


def proxy(resource: Resource, world: World) -> Iterator[Item]:
    """By the vCPUs of the instance behind it."""
    del resource
    vcpus = max(PROXY_VCPUS, world.usage.settings.instance.vcpus)
    yield world.item("RDS", "proxy", "rds.proxy.vcpu_hour", vcpus * MONTH_HOURS)
