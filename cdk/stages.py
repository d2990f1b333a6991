"""Stages as data: everything in which `local`, `dev` and `prod` differ, read from the context in cdk.json.

A construct asks the stage for a value, never for its name. What a run of the CDK app is given on its command line:
`-c stage=dev` (always), and for a local stage `-c database_url=…`, `-c source_base_urls={"binance": ["http://…"]}`,
`-c source_secrets={"exchangerate": "…"}` (names of secrets, never their values) and `-c api_key=…`.
"""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PositiveInt, ValidationError, model_validator

from marketflow.sources.catalog import CATALOG

PYTHON = "3.13"
"""The Python of the Lambda runtime; with ARCHITECTURE the one place that says what the functions run on."""

ARCHITECTURE = "arm64"

COMMAND_LINE = ("database_url", "source_base_urls", "source_secrets", "api_key", "canary")
"""Settings of a stage that come from `-c name=value` and win over cdk.json."""


class StageError(Exception):
    """The stage or one of its settings is missing or wrong; the message says which and what to do."""


class Setting(BaseModel):
    """A group of settings. An unknown name is refused, so that a typing error cannot pass for a setting."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FunctionSize(Setting):
    """What one Lambda function may use. Memory in MB (CPU grows with it), timeout in seconds.

    `snap_start` begins from a snapshot of the started function, at a price (docs/adr/0013-snapstart.md).
    """

    memory: Annotated[int, Field(ge=128, le=10_240)]
    timeout: Annotated[int, Field(ge=1, le=900)]
    snap_start: bool = False


class Functions(Setting):
    """The size of each kind of function."""

    fetch: FunctionSize
    etl: FunctionSize
    migrate: FunctionSize
    api: FunctionSize
    admin: FunctionSize
    keys: FunctionSize
    token: FunctionSize
    dispatch: FunctionSize
    audit: FunctionSize
    retire: FunctionSize


class Throttle(Setting):
    """A token bucket: `rate` requests a second on average, `burst` at once."""

    rate: PositiveInt
    burst: PositiveInt


class Plan(Throttle):
    """A usage plan: the throttle of one key, and how many requests it has a day."""

    quota_per_day: PositiveInt


class Waf(Setting):
    """A web ACL before the API: how many requests one address has in five minutes (cdk/constructs/web_acl.py)."""

    rate_per_5_minutes: Annotated[int, Field(ge=10, le=2_000_000_000)]


class Api(Setting):
    """The HTTP API. `methods` throttles each weight of route (see cdk/routes.py) for all keys together.

    `plan` is the operator's own, `plans` are those on which users put the keys that they make. `waf` null leaves the
    web ACL out, which costs more than a small stage at rest. `tags` are the REST API's own: the emulator takes its
    stable host name from one.
    """

    throttle: Throttle
    methods: dict[Literal["open", "read", "bulk", "manage"], Throttle]
    plan: Plan
    plans: dict[Literal["free", "pro"], Plan]
    cors_origins: tuple[str, ...]
    waf: Waf | None = None
    tags: dict[str, str] = {}


class Identity(Setting):
    """Who may sign in. Without `sign_up` only an administrator makes users.

    `callback_urls` are the pages to which the sign-in page may send people back with a code.
    """

    sign_up: bool
    callback_urls: tuple[str, ...]


class Database(Setting):
    """The RDS instance. Storage in GB; `max_storage` is how far it may grow by itself."""

    instance: str
    storage: Annotated[int, Field(ge=20)]
    max_storage: Annotated[int, Field(ge=20)]
    backup_days: Annotated[int, Field(ge=1, le=35)]
    multi_az: bool
    deletion_protection: bool
    removal: Literal["snapshot", "destroy"]

    @property
    def burstable(self) -> bool:
        """Whether the instance earns CPU credits, and pays for what it computes beyond them."""
        return self.instance.startswith("t")


class Alarms(Setting):
    """When the operator is told: the oldest message's age in seconds, and the slowest percent's milliseconds.

    So many 5xx answers in a window, or fewer, say nothing of the API: somebody's one request failed (docs/slo.md).
    """

    queue_age: PositiveInt
    server_errors: PositiveInt
    latency_p99: PositiveInt


def _from_command_line(value: object) -> object:
    """`-c name=value` gives text: the JSON in it."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError as error:
        raise ValueError(f"is not JSON ({error})") from None


class Canary(Setting):
    """How a new version takes over: it gets `percent` of the traffic for `minutes`, then all of it."""

    percent: Annotated[int, Field(ge=1, le=99)]
    minutes: Annotated[int, Field(ge=1, le=60)]


