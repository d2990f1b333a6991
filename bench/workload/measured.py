"""What `bench.workload.measure` found, and what nobody could measure here and is therefore assumed, with the reason."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, Self

FILE = Path(__file__).with_name("measured.json")

VCPU_MEMORY = 1769
"""MB at which a Lambda function has one vCPU (AWS, "Configure Lambda function memory"); less has less in proportion."""

VENDOR_SECONDS = {"binance": 0.15, "yahoo": 0.25, "exchangerate": 0.2, "ecb": 0.2}
"""Assumed median of one answer, asked from us-east-1 over a connection that is open: no vendor promises anything."""

S3_PUT_SECONDS = 0.03
"""Assumed: a small object within the region; AWS speaks of 100 to 200 ms for the first byte at worst."""

S3_GET_SECONDS = 0.02
"""Assumed, the same."""

SQS_SEND_SECONDS = 0.012
"""Assumed: one SendMessageBatch within the region."""

DATABASE_ROUND_SECONDS = 0.002
"""Assumed: one round trip from a function through RDS Proxy to the instance, in another zone at worst."""

LOAD_ROUNDS = 2
"""Round trips of one load: the statements travel together, and a new second is needed when the connection was idle."""

LAMBDA_LOG_BYTES = 430
"""START, END and REPORT of one invocation, with the trace id, and 26 bytes that CloudWatch adds to each event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of the payload queue on its way. CPU milliseconds of function (at one vCPU) and database; bytes."""

    function_ms: float
    database_ms: float
    log_bytes: float
    wal_bytes: float
    stored_bytes: float
    message_bytes: float
    body_bytes: float
    archived_bytes: float

    def towards(self, other: Self, part: float) -> Self:
        """Between this (`part` 0) and `other` (1), and beyond, never below zero."""
        names = [field.name for field in fields(self)]
        values = {name: getattr(self, name) + part * (getattr(other, name) - getattr(self, name)) for name in names}
        return type(self)(**{name: max(0.0, value) for name, value in values.items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request to the read API. CPU milliseconds, bytes."""

    function_ms: float
    database_ms: float
    log_bytes: float
    body_bytes: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measured:
    """Everything that was measured, equal to itself alone. Milliseconds are of CPU at one vCPU."""

    origin: str
    messages: dict[str, Message]
    requests: dict[str, Request]
    etl_invocation_ms: float
    etl_invocation_log_bytes: float
    fetch_request_ms: float
    fetch_tick_ms: float
    fetch_log_bytes: float
    catalogue_symbol_ms: float
    catalogue_symbol_bytes: float
    audit_look_ms: float
    audit_series_ms: float
    audit_series_database_ms: float
    audit_log_bytes: float

    def message(self, kind: str, symbols: int = 1) -> Message:
        """The figures of one message of `kind` (`source.dataset`, or `report`) that is about so many symbols."""
        if kind == "binance.ticker_price":
            few, many = self.messages[kind], self.messages[f"{kind} of 200"]
            return few.towards(many, (symbols - 12) / (200 - 12))
        return self.messages[kind]


@cache
def measured() -> Measured:
    """The figures in measured.json."""
    return read(json.loads(FILE.read_text(encoding="utf-8")))


def read(found: dict[str, Any]) -> Measured:
    """The figures in a document of bench.workload.measure."""
    wanted = [field.name for field in fields(Message)]
    fetch, audit = found["fetch"], found["audit"]
    return Measured(
        origin=f"{found['command']} on {found['measured_at']}, {found['machine']}",
        messages={kind: Message(**{name: one[name] for name in wanted}) for kind, one in found["messages"].items()},
        requests={kind: Request(**one) for kind, one in found["requests"].items()},
        etl_invocation_ms=found["etl_invocation"]["function_ms"],
        etl_invocation_log_bytes=found["etl_invocation"]["log_bytes"],
        fetch_request_ms=fetch["request_ms"],
        fetch_tick_ms=fetch["tick_ms"],
        fetch_log_bytes=fetch["log_bytes"],
        catalogue_symbol_ms=fetch["symbol_ms"],
        catalogue_symbol_bytes=fetch["symbol_bytes"],
        audit_look_ms=audit["look_ms"],
        audit_series_ms=audit["series_ms"],
        audit_series_database_ms=audit["series_database_ms"],
        audit_log_bytes=audit["log_bytes"],
    )


def vcpus(memory: int) -> float:
    """The share of one vCPU that a function of so many MB has; a handler that runs Python gains nothing beyond one."""
    return min(1.0, memory / VCPU_MEMORY)
