"""What is turned up, limit by limit, until so many symbols fit; and where nothing of ours is left to turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil

from bench.scaling.instances import larger
from bench.scaling.limits import ACCOUNT_CONCURRENCY, Limit, first, kept_months, limits, stored_gigabytes
from bench.scaling.settings import Settings, included_iops
from bench.scaling.timing import places_rate
from bench.workload.asked import Mix
from bench.workload.measured import VCPU_MEMORY, Measured

SPARE = 1.3
"""So much more than needed is turned up: what is busy all the time has no answer to a slow minute."""

STORAGE_SPARE = 1.1
"""So much more than is stored: RDS needs some room, and an alarm rings when a tenth is left."""

LARGEST_STORAGE = 65_536
"""GB that an RDS instance may have."""

MOST_IOPS = 64_000
"""Operations a second that gp3 may be given."""

OURS = {"weight": False, "account": False, "archive": False, "database I/O": False}
"""Limits that a setting of ours cannot move."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was turned up: because of which limit, from what to what. If not `ours`, no setting does it."""

    limit: Limit
    change: str
    ours: bool


@dataclass(frozen=True, slots=True)
class Turned:
    """Settings that carry the symbols, and the steps to them. `stuck` are the limits that no step moves any more."""

    settings: Settings
    steps: tuple[Step, ...]
    stuck: tuple[Limit, ...]


def turn_up(settings: Settings, symbols: int, measured: Measured) -> Turned:
    """Turn up what `symbols` need, first things first, until nothing is too small or nothing can be moved."""
    steps: list[Step] = []
    stuck: list[Limit] = []
    while True:
        names = {one.name for one in stuck}
        hit = first([one for one in limits(settings, measured) if one.name not in names], symbols, all_kinds=True)
        if hit is None:
            return Turned(settings, tuple(steps), tuple(stuck))
        turned = TURNS[hit.name](settings, symbols, measured) if hit.name in TURNS else None
        if turned is None:
            stuck.append(hit)
            continue
        settings, change = turned
        steps.append(Step(hit, change, OURS.get(hit.name, True)))


Turn = tuple[Settings, str] | None


def _share(settings: Settings, symbols: int) -> int:
    return ceil(Mix.of(symbols).binance / settings.fetching["binance"].fetchers)


def _rate_needed(settings: Settings, symbols: int, measured: Measured) -> float:
    """Requests a second that one fetcher needs; no more than its address bears."""
    fetching = settings.fetching["binance"]
    most = capacity_of("weight", settings.with_fetching("binance", fetchers=1), measured)
    return min(_share(settings, symbols), most) / (fetching.usable_seconds - 1) * SPARE


def capacity_of(name: str, settings: Settings, measured: Measured) -> int:
    """How many symbols the limit called `name` carries."""
    return next(limit.capacity for limit in limits(settings, measured) if limit.name == name)


def _pace(settings: Settings, symbols: int, measured: Measured) -> Turn:
    fetching = settings.fetching["binance"]
    pause = min(fetching.min_interval_seconds, 1 / _rate_needed(settings, symbols, measured))
    if pause > 0.97 * fetching.min_interval_seconds:
        return _another_address(settings)
    turned = settings.with_fetching("binance", min_interval_seconds=pause)
    return turned, f"min_interval_seconds {fetching.min_interval_seconds * 1000:.0f} → {pause * 1000:.1f} ms"


def _places(settings: Settings, symbols: int, measured: Measured) -> Turn:
    fetching = settings.fetching["binance"]
    held = fetching.max_concurrency / places_rate(fetching, measured)
    places = max(fetching.max_concurrency, ceil(_rate_needed(settings, symbols, measured) * held))
    if places == fetching.max_concurrency:
        return _another_address(settings)
    turned = settings.with_fetching("binance", max_concurrency=places)
    return turned, f"max_concurrency {fetching.max_concurrency} → {places}"


