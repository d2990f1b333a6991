"""How long things take: seconds of one run of a fetcher, one batch of the ETL, one look of the auditor."""

from __future__ import annotations

from math import exp

from bench.scaling.settings import Fetching, Settings
from bench.workload.flow import BATCH, Flow, Tick
from bench.workload.measured import (
    DATABASE_ROUND_SECONDS,
    LOAD_ROUNDS,
    S3_GET_SECONDS,
    S3_PUT_SECONDS,
    SQS_SEND_SECONDS,
    VENDOR_SECONDS,
    Measured,
    Message,
    vcpus,
)

POLLERS = 5
"""Lambda reads a queue with five pollers and, where a maximum concurrency is set, never with fewer (AWS' words)."""

LONG_TAIL = 0.35
"""Sigma of the vendor's log-normal latency: one answer in a hundred takes more than twice the median."""

AUDIT_ROUNDS = 4
"""Round trips of a look at one series: its page of the ledger, the facts, and the change with its token."""


def pace_rate(fetching: Fetching) -> float:
    """Requests a second that the catalogue's pause between two starts allows."""
    return 1 / fetching.min_interval_seconds


def places_rate(fetching: Fetching, measured: Measured) -> float:
    """Requests a second that so many at once allow: each holds its place until its answer is archived."""
    own = measured.fetch_request_ms / 1000 / vcpus(fetching.memory)
    return fetching.max_concurrency / (vendor_seconds(fetching.source) + own + S3_PUT_SECONDS)


def vendor_seconds(source: str) -> float:
    """The mean of an answer's time, which the slow ones pull above the median."""
    return VENDOR_SECONDS[source] * exp(LONG_TAIL**2 / 2)


def cpu_rate(fetching: Fetching, measured: Measured) -> float:
    """Requests a second that the function's CPU allows."""
    return vcpus(fetching.memory) * 1000 / measured.fetch_request_ms


def request_rate(fetching: Fetching, measured: Measured) -> float:
    """Requests a second of one fetcher: the slowest of the three."""
    return min(pace_rate(fetching), places_rate(fetching, measured), cpu_rate(fetching, measured))


def before_requests(fetching: Fetching, measured: Measured, symbols: float) -> float:
    """Seconds until the first request: the catalogue and the state are read, whatever is asked then."""
    cpu = (measured.fetch_tick_ms + measured.catalogue_symbol_ms * symbols) / 1000
    return 2 * S3_GET_SECONDS + cpu / vcpus(fetching.memory)


def after_requests(requests: float) -> float:
    """Seconds from the last answer to the end: messages in tens, the state, the report."""
    return -(-requests // BATCH) * SQS_SEND_SECONDS + S3_PUT_SECONDS + SQS_SEND_SECONDS


def run_seconds(fetching: Fetching, measured: Measured, *, requests: float, symbols: float) -> float:
    """Seconds of one run of one fetcher that makes so many requests."""
    asking = requests / request_rate(fetching, measured) + VENDOR_SECONDS[fetching.source] if requests else 0.0
    return before_requests(fetching, measured, symbols) + asking + after_requests(requests)


def most_requests(fetching: Fetching, rate: float, measured: Measured, symbols: float) -> float:
    """How many requests one run can begin at `rate` before its time is over."""
    return max(0.0, fetching.usable_seconds - before_requests(fetching, measured, symbols)) * rate


def tick_seconds(tick: Tick, settings: Settings, measured: Measured) -> float:
    """Seconds that all fetchers of the source together run for one tick."""
    fetching = settings.fetching[tick.source.name]
    symbols = sum(one.symbols * one.number for one in tick.calls) / max(1, len(tick.schedule.datasets))
    share = run_seconds(fetching, measured, requests=tick.requests / fetching.fetchers, symbols=symbols)
    return fetching.fetchers * min(share, fetching.timeout)


def message_seconds(message: Message, memory: int) -> float:
    """Seconds of one message in an ETL function of `memory` MB: its own CPU, the database's, and the way there."""
    own = message.function_ms / 1000 / vcpus(memory)
    return own + message.database_ms / 1000 + LOAD_ROUNDS * DATABASE_ROUND_SECONDS


def batch_size(messages: float) -> float:
    """How many messages an invocation gets when so many arrive at once: the pollers divide them among themselves."""
    return min(float(BATCH), max(1.0, messages / POLLERS))


def series_seconds(settings: Settings, measured: Measured) -> float:
    """Seconds of the auditor's look at one series."""
    own = measured.audit_series_ms / 1000 / vcpus(settings.audit_memory)
    return own + measured.audit_series_database_ms / 1000 + AUDIT_ROUNDS * DATABASE_ROUND_SECONDS


def look_seconds(flow: Flow, settings: Settings) -> float:
    """Seconds of the auditor's look at the newest of every series, if it had the time for all of them."""
    start = flow.measured.audit_look_ms / 1000 / vcpus(settings.audit_memory)
    return start + flow.series * series_seconds(settings, flow.measured) / settings.auditors
