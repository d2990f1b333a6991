"""Limits that do not grow with the symbols of Binance: the other sources' manners, sizes, and what users may ask."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bench.scaling import timing
from bench.scaling.limits import ACCOUNT_CONCURRENCY
from bench.scaling.settings import Settings
from bench.workload.measured import Measured, vcpus
from cdk.stages import Stage
from marketflow.messaging.envelope import MAX_MESSAGE_BYTES
from marketflow.sources.catalog import CATALOG

SCHEDULER_RATE = 1000
"""EventBridge Scheduler: invocations a second."""

IN_FLIGHT = 120_000
"""SQS: messages that were received and not yet deleted, in one queue."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One limit, and how far away it is."""

    name: str
    what: str


def facts(stage: Stage, settings: Settings, measured: Measured) -> Iterator[Fact]:
    """All of them."""
    for name, source in CATALOG.items():
        if name != "binance" and source.schedules and source.calendar == "sessions":
            fetching = settings.fetching[name]
            rate = timing.request_rate(fetching, measured)
            most = int(timing.most_requests(fetching, rate, measured, 0))
            yield Fact(
                f"{source.title}: symbols",
                f"{most} a minute: {source.max_concurrency} request at a time, one each "
                f"{source.min_interval_seconds:g} s, {fetching.usable_seconds:.0f} s a run. It has no official rate "
                "and blocks who asks faster; twice an hour the daily bars are asked for beside the minutes. More "
                "needs a data feed that is paid for, which we do not have",
            )
        elif source.calendar == "rates" and source.schedules:
            yield Fact(f"{source.title}: symbols", "every pair is in one answer: no limit")
    yield from _sizes(settings, measured)
    ticks = sum(len(source.schedules) for source in CATALOG.values())
    yield Fact(
        "EventBridge Scheduler",
        f"{ticks} schedules of sources, which fire at most once a minute each; it bears {SCHEDULER_RATE} a second",
    )
    yield Fact(
        "SQS in flight",
        f"{settings.etl_concurrency} batches of ten are {settings.etl_concurrency * 10} messages of {IN_FLIGHT:,}",
    )
    api = stage.api
    yield Fact(
        "API",
        f"{api.throttle.rate} requests a second in all, {api.methods['read'].rate} of single values and "
        f"{api.methods['bulk'].rate} of series (cdk.json); the gateway itself bears 10,000, and Lambda's "
        f"{ACCOUNT_CONCURRENCY} executions at once come first. Whatever the symbols, a request reads what it asks for",
    )


def _sizes(settings: Settings, measured: Measured) -> Iterator[Fact]:
    late = measured.messages["binance.klines_1m catching up"]
    yield Fact(
        "SQS message",
        f"{late.message_bytes:,.0f} bytes are the largest of Binance, a thousand minutes at once; from "
        f"{MAX_MESSAGE_BYTES:,} on the body stays in the archive",
    )
    hundred_thousand = 100_000
    seconds = hundred_thousand * measured.catalogue_symbol_ms / 1000 / vcpus(settings.fetching["binance"].memory)
    yield Fact(
        "catalogue object",
        f"{measured.catalogue_symbol_bytes:.0f} bytes a symbol: {hundred_thousand:,} are "
        f"{hundred_thousand * measured.catalogue_symbol_bytes / 1e6:.0f} MB, and reading them and the state takes "
        f"{seconds:.1f} s of each run at {settings.fetching['binance'].memory} MB",
    )
