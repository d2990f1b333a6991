"""Every limit as a number of symbols: how many of them, a minute each, a deployment of these settings carries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from bench.scaling import timing
from bench.scaling.settings import Fetching, Settings
from bench.workload.asked import Mix, calls
from bench.workload.flow import MONTH_SECONDS, Flow
from bench.workload.measured import Measured
from marketflow.services.audit import RECENT, RECENT_SECONDS
from marketflow.sources.binance import WEIGHT_LIMIT
from marketflow.sources.catalog import CATALOG

MOST = 10_000_000
"""More symbols than any limit here is asked about."""

BUSY = 0.7
"""The share of a processor, or of a group of workers, that may be busy: beyond it queues grow without bound."""

ACCOUNT_CONCURRENCY = 1000
"""Lambda: executions at once in a new account and region, until AWS raises it."""

PREFIX_PUTS = 3500
"""S3: PUTs a second below one prefix."""

MESSAGE_IOPS = 8
"""Assumed: pages that a load makes dirty and a checkpoint writes, and blocks of the log, for each message."""

LISTED = 1500
"""About as many spot pairs as Binance trades: no limit of ours, but beyond it symbols are of other exchanges."""

HOT_SHARE = 0.75
"""The part of an instance's memory that may hold pages: shared buffers and the system's cache together."""

CONNECTION_MB = 10
"""Memory of a connection of PostgreSQL, about."""

PAGE_BYTES = 8192
WARM_PAGES = 6
"""Index and table pages of a series that every load touches."""

DAYS_A_MONTH = MONTH_SECONDS / 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """`capacity` symbols, and what is turned up when that is too few.

    A `soft` one slows something, and breaks nothing; a `slow` one is hit after months, and not today.
    """

    name: str
    what: str
    capacity: int
    turn: str
    soft: bool = False
    slow: bool = False


@cache
def flow_of(symbols: int, measured: Measured) -> Flow:
    """The flow of so many symbols in the usual mix."""
    return Flow.of(Mix.of(symbols), measured)


def capacity(carries: Callable[[int], bool], *, most: int = MOST) -> int:
    """The largest number of symbols for which `carries` holds; it must hold for all fewer ones. 0 when for none."""
    low, high = 0, 1
    while high < most and carries(high):
        low, high = high, high * 2
    high = min(high, most)
    if low == 0 or (high == most and carries(high)):
        return high if low else 0
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if carries(middle) else (low, middle)
    return low


def limits(settings: Settings, measured: Measured) -> Iterator[Limit]:
    """Every limit, in the order of the data's way."""
    yield from _fetching(settings, measured)
    yield from _loading(settings, measured)
    yield from _database(settings, measured)
    yield _auditing(settings, measured)


def first(found: list[Limit], symbols: int, *, all_kinds: bool = False) -> Limit | None:
    """The limit that so many symbols hit first; None when they hit none. With `all_kinds` soft and slow ones too."""
    hit = [one for one in found if one.capacity < symbols and (all_kinds or not (one.soft or one.slow))]
    return min(hit, key=lambda one: one.capacity, default=None)