def _fetch_cpu(settings: Settings, symbols: int, measured: Measured) -> Turn:
    fetching = settings.fetching["binance"]
    needed = _rate_needed(settings, symbols, measured) * measured.fetch_request_ms / 1000 * VCPU_MEMORY
    memory = min(VCPU_MEMORY, 128 * ceil(max(fetching.memory, needed) / 128))
    if memory <= fetching.memory:
        return _another_address(settings)
    turned = settings.with_fetching("binance", memory=memory)
    return turned, f"functions.fetch.memory {fetching.memory} → {memory} MB"


def _another_address(settings: Settings) -> Turn:
    fetchers = settings.fetching["binance"].fetchers
    return settings.with_fetching(
        "binance", fetchers=fetchers + 1
    ), f"addresses that ask Binance {fetchers} → {fetchers + 1}"


def _addresses(settings: Settings, symbols: int, measured: Measured) -> Turn:
    """As many addresses as the weight needs, at once."""
    before = needed = settings.fetching["binance"].fetchers
    while capacity_of("weight", settings, measured) < symbols:
        needed += 1
        settings = settings.with_fetching("binance", fetchers=needed)
    return settings, f"addresses that ask Binance {before} → {needed}"


def _etl(settings: Settings, symbols: int, measured: Measured) -> Turn:
    carried = max(1, capacity_of("ETL", settings, measured))
    wanted = min(ACCOUNT_CONCURRENCY, ceil(settings.etl_concurrency * symbols / carried * SPARE))
    if wanted > settings.etl_concurrency:
        return replace(settings, etl_concurrency=wanted), f"etl_concurrency {settings.etl_concurrency} → {wanted}"
    if settings.etl_memory < VCPU_MEMORY:
        return replace(
            settings, etl_memory=VCPU_MEMORY
        ), f"functions.etl.memory {settings.etl_memory} → {VCPU_MEMORY} MB"
    return None


def _instance(settings: Settings, symbols: int, measured: Measured) -> Turn:
    del symbols, measured
    bigger = larger(settings.instance)
    if bigger is None:
        return None
    return replace(settings, instance=bigger), f"database.instance {settings.instance.name} → {bigger.name}"


def _storage(settings: Settings, symbols: int, measured: Measured) -> Turn:
    """More storage; where RDS has no more, fewer months."""
    months = kept_months(settings)
    a_month = stored_gigabytes(symbols, measured, months=1) * STORAGE_SPARE
    wanted = 100 * ceil(a_month * months / 100)
    if wanted <= LARGEST_STORAGE:
        iops = max(settings.iops, included_iops(wanted))
        change = f"database.max_storage {settings.max_storage} → {wanted} GB"
        return replace(settings, max_storage=wanted, iops=iops), change
    fewer = int(LARGEST_STORAGE / a_month)
    if fewer < 1 or fewer >= months:
        return None
    changed = replace(
        settings, max_storage=LARGEST_STORAGE, history_months=fewer, iops=max(settings.iops, included_iops(400))
    )
    return (
        changed,
        f"database.max_storage {settings.max_storage} → {LARGEST_STORAGE} GB, months of minutes {months} → {fewer}",
    )


def _io(settings: Settings, symbols: int, measured: Measured) -> Turn:
    carried = max(1, capacity_of("database I/O", settings, measured))
    wanted = min(MOST_IOPS, 1000 * ceil(settings.iops * symbols / carried * SPARE / 1000))
    if wanted <= settings.iops:
        return None
    return replace(settings, iops=wanted), f"IOPS of the storage {settings.iops} → {wanted}"


def _auditor(settings: Settings, symbols: int, measured: Measured) -> Turn:
    del symbols, measured
    if settings.audit_memory >= VCPU_MEMORY:
        return None
    return (
        replace(settings, audit_memory=VCPU_MEMORY),
        f"functions.audit.memory {settings.audit_memory} → {VCPU_MEMORY} MB",
    )


TURNS: dict[str, Callable[[Settings, int, Measured], Turn]] = {
    "pace": _pace,
    "places": _places,
    "fetch CPU": _fetch_cpu,
    "weight": _addresses,
    "ETL": _etl,
    "database CPU": _instance,
    "database memory": _instance,
    "connections": _instance,
    "database I/O": _io,
    "storage": _storage,
    "auditor": _auditor,
}
"""How each limit is moved; one that is not here is moved by nobody."""
