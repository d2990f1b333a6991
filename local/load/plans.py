"""Several keys on plans, over HTTP: each gets what its plan allows, 429 for the rest, and never a 5xx."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any

from local.load import report
from local.load.figures import Summary, summarise
from local.load.mix import asks
from local.load.queues import depths
from local.load.readers import Reader, wait_for
from local.load.stand import Stand
from local.processes import LocalError
from local.sign_in import SignIn
from local.smoke_user import User
from marketflow.domain.plans import OPERATOR, Limits

SECONDS = 20.0
TOLERANCE = 0.1
SLACK = 3
"""By such a share, or so many requests, the gateway may be off: a request reaches it some time after it was sent."""

MINUTES = 16
"""So many minutes' messages go through the queue."""

DRAIN_SECONDS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One key: the plan that it is on, and how many requests a second it makes."""

    plan: str
    rate: float


CLIENTS = (
    Client(plan=OPERATOR, rate=2.0),
    Client(plan="pro", rate=2.0),
    Client(plan="pro", rate=10.0),
    Client(plan="free", rate=1.0),
    Client(plan="free", rate=6.0),
)
"""Two keys go beyond what their plans allow. What passes together is about what the emulator can take."""


def bucket(limits: Limits, sent: Sequence[float]) -> int:
    """How many of the requests that were sent at these moments a token bucket of the plan lets through."""
    tokens, last, passed = float(limits.burst), min(sent, default=0.0), 0
    for moment in sorted(sent):
        tokens = min(limits.burst, tokens + (moment - last) * limits.rate)
        last = moment
        if tokens >= 1:
            tokens -= 1
            passed += 1
    return passed


def allowed(limits: Limits, sends: Sequence[tuple[float, int]]) -> str | None:
    """What is wrong with how often a key was let in; None when it is as its plan says."""
    passed = sum(status != 429 for _, status in sends)
    right = bucket(limits, [moment for moment, _ in sends])
    if abs(passed - right) <= max(right * TOLERANCE, SLACK):
        return None
    return f"{passed} of {len(sends)} requests passed, the plan allows {right}"


def plans(stand: Stand, limits: dict[str, Limits]) -> tuple[dict[str, Any], list[str]]:
    """Read with every key at once. Returns the figures and what is wrong with them."""
    facts, user = stand.stack.facts, _user(stand)
    readers = []
    for number, client in enumerate(CLIENTS):
        key = facts.api_key if client.plan == OPERATOR else user.new_key(f"load-{number}", client.plan)["value"]
        if not wait_for(lambda key=key: user.ask(key).status_code == 200, seconds=20):  # type: ignore[misc]
            raise LocalError(f"The new key on the plan {client.plan} does not open the API.")
        drawn = asks(500, seed=number, end=stand.end)
        readers.append(Reader(facts.api_url, key, asks=drawn, rate=client.rate, name=f"{client.plan}-{number}"))
    time.sleep(max(limit.burst / limit.rate for limit in limits.values()))  # every bucket is full again
    with ExitStack() as running:
        for reader in readers:
            running.enter_context(reader)
        time.sleep(SECONDS)
        for reader in readers:
            reader.stop()
    rows, figures, faults = [], [], []
    for client, reader in zip(CLIENTS, readers, strict=True):
        summary = summarise(reader.samples, seconds=SECONDS)
        wrong = allowed(limits[client.plan], reader.sends)
        rows.append(_row(client, limits[client.plan], summary, wrong))
        figures.append({"plan": client.plan, "offered": client.rate, **asdict(summary), "limits_wrong": wrong})
        faults += [f"{reader.name}: {wrong}"] if wrong else []
        faults += [f"{reader.name}: {one.status} {one.body}" for one in reader.problems[:3]]
    columns = (
        "plan",
        "allowed/s",
        "burst",
        "offered/s",
        "passed/s",
        "429s",
        "p50 ms",
        "p99",
        "wrong",
        "statuses",
        "429s right",
    )
    report.table("Keys on plans, over HTTP through the emulator (its times are its own)", columns, rows)
    return {"keys": figures}, faults


def queue(stand: Stand) -> tuple[dict[str, Any], list[str]]:
    """Messages through the emulated queue and the deployed ETL, until all of them are in the tables."""
    some = stand.minutes(MINUTES)
    stand.archive(some)
    started = time.monotonic()
    stand.send(some)
    sent = time.monotonic() - started
    drained = wait_for(lambda: not any(depths(stand.stack)), seconds=DRAIN_SECONDS)
    taken = time.monotonic() - started
    rate = len(some) / taken
    told = "drained" if drained else "not drained"
    print(f"\nThe queue: {len(some)} messages sent in {sent:.1f} s, {told} after {taken:.1f} s, {rate:.0f} messages/s.")
    figures = {"messages": len(some), "seconds": round(taken, 1), "messages_per_second": round(rate, 1)}
    return figures, [] if drained else [f"the queue was not drained within {DRAIN_SECONDS:.0f} s"]


def _user(stand: Stand) -> User:
    sign_in, email = SignIn(stand.stack.facts), f"{secrets.token_hex(6)}@example.com"
    sign_in.sign_up(email)
    return User(stand.stack.facts, sign_in.tokens(email).access)


def _row(client: Client, limits: Limits, summary: Summary, wrong: str | None) -> list[object]:
    refused = summary.statuses.get(429, 0)
    passed = round((summary.requests - refused) / SECONDS, 1)
    latency = summary.latency
    told = wrong or "yes"
    return [
        *(client.plan, limits.rate, limits.burst, client.rate, passed, refused, latency.p50, latency.p99),
        *(summary.wrong, summary.statuses, told),
    ]
