"""What a fetcher remembers of its source between two runs."""

from __future__ import annotations

from pydantic import AwareDatetime, BaseModel, ConfigDict


class DatasetState(BaseModel):
    """One dataset: when a run last got every answer it asked for, and when the source will have something new.

    A run that missed one symbol does not move `last_complete_at`, so that the next run reaches back far enough for it.
    `symbols` (vendor spelling) are those that it asked for; None before the first run, or when nobody noted them.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    last_complete_at: AwareDatetime | None = None
    next_due_at: AwareDatetime | None = None
    symbols: frozenset[str] | None = None


class SourceState(BaseModel):
    """One source; all times UTC.

    `not_before` is when it may be asked again after it sent us away, `reason` why it did, `strikes` how often in a
    row. `busy_until` is when work that is not urgent may go on: until then the rest of the source's budget is for the
    schedule. `unavailable` holds symbols (vendor spelling) that it did not know, with the time of the next try.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    datasets: dict[str, DatasetState] = {}
    not_before: AwareDatetime | None = None
    reason: str | None = None
    strikes: int = 0
    busy_until: AwareDatetime | None = None
    unavailable: dict[str, AwareDatetime] = {}

    def dataset(self, name: str) -> DatasetState:
        """The state of one dataset; an empty one before its first run."""
        return self.datasets.get(name, DatasetState())
