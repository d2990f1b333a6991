"""What a deployment is turned to: the stage of cdk.json and the catalogue's manners, as one value to turn up."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.scaling.instances import Instance, instance_of
from cdk.stages import Stage, load_stage
from marketflow.sources.catalog import CATALOG

ROOT = Path(__file__).resolve().parents[2]
URL = "postgresql://postgres@/marketflow?host=/tmp/marketflow"
"""What stands for the database of a stage that has none of its own; nothing connects to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetching:
    """How one source is fetched. `fetchers` is how many of its function, each from an address of its own, share it."""

    source: str
    fetchers: int
    max_concurrency: int
    min_interval_seconds: float
    request_timeout_seconds: float
    every_seconds: int
    memory: int
    timeout: int

    @property
    def usable_seconds(self) -> float:
        """How long after its start a run still begins requests: none that could outlive the function."""
        return self.timeout - self.request_timeout_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """A stage, and how each source of the catalogue is fetched. Memory in MB, storage in GB, times in seconds."""

    stage: str
    fetching: dict[str, Fetching]
    etl_concurrency: int
    etl_memory: int
    etl_timeout: int
    audit_memory: int
    api_memory: int
    auditors: int
    instance: Instance
    storage: int
    max_storage: int
    iops: int
    multi_az: bool
    history_months: int | None

    @classmethod
    def of(cls, stage: Stage) -> Settings:
        """As cdk.json and the catalogue have it; a stage without a database is taken for one with the smallest."""
        size = stage.functions.fetch
        database = stage.database
        return cls(
            stage=stage.name,
            fetching={
                name: Fetching(
                    source=name,
                    fetchers=1,
                    max_concurrency=source.max_concurrency,
                    min_interval_seconds=source.min_interval_seconds,
                    request_timeout_seconds=source.timeout_seconds,
                    every_seconds=source.schedules[0].every_seconds if source.schedules else 0,
                    memory=size.memory,
                    timeout=size.timeout,
                )
                for name, source in CATALOG.items()
            },
            etl_concurrency=stage.etl_concurrency,
            etl_memory=stage.functions.etl.memory,
            etl_timeout=stage.functions.etl.timeout,
            audit_memory=stage.functions.audit.memory,
            api_memory=stage.functions.api.memory,
            auditors=1,
            instance=instance_of(database.instance if database else "t4g.micro"),
            storage=database.storage if database else 20,
            max_storage=database.max_storage if database else 20,
            iops=included_iops(database.max_storage if database else 20),
            multi_az=database.multi_az if database else False,
            history_months=getattr(stage, "history_months", None),
        )

    def with_fetching(self, source: str, **changes: Any) -> Settings:  # noqa: ANN401 - the fields of Fetching
        """The same with one source fetched otherwise."""
        return replace(self, fetching={**self.fetching, source: replace(self.fetching[source], **changes)})


def included_iops(gigabytes: int) -> int:
    """Operations a second that RDS' gp3 has for PostgreSQL without a further charge: more from 400 GB on."""
    return 12_000 if gigabytes >= 400 else 3000


def read_stage(name: str) -> Stage:
    """A stage of cdk.json. Raises StageError when there is none of that name."""
    context = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    stages = context.get("stages", {})
    given: dict[str, Any] = {**context, "stage": name}
    if name in stages and "database" not in stages[name]:
        given["database_url"] = URL
    return load_stage(given.get)
