"""What a month uses: the flow of data, requests of users, and the little that operators do; as the code has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from bench.cost.prices import PriceError
from bench.scaling import timing
from bench.scaling.limits import database_vcpus
from bench.scaling.settings import Settings
from bench.workload.flow import MONTH_SECONDS, Flow
from bench.workload.measured import (
    DATABASE_ROUND_SECONDS,
    LAMBDA_LOG_BYTES,
    LOAD_ROUNDS,
    SQS_SEND_SECONDS,
    Measured,
    Request,
    vcpus,
)
from marketflow.services.audit import RECENT_SECONDS

MINUTES = MONTH_SECONDS / 60
DAYS = MONTH_SECONDS / 86_400
HTTP_BYTES = 600
"""Assumed: headers of an answer."""

COMPRESSED = 0.2
"""Assumed: what gzip leaves of JSON. The gateway compresses for every client that asks for it; usual ones do."""

ACCESS_LOG_BYTES = 640
"""A line of the gateway's access log (cdk/constructs/api_stage.py) with its fields filled in."""

SIGN_INS = 20
"""Assumed: tokens that a person is given in a month."""

OPERATIONS = {"admin": 100, "keys": 100, "dispatch": 100, "migrate": 2, "fetch-ecb": 100}
"""Assumed: invocations a month of what only people and repairs set going."""

OPERATION_SECONDS = 1.0
RETIRE_SECONDS = 120.0
"""Assumed: a daily run of the function that exports old months."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What people ask: requests a second on average, shares of the kinds of request, people, months that it has run."""

    rate: float
    shares: Mapping[str, float]
    people: int
    months: int


@dataclass(frozen=True, slots=True)
class FunctionUse:
    """One function in a month: invocations, seconds of all of them together, bytes that they log."""

    invocations: float
    seconds: float
    log_bytes: float


@dataclass(frozen=True)
class Usage:
    """A month of `flow` under `settings`, and of what people ask."""

    flow: Flow
    settings: Settings
    demand: Demand

    @property
    def measured(self) -> Measured:
        """What was measured."""
        return self.flow.measured

    @property
    def requests(self) -> float:
        """Requests to the API in a month."""
        return self.demand.rate * MONTH_SECONDS

    def mean(self, figure: str) -> float:
        """A figure of Request of the mean request."""
        return sum(
            share * float(getattr(self.measured.requests[kind], figure)) for kind, share in self.demand.shares.items()
        )

    @property
    def sent_gigabytes(self) -> float:
        """GB that leave AWS."""
        return self.requests * (self.mean("body_bytes") * COMPRESSED + HTTP_BYTES) / 1e9

    @cached_property
    def etl_invocations(self) -> float:
        """Invocations of the ETL: what arrives at once is divided among the pollers."""
        total = 0.0
        for tick in self.flow.ticks:
            share = tick.messages / self.settings.fetching[tick.source.name].fetchers
            total += tick.number * tick.messages / timing.batch_size(share)
        return total

    def function(self, name: str, *, timeout: int) -> FunctionUse:
        """The function called `name`, without the stage's prefix. Raises PriceError for one that is not known here."""
        if name.startswith("fetch-") and list(self.flow.of_source(name.removeprefix("fetch-"))):
            return self._fetch(name.removeprefix("fetch-"))
        known = {"etl": self._etl, "audit": self._audit, "api": self._api, "token": self._token, "retire": self._retire}
        if name in known:
            return known[name](timeout)
        if name in OPERATIONS or name.startswith("fetch-"):
            number = OPERATIONS.get(name, 0)
            return FunctionUse(number, number * OPERATION_SECONDS, number * (1000 + LAMBDA_LOG_BYTES))
        raise PriceError(
            f"Nobody said how often the function {name} runs, and for how long: say it in bench/cost/usage.py."
        )

    def _fetch(self, source: str) -> FunctionUse:
        ticks = list(self.flow.of_source(source))
        fetchers = self.settings.fetching[source].fetchers
        number = sum(tick.number for tick in ticks) * fetchers
        seconds = sum(tick.number * timing.tick_seconds(tick, self.settings, self.measured) for tick in ticks)
        return FunctionUse(number, seconds, number * (self.measured.fetch_log_bytes + LAMBDA_LOG_BYTES))

    def _etl(self, timeout: int) -> FunctionUse:
        del timeout
        number, measured = self.etl_invocations, self.measured
        seconds = self.flow.total(lambda message: timing.message_seconds(message, self.settings.etl_memory))
        own = measured.etl_invocation_ms / 1000 / vcpus(self.settings.etl_memory)
        logged = self.flow.total(lambda message: message.log_bytes)
        return FunctionUse(
            number,
            seconds + number * own,
            logged + number * (measured.etl_invocation_log_bytes + LAMBDA_LOG_BYTES),
        )

    def _audit(self, timeout: int) -> FunctionUse:
        """A look each minute, and each night one that takes as long as it may."""
        look = min(RECENT_SECONDS, timing.look_seconds(self.flow, self.settings))
        number = MINUTES + DAYS
        return FunctionUse(
            number, MINUTES * look + DAYS * timeout, number * (self.measured.audit_log_bytes + LAMBDA_LOG_BYTES)
        )

    def _api(self, timeout: int) -> FunctionUse:
        del timeout
        seconds = self.mean("function_ms") / 1000 / vcpus(self.settings.api_memory)
        seconds += self.mean("database_ms") / 1000 + LOAD_ROUNDS * DATABASE_ROUND_SECONDS
        number = self.requests
        return FunctionUse(number, number * seconds, number * (self.mean("log_bytes") + LAMBDA_LOG_BYTES))

    def _token(self, timeout: int) -> FunctionUse:
        del timeout
        number = self.demand.people * SIGN_INS
        return FunctionUse(number, number * SQS_SEND_SECONDS, number * LAMBDA_LOG_BYTES)

    def _retire(self, timeout: int) -> FunctionUse:
        seconds = min(timeout, RETIRE_SECONDS)
        return FunctionUse(DAYS, DAYS * seconds, DAYS * (2000 + LAMBDA_LOG_BYTES))

    @property
    def database_vcpus(self) -> float:
        """How many of the database's vCPUs are busy on average."""
        symbols = self.flow.mix.binance + self.flow.mix.yahoo + self.flow.mix.exchangerate
        asked = self.demand.rate * self.mean("database_ms") / 1000
        return database_vcpus(symbols, self.settings, self.measured) + asked

    @property
    def stored_gigabytes(self) -> float:
        """GB of rows and indexes after so many months, older ones being gone where the stage retires them."""
        months = min(self.demand.months, self.settings.history_months or self.demand.months)
        return self.flow.total(lambda message: message.stored_bytes) * months / 1e9


def request_kinds(measured: Measured) -> dict[str, Request]:
    """The kinds of request that a mix is made of."""
    return measured.requests