def _fetching(settings: Settings, measured: Measured) -> Iterator[Limit]:
    fetching = settings.fetching["binance"]

    def within(rate: float) -> int:
        def carries(symbols: int) -> bool:
            mine = -(-symbols // fetching.fetchers)
            return _tick(mine)[0] <= timing.most_requests(fetching, rate, measured, symbols)

        return capacity(carries)

    yield Limit(
        name="pace",
        what=f"a pause of {fetching.min_interval_seconds * 1000:.0f} ms between two requests, and "
        f"{fetching.usable_seconds:.0f} s in which a run may begin one",
        capacity=within(timing.pace_rate(fetching)),
        turn="min_interval_seconds in the catalogue",
    )
    yield Limit(
        name="places",
        what=f"{fetching.max_concurrency} requests at once, each held until its answer is archived",
        capacity=within(timing.places_rate(fetching, measured)),
        turn="max_concurrency in the catalogue",
    )
    yield Limit(
        name="cut off",
        what=f"{fetching.timeout} s of the function: the catalogue is read, no request begins in the last "
        f"{fetching.request_timeout_seconds:.0f}, and messages go out after the last answer",
        capacity=capacity(lambda symbols: _run_seconds(fetching, measured, symbols) <= fetching.timeout),
        turn="more addresses, each with a catalogue of its own. NOT BUILT",
    )
    yield Limit(
        name="fetch CPU",
        what=f"{measured.fetch_request_ms:.1f} ms of CPU a request at {fetching.memory} MB",
        capacity=within(timing.cpu_rate(fetching, measured)),
        turn="functions.fetch.memory in cdk.json, up to 1,769 MB",
    )
    yield Limit(
        name="weight",
        what=f"Binance's {WEIGHT_LIMIT} of weight a minute and address, 2 a klines call",
        capacity=capacity(lambda symbols: _tick(-(-symbols // fetching.fetchers))[1] <= WEIGHT_LIMIT),
        turn="more addresses: fetchers in other regions or accounts. NOT BUILT; a websocket would need no calls at all",
    )
    yield Limit(
        name="archive",
        what=f"S3's {PREFIX_PUTS} PUTs a second below one prefix",
        capacity=capacity(lambda symbols: _peak_puts(settings, measured, symbols) <= PREFIX_PUTS),
        turn="nothing of ours: S3 splits a prefix that stays busy",
    )


@cache
def _tick(crypto: int) -> tuple[float, int]:
    """Requests of a tick of Binance about so many symbols, and their weight."""
    schedule = CATALOG["binance"].schedules[0]
    made = [
        one
        for dataset in schedule.datasets
        for one in calls("binance", dataset, crypto, every_seconds=schedule.every_seconds)
    ]
    return sum(one.number for one in made), sum(one.weight for one in made)


def _run_seconds(fetching: Fetching, measured: Measured, symbols: int) -> float:
    """Seconds until the messages of whatever a run had the time to ask for are sent."""
    mine = -(-symbols // fetching.fetchers)
    most = timing.most_requests(fetching, timing.request_rate(fetching, measured), measured, mine)
    return timing.run_seconds(fetching, measured, requests=min(_tick(mine)[0], most), symbols=mine)


def _peak_puts(settings: Settings, measured: Measured, symbols: int) -> float:
    fetching = settings.fetching["binance"]
    return min(_tick(symbols)[0], fetching.fetchers * timing.request_rate(fetching, measured))


def etl_workers(symbols: int, settings: Settings, measured: Measured) -> float:
    """ETL functions that are busy on average."""
    flow = flow_of(symbols, measured)
    busy = flow.total(lambda message: timing.message_seconds(message, settings.etl_memory))
    return busy / MONTH_SECONDS


def database_vcpus(symbols: int, settings: Settings, measured: Measured) -> float:
    """How many of the database's vCPUs loads and audits keep busy on average."""
    flow = flow_of(symbols, measured)
    loads = flow.total(lambda message: message.database_ms) / 1000 / MONTH_SECONDS
    looks = min(
        flow.series * measured.audit_series_database_ms / 1000 / 60,
        settings.auditors * measured.audit_series_database_ms / 1000 / timing.series_seconds(settings, measured),
    )
    return loads + looks


def hot_bytes(symbols: int, settings: Settings, measured: Measured) -> float:
    """Bytes that the database must hold in memory: what the auditor reads each minute, warm pages, connections."""
    flow = flow_of(symbols, measured)
    recent = flow.total(lambda message: message.stored_bytes) * RECENT.total_seconds() / MONTH_SECONDS
    return recent + flow.series * WARM_PAGES * PAGE_BYTES + settings.etl_concurrency * CONNECTION_MB * 2**20


def stored_gigabytes(symbols: int, measured: Measured, *, months: float) -> float:
    """GB of rows and indexes after so many months."""
    return flow_of(symbols, measured).total(lambda message: message.stored_bytes) * months / 1e9


def _loading(settings: Settings, measured: Measured) -> Iterator[Limit]:
    yield Limit(
        name="ETL",
        what=f"{settings.etl_concurrency} functions of {settings.etl_memory} MB at once, busy for {BUSY:.0%}",
        capacity=capacity(lambda symbols: etl_workers(symbols, settings, measured) <= BUSY * settings.etl_concurrency),
        turn="etl_concurrency, then functions.etl.memory in cdk.json",
    )
    yield Limit(
        name="account",
        what=f"Lambda's {ACCOUNT_CONCURRENCY} executions at once in an account and region",
        capacity=capacity(
            lambda symbols: (
                etl_workers(symbols, settings, measured) / BUSY + settings.fetching["binance"].fetchers
                <= ACCOUNT_CONCURRENCY
            )
        ),
        turn="a request to AWS for a higher quota",
    )


def _database(settings: Settings, measured: Measured) -> Iterator[Limit]:
    instance, months = settings.instance, kept_months(settings)
    yield Limit(
        name="database CPU",
        what=f"{instance.vcpus} vCPUs of {instance.name}, busy for {BUSY:.0%}",
        capacity=capacity(lambda symbols: database_vcpus(symbols, settings, measured) <= BUSY * instance.vcpus),
        turn="database.instance in cdk.json",
    )
    yield Limit(
        name="database credits",
        what=f"the {instance.steady_vcpus:.1f} vCPUs of {instance.name} that cost nothing extra",
        capacity=capacity(lambda symbols: database_vcpus(symbols, settings, measured) <= instance.steady_vcpus),
        turn="money: RDS goes on and bills the credits; a larger instance is cheaper at some point",
        soft=True,
    )
    yield Limit(
        name="database memory",
        what=f"{instance.memory} GB for the newest {RECENT.total_seconds() / 3600:.0f} hours, which the auditor reads "
        "each minute",
        capacity=capacity(
            lambda symbols: hot_bytes(symbols, settings, measured) <= HOT_SHARE * instance.memory * 2**30
        ),
        turn="database.instance in cdk.json",
    )
    yield Limit(
        name="connections",
        what=f"{instance.max_connections} connections of {instance.name}, one for each function at work",
        capacity=capacity(lambda symbols: etl_workers(symbols, settings, measured) / BUSY <= instance.max_connections),
        turn="database.instance in cdk.json",
    )
    yield Limit(
        name="database I/O",
        what=f"{settings.iops} operations a second of the storage",
        capacity=capacity(
            lambda symbols: flow_of(symbols, measured).number / MONTH_SECONDS * MESSAGE_IOPS <= BUSY * settings.iops
        ),
        turn="provisioned IOPS. NOT A SETTING YET; storage of 400 GB and more has 12,000",
    )
    yield Limit(
        name="storage",
        what=f"{settings.max_storage} GB for {months} months of minutes",
        capacity=capacity(lambda symbols: stored_gigabytes(symbols, measured, months=months) <= settings.max_storage),
        turn="database.max_storage in cdk.json, or fewer months",
        slow=True,
    )


def kept_months(settings: Settings) -> int:
    """For how many months storage is reckoned: as long as the stage keeps minutes, or two years where for ever."""
    return settings.history_months or 24


def _auditing(settings: Settings, measured: Measured) -> Limit:
    return Limit(
        name="auditor",
        what=f"{RECENT_SECONDS:.0f} s for a look at the newest of every series",
        capacity=capacity(lambda symbols: timing.look_seconds(flow_of(symbols, measured), settings) <= RECENT_SECONDS),
        turn="functions.audit.memory; beyond, each series is looked at every few minutes, the longest unseen first",
        soft=True,
    )
