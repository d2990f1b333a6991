"""A slow database: the queue grows older and longer, the API says so, nothing is dropped, and then it drains."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from local.load import ledger, report, slow
from local.load.figures import summarise
from local.load.mix import asks
from local.load.queues import Look, Watch
from local.load.readers import Reader
from local.load.stand import Feeder, Stand
from local.stack import PREFIX

CALM_SECONDS = 6.0
BURSTS = (3.0, 3.0, 9.0, 3.0, 13.0)
"""Seconds for which the candles are held. The last one is longer than a function of the API has."""

PAUSE_SECONDS = 1.0
READ_RATE = 4.0
FEED_RATE = 15.0
MINUTES = 60
EVERY_SECONDS = 3.0
COLUMNS = ("at s", "waiting", "hidden", "dead", "oldest s", "ETL processes")


def backpressure(stand: Stand) -> tuple[dict[str, Any], list[str]]:
    """Hold the candles in bursts while messages come and users read. Returns the curve and what is wrong with it."""
    facts, limit = stand.stack.facts, etl_concurrency(stand)
    some = stand.minutes(MINUTES)
    drawn = asks(500, seed=1, end=stand.end)
    reader = Reader(facts.api_url, facts.api_key, asks=drawn, rate=READ_RATE)
    with Watch(stand.stack, every=EVERY_SECONDS) as watch:
        with Feeder(stand, some, rate=FEED_RATE) as feeder, reader:
            time.sleep(CALM_SECONDS)
            started = time.monotonic()
            slow.bursts(facts.database_url, BURSTS, pause=PAUSE_SECONDS)
            slowness = time.monotonic() - started
            time.sleep(CALM_SECONDS)
        drained = stand.settle()
        time.sleep(EVERY_SECONDS)
    found = ledger.account(stand.stack)
    summary = summarise(reader.samples, seconds=reader.seconds)
    report.table(
        f"A slow database: candles held for {', '.join(f'{one:g}' for one in BURSTS)} s", COLUMNS, rows(watch.looks)
    )
    print(
        f"  {len(feeder.fed)} messages sent, all of them in the tables {drained:.0f} s after the last one; readers got "
        f"{summary.statuses}, p50 {summary.latency.p50:.0f} ms, p99 {summary.latency.p99:.0f} ms."
    )
    figures = {
        "slow_seconds": round(slowness, 1),
        "sent": len(feeder.fed),
        "drained_seconds": round(drained, 1),
        "curve": [asdict(look) for look in watch.looks],
        "readers": asdict(summary),
        "etl_limit": limit,
    }
    return figures, [*curve_faults(watch.looks, limit=limit), *reader.faults(503), *account_faults(found)]


def etl_concurrency(stand: Stand) -> int:
    """How many batches of the payload queue the deployed ETL works on at once."""
    mappings = stand.stack.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    (mapping,) = (one for one in mappings if one["EventSourceArn"].endswith(f":{PREFIX}payloads"))
    return int(mapping["ScalingConfig"]["MaximumConcurrency"])


def rows(looks: Sequence[Look]) -> list[list[object]]:
    """The curve, a line a look."""
    return [look.row() for look in looks]


def curve_faults(looks: Sequence[Look], *, limit: int) -> list[str]:
    """What a curve shows that must not be: dead letters, no growth, no end, more at work than allowed."""
    faults = []
    if dead := max((look.dead or 0 for look in looks), default=0):
        faults.append(f"backpressure: {dead} messages went to the dead letters")
    if max((look.oldest or 0.0 for look in looks), default=0.0) < PAUSE_SECONDS:
        faults.append("backpressure: the queue did not grow older, so the database was not slow")
    if (most := max((look.etl or 0 for look in looks), default=0)) > limit:
        faults.append(f"backpressure: {most} processes of the ETL were at work, {limit} are allowed")
    return faults


def account_faults(found: ledger.Account) -> list[str]:
    """What an account says that must not be."""
    faults = [f"{len(found.missing)} archived answers are nowhere"] if found.missing else []
    if found.dead:
        faults.append(f"{len(found.dead)} answers are among the dead letters")
    return [*faults, f"{len(found.invented)} answers are in the tables and not archived"] if found.invented else faults
