"""What is promised: every figure of the bench, what it must reach, and what cannot be surpassed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Value = float | Mapping[str, float]
"""A figure, or the figures of several functions under their names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a figure must reach: at least `limit`, or at most it; None is a figure without a promise of its own.

    `floor` is what no program can surpass, measured in the same run; `unit` is empty for a ratio.
    """

    title: str
    limit: Value | None
    at_least: bool
    unit: str = ""
    floor: str

    def met(self, value: Value) -> bool:
        """Whether `value` keeps the promise; where there are several, each must."""
        if self.limit is None:
            return True
        if isinstance(value, Mapping) and isinstance(self.limit, Mapping):
            return all(self._within(value[name], limit) for name, limit in self.limit.items())
        if isinstance(value, Mapping) or isinstance(self.limit, Mapping):
            raise TypeError(f"{self.title}: one figure against several limits, or the other way round.")
        return self._within(value, self.limit)

    def _within(self, value: float, limit: float) -> bool:
        return value >= limit if self.at_least else value <= limit


_COPY = "raw COPY of the same rows"
_SELECT = "a bare SELECT of the same bytes"
_PYTHON = "a bare interpreter"
_SAME = "the same at every size"

TARGETS: Mapping[str, Target] = {
    "etl_rows_per_s": Target(
        title="ETL on one core, klines bodies to rows", limit=None, at_least=True, unit="rows/s", floor=_COPY
    ),
    "etl_vs_copy": Target(title="ETL against raw COPY", limit=0.30, at_least=True, floor=_COPY),
    "etl_vs_orm": Target(title="ETL against the ORM idiom", limit=25, at_least=True, floor=_COPY),
    "read_1000_vs_orm": Target(title="1,000 candles against the ORM service", limit=15, at_least=True, floor=_SELECT),
    "read_1000_vs_asyncpg": Target(
        title="1,000 candles against asyncpg and orjson", limit=2, at_least=True, floor=_SELECT
    ),
    "latest_100_vs_orm": Target(
        title="100 latest prices against the ORM service", limit=5, at_least=True, floor=_SELECT
    ),
    "cold_start_vs_peer": Target(
        title="cold start against the ORM service as usually shipped", limit=8, at_least=True, floor=_PYTHON
    ),
    "cold_start_vs_peer_compiled": Target(
        title="cold start against the ORM service with bytecode", limit=2.5, at_least=True, floor=_PYTHON
    ),
    "cold_start_etl_vs_peer": Target(
        title="cold start of the ETL against the ORM loader", limit=5, at_least=True, floor=_PYTHON
    ),
    "read_asset_mb": Target(
        title="what the read function ships, zipped", limit=8, at_least=False, unit="MB", floor="our own code alone"
    ),
    "scale_read_20m_vs_1m": Target(
        title="pages and latest prices with twenty times the candles", limit=1.3, at_least=False, floor=_SAME
    ),
    "scale_ingest_20m_vs_1m": Target(title="ETL with twenty times the candles", limit=1.3, at_least=False, floor=_SAME),
    "year_of_days_ms": Target(
        title="a year of days over minutes, p50", limit=3, at_least=False, unit="ms", floor=_SELECT
    ),
    "memory_read_mb": Target(
        title="peak memory of the read function", limit=128, at_least=False, unit="MB", floor=_PYTHON
    ),
    "memory_etl_mb": Target(
        title="peak memory of the ETL function", limit=256, at_least=False, unit="MB", floor=_PYTHON
    ),
    "memory_mb": Target(
        title="peak memory of both",
        limit={"read": 128, "etl": 256},
        at_least=False,
        unit="MB",
        floor=_PYTHON,
    ),
}
"""In the order in which they are shown."""
