"""The numbers that a monitoring system scrapes: what each is called, what it means, and one value of it.

Names and units follow https://prometheus.io/docs/practices/naming/.
"""

from __future__ import annotations

from typing import NamedTuple


class Family(NamedTuple):
    """A gauge: its name without the prefix `marketflow_`, what it says, and the names of its labels."""

    name: str
    help: str
    labels: tuple[str, ...] = ()


class Sample(NamedTuple):
    """One value of the family `name`; `labels` are the values of its labels, in their order."""

    name: str
    labels: tuple[str, ...]
    value: float


PREFIX = "marketflow_"

_SOURCE = ("source",)

FAMILIES = (
    Family("schema_current", "1 while the database has the schema that this API needs, else 0."),
    Family("source_data_age_seconds", "Age of the newest stored data of a source.", _SOURCE),
    Family("source_behind_seconds", "The same age, in which the hours of closed markets do not count.", _SOURCE),
    Family("source_freshness_target_seconds", "Age beyond which the data of a source is stale.", _SOURCE),
    Family("source_stale", "1 while a source is behind for longer than its target, else 0.", _SOURCE),
    Family("source_failing", "1 while the last answer of a source was an error.", _SOURCE),
    Family("source_last_success_timestamp_seconds", "When a source last gave a good answer.", _SOURCE),
    Family("source_last_loaded_timestamp_seconds", "When rows of a source were last stored.", _SOURCE),
    Family("source_last_error_timestamp_seconds", "When a source last gave an error.", _SOURCE),
    Family("source_budget_used_ratio", "Share of a source's rate limit that was used when it last told.", _SOURCE),
    Family("symbols", "Symbols of a source: fetched (active) and kept without (inactive).", ("source", "state")),
    Family("gaps", "Open gaps of a source by what is done about them.", ("source", "state")),
    Family("candles_missing", "Candles in the open gaps of a source by why they are missing.", ("source", "reason")),
    Family("jobs", "Backfills and replays that are not over, by who asked.", ("kind", "requested_by")),
    Family("database_size_bytes", "Size of the database on its disk."),
    Family("database_connections", "Sessions at the database, those of the proxy included."),
    Family("database_connections_limit", "Sessions that the server takes at most."),
)
"""All that there are, in the order in which they are shown."""
