"""The events with which schedules invoke functions."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, field_validator


class Tick(BaseModel):
    """What every event of a schedule has.

    `execution_id` is EventBridge Scheduler's name of this tick; logs and messages carry it as correlation id. A
    placeholder that nobody filled in (`<aws.scheduler.execution-id>`) is no name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int = 1
    execution_id: str | None = None

    @field_validator("execution_id")
    @classmethod
    def _filled_in(cls, value: str | None) -> str | None:
        return None if value is None or value.startswith("<") else value
