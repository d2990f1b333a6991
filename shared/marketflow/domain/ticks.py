"""The events with which schedules invoke functions."""

from __future__ import annotations

from pydantic import BaseModel, field_validator

from marketflow.domain.models import STRICT


class Tick(BaseModel):
    """What every event of a schedule has.

    `execution_id` is EventBridge Scheduler's name of this tick; logs and messages carry it as correlation id. A
    placeholder that nobody filled in (`<aws.scheduler.execution-id>`) is no name.
    """

    model_config = STRICT

    version: int = 1
    execution_id: str | None = None

    @field_validator("execution_id")
    @classmethod
    def _filled_in(cls, value: str | None) -> str | None:
        return None if value is None or value.startswith("<") else value