class Stage(Setting):
    """One stage. Without `database` there is no Network and no Database stack: `database_url` names server and owner.

    `account` and `region`: where alone it may be deployed (local/aws/preflight.py); null for anywhere. Without `canary`
    a new version takes all the traffic at once.

    `tls_only` refuses plain HTTP at buckets, queues and topics. The emulator speaks nothing else on the loopback
    interface, and where it enforces IAM it enforces that refusal too. `send_action` lets a function send to a queue:
    the emulator asks for sqs:SendMessageBatch, which is no action of AWS, where sqs:SendMessage covers batches.
    `history_months`: so many months stay in the database beside this one, older ones are exported and dropped
    (docs/runbook/history.md); null keeps all, and leaves the History stack out.
    `runbook_url` is where the alarms' links to the runbook begin; a fork sets the web address of its own.
    `max_moves`: from which factor on a price is held back as an absurd move (docs/runbook/absurd-move.md).
    """

    name: str
    account: Annotated[str, Field(pattern=r"^\d{12}$")] | None = None
    region: str | None = None
    runtime: Literal["lambda", "host"] = "lambda"
    synthesizer: Literal["default", "cli"] = "default"
    assets_bucket: str | None = None
    tls_only: bool = True
    send_action: Literal["sqs:SendMessage", "sqs:SendMessage*"] = "sqs:SendMessage"
    termination_protection: bool
    removal: Literal["retain", "destroy"]
    log_days: Literal[1, 3, 7, 14, 30, 90, 180, 365]
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    environment: dict[str, str] = {}
    functions: Functions
    etl_concurrency: Annotated[int, Field(ge=2, le=1000)]
    max_moves: dict[Literal["crypto", "stock", "forex"], Annotated[float, Field(gt=1)]]
    history_months: Annotated[int, Field(ge=2)] | None = None
    api: Api
    identity: Identity
    alarms: Alarms
    canary: Annotated[Canary | None, BeforeValidator(_from_command_line)] = None
    alarm_email: str | None = None
    runbook_url: Annotated[str, Field(pattern="/$")] = "docs/runbook/"
    database: Database | None = None
    database_url: str | None = Field(default=None, repr=False)
    source_base_urls: Annotated[dict[str, tuple[str, ...]], BeforeValidator(_from_command_line)] = {}
    source_secrets: Annotated[dict[str, str], BeforeValidator(_from_command_line)] = {}
    api_key: Annotated[str, Field(min_length=20)] | None = Field(default=None, repr=False)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.database is None) == (self.database_url is None):
            raise ValueError("needs either `database` (in cdk.json) or a database URL (-c database_url=postgresql://…)")
        if self.database_url is not None and urlsplit(self.database_url).password:
            raise ValueError(
                "database_url: a password would stand in templates; let the server trust its socket or host"
            )
        if self.synthesizer == "cli" and not self.assets_bucket:
            raise ValueError("assets_bucket: the synthesizer `cli` needs the name of an existing bucket")
        if unknown := (self.source_base_urls.keys() | self.source_secrets.keys()) - CATALOG.keys():
            raise ValueError(f"unknown source {', '.join(sorted(unknown))}; known: {', '.join(CATALOG)}")
        if keyless := [name for name in self.source_secrets if not CATALOG[name].optional_key]:
            raise ValueError(f"source_secrets: {', '.join(keyless)} takes no API key")
        if self.python == "3.11" and (asked := [name for name, size in self.functions if size.snap_start]):
            raise ValueError(f"functions.{asked[0]}.snap_start: only from Python 3.12 on, and this is {self.python}")
        return self

    @property
    def python(self) -> str:
        """The Python version of the functions, such as `3.13`."""
        return PYTHON if self.runtime == "lambda" else f"{sys.version_info.major}.{sys.version_info.minor}"

    @property
    def architecture(self) -> str:
        """The processor of the functions: `arm64` or `x86_64`."""
        return ARCHITECTURE if self.runtime == "lambda" else _host_architecture()

    @property
    def metrics_namespace(self) -> str:
        """The CloudWatch namespace of the functions' own metrics: stages may share an account."""
        return f"MarketFlow/{self.name}"

    def resource(self, *parts: str) -> str:
        """The physical name of a resource: `marketflow-<stage>-<part>…`."""
        return "-".join(("marketflow", self.name, *parts))


def _host_architecture() -> str:
    return "arm64" if platform.machine().lower() in {"arm64", "aarch64"} else "x86_64"


def _told(location: tuple[int | str, ...], message: str) -> str:
    return f"{'.'.join(map(str, location))}: {message}" if location else message


def load_stage(context: Callable[[str], Any]) -> Stage:
    """The stage that the context selects. Raises StageError that names the setting, and the known stages."""
    stages: Mapping[str, Mapping[str, Any]] = context("stages") or {}
    known = f"Known stages: {', '.join(stages) or 'none; run the CDK where cdk.json is'}."
    if not (name := context("stage")):
        raise StageError(f"No stage was selected. {known} Select one with -c stage=NAME.")
    if name not in stages:
        raise StageError(f"There is no stage {name!r}. {known}")
    given = {setting: value for setting in COMMAND_LINE if (value := context(setting)) is not None}
    try:
        return Stage.model_validate({**stages[name], "name": name, **given})
    except ValidationError as error:
        # The value is left out of the message: a setting may hold a secret.
        faults = "; ".join(_told(fault["loc"], fault["msg"]) for fault in error.errors())
        raise StageError(f"Stage {name!r} of cdk.json is not usable: {faults}.") from None
