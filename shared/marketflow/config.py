"""Every setting of the functions: the one place that reads the environment.

A missing or wrong setting stops the process before it does anything, with the setting's name and where to set it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Json, PositiveInt, ValidationError

from marketflow.domain.moves import BOUNDS
from marketflow.domain.plans import Limits, Plan
from marketflow.domain.symbol import AssetType
from marketflow.errors import ConfigurationError

WHERE = "The CDK app sets it (cdk/stacks); docs/configuration.md tells of each."


def _split(value: object) -> object:
    """A comma-separated setting as a tuple."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _json(value: object) -> object:
    """A setting that is written as JSON."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        raise ValueError("is not JSON") from None


class Settings(BaseModel):
    """Settings of every function. Field aliases are the names of the environment variables."""

    # A process builds the validator of its own settings alone.
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=False, defer_build=True)

    stage: str = Field(alias="MARKETFLOW_STAGE", min_length=1)

    @classmethod
    def load(cls, environment: Mapping[str, str] | None = None) -> Self:
        """The settings from the environment. Raises ConfigurationError that names each missing or wrong setting.

        An empty variable counts as unset, as it does in `.env` files and in CloudFormation.
        """
        source = os.environ if environment is None else environment
        try:
            return cls.model_validate({name: value for name, value in source.items() if value})
        except ValidationError as error:
            # The value is left out of the message: a setting may hold a secret.
            faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
            raise ConfigurationError(f"Settings of {cls.__name__} are not usable: {faults}. {WHERE}") from None


class FetchSettings(Settings):
    """What a fetcher needs: its source, where to put bodies, whom to tell, and where its own tasks wait."""

    source: str = Field(alias="SOURCE")
    data_bucket: str = Field(alias="DATA_BUCKET")
    payload_queue_url: str = Field(alias="PAYLOAD_QUEUE_URL")
    task_queue_url: str = Field(alias="TASK_QUEUE_URL")
    task_tries: PositiveInt = Field(default=5, alias="TASK_TRIES")
    base_urls: Annotated[tuple[str, ...], BeforeValidator(_split)] = Field(default=(), alias="SOURCE_BASE_URLS")
    secret_id: str | None = Field(default=None, alias="SOURCE_SECRET_ID")


class DatabaseSettings(Settings):
    """What reads or writes the database needs."""

    database_url: str = Field(alias="DATABASE_URL", repr=False)


class EtlSettings(DatabaseSettings):
    """What the ETL function needs: the database, the archive for large bodies, and from when on a move is absurd."""

    data_bucket: str = Field(alias="DATA_BUCKET")
    max_moves: Annotated[dict[AssetType, Annotated[Decimal, Field(gt=1)]], BeforeValidator(_json)] = Field(
        default=dict(BOUNDS), alias="MAX_MOVES"
    )


class AuditSettings(DatabaseSettings):
    """What the auditor needs: the database, and the bucket in which it writes the commands of repairs."""

    data_bucket: str = Field(alias="DATA_BUCKET")


class RetireSettings(DatabaseSettings):
    """What retention needs: the database, the bucket for the export, and how many months stay beside this one."""

    data_bucket: str = Field(alias="DATA_BUCKET")
    history_months: Annotated[int, Field(ge=2)] | None = Field(default=None, alias="HISTORY_MONTHS")


class MigrateSettings(DatabaseSettings):
    """What the migration function needs: the database, and the bucket in which it publishes the active symbols."""

    data_bucket: str = Field(alias="DATA_BUCKET")


class HttpSettings(Settings):
    """What every function behind the gateway needs: who may read its answers, and what each plan allows a key."""

    cors_origins: Annotated[tuple[str, ...], BeforeValidator(_split)] = Field(default=(), alias="CORS_ORIGINS")
    plans: Annotated[dict[str, Limits], BeforeValidator(_json)] = Field(default={}, alias="PLANS")


class ApiSettings(DatabaseSettings, HttpSettings):
    """What the read API needs: the database, and what every function behind the gateway does."""


class IdempotencySettings(Settings):
    """What a function needs that remembers what it did for an Idempotency-Key: the table, and its own timeout."""

    table: str = Field(alias="IDEMPOTENCY_TABLE")
    timeout_seconds: float = Field(alias="FUNCTION_TIMEOUT", gt=0)


class AdminSettings(ApiSettings, IdempotencySettings):
    """What the administration needs: what the read API does, and the bucket in which it publishes active symbols."""

    data_bucket: str = Field(alias="DATA_BUCKET")


class KeysSettings(HttpSettings, IdempotencySettings):
    """What the function of users' API keys needs: the usage plan of each plan that a key may be on."""

    usage_plan_ids: Annotated[dict[Plan, str], BeforeValidator(_json)] = Field(alias="USAGE_PLAN_IDS")


class DispatchSettings(Settings):
    """What the dispatcher needs: the bucket with commands and archive, and the URL of every queue by its short name."""

    data_bucket: str = Field(alias="DATA_BUCKET")
    queue_urls: Json[dict[str, str]] = Field(alias="QUEUE_URLS")


class AwsCredentials(BaseModel):
    """The execution role's temporary credentials as Lambda hands them over; they change, so read them when needed."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    access_key: str = Field(alias="AWS_ACCESS_KEY_ID")
    secret_key: str = Field(alias="AWS_SECRET_ACCESS_KEY", repr=False)
    session_token: str | None = Field(default=None, alias="AWS_SESSION_TOKEN", repr=False)
    region: str = Field(alias="AWS_REGION")

    @classmethod
    def load(cls, environment: Mapping[str, str] | None = None) -> Self:
        """The credentials from the environment. Raises ConfigurationError that names what is missing, never a value."""
        try:
            return cls.model_validate(dict(os.environ if environment is None else environment))
        except ValidationError as error:
            names = ", ".join(str(fault["loc"][0]) for fault in error.errors())
            raise ConfigurationError(f"No AWS credentials in the environment: {names} missing.") from None


class Trace(BaseModel):
    """The X-Ray trace of the running invocation, of which Lambda tells in the environment, and where notes of it go."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    header: str = Field(default="", alias="_X_AMZN_TRACE_ID")
    daemon: str = Field(default="", alias="AWS_XRAY_DAEMON_ADDRESS")

    @classmethod
    def load(cls, environment: Mapping[str, str] | None = None) -> Self:
        """The trace from the environment; empty where there is none."""
        return cls.model_validate(dict(os.environ if environment is None else environment))
