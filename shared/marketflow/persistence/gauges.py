"""Reads the numbers that a monitoring system scrapes: in one transaction, all of them at one moment."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from marketflow.domain.gauges import Sample
from marketflow.persistence import revision
from marketflow.persistence.connection import Database
from marketflow.persistence.gaps_sql import SECONDS_BEHIND

_TIMES = ("last_success", "last_loaded", "last_error")

_SEEN = """seen AS (
    SELECT t.source, t.target, s.*
    FROM (SELECT key AS source, CAST(value AS int) AS target FROM json_each_text(CAST(:targets AS json))) AS t
    LEFT JOIN (
        SELECT source AS told, last_success_at, last_loaded_at, last_error_at, budget_used, budget_limit,
               greatest(extract(epoch FROM CAST(:now AS timestamptz) - newest_data_at), 0) AS age
        FROM source_status
    ) AS s ON s.told = t.source
)"""

_SOURCES = " UNION ALL ".join(
    f"SELECT '{name}', ARRAY[source], {value} FROM seen WHERE {condition}"  # noqa: S608 - constants of this module
    for name, value, condition in (
        ("source_data_age_seconds", "age", "age IS NOT NULL"),
        ("source_freshness_target_seconds", "target", "target > 0"),
        (
            "source_failing",
            "CAST(coalesce(last_error_at > coalesce(last_success_at, '-infinity'), false) AS int)",
            "true",
        ),
        *(
            (f"source_{time}_timestamp_seconds", f"extract(epoch FROM {time}_at)", f"{time}_at IS NOT NULL")
            for time in _TIMES
        ),
        ("source_budget_used_ratio", "CAST(budget_used AS float8) / budget_limit", "budget_limit > 0"),
    )
)

# What nobody has to do anything about is a fact of the market, and there is a lot of it.
_GAPS = """
SELECT 'gaps', ARRAY[source, state], gaps FROM counted
UNION ALL
SELECT 'candles_missing', ARRAY[source, reason], missing FROM reasons
"""

GAUGES = f"""
WITH {_SEEN}, open_gaps AS (
    SELECT s.source, g.state, g.reason, g.missing
    FROM gaps AS g JOIN symbols AS s ON s.id = g.symbol_id
    WHERE g.closed_at IS NULL
), counted AS (
    SELECT source, state, count(*) AS gaps FROM open_gaps GROUP BY source, state
), reasons AS (
    SELECT source, reason, sum(missing) AS missing FROM open_gaps GROUP BY source, reason
)
SELECT name, labels, CAST(value AS float8)
FROM (
    SELECT 'schema_current' AS name, CAST(ARRAY[] AS text[]) AS labels,
           CAST((SELECT max(version_num) FROM alembic_version) = :revision AS int)::numeric AS value
    UNION ALL {_SOURCES}
    UNION ALL SELECT 'symbols', ARRAY[source, CASE WHEN active THEN 'active' ELSE 'inactive' END], count(*)
        FROM symbols GROUP BY source, active
    UNION ALL {_GAPS}
    UNION ALL SELECT 'jobs', ARRAY[kind, requested_by], count(*) FROM jobs AS j
        WHERE parts IS NULL OR parts > (SELECT count(*) FROM job_parts AS p WHERE p.job_id = j.id)
        GROUP BY kind, requested_by
    UNION ALL SELECT 'database_size_bytes', ARRAY[]::text[], pg_database_size(current_database())
    UNION ALL SELECT 'database_connections', ARRAY[]::text[], numbackends
        FROM pg_stat_database WHERE datname = current_database()
    UNION ALL SELECT 'database_connections_limit', ARRAY[]::text[], CAST(current_setting('max_connections') AS int)
) AS gauges
"""  # noqa: S608 - the same


class GaugeReader:
    """Satisfies `Gauges` of marketflow.api.metrics_routes.

    `freshness_seconds` are the targets of the sources, 0 for one that is asked on request alone; `session_sources` are
    those whose markets close.
    """

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime],
        freshness_seconds: Mapping[str, int],
        session_sources: Collection[str],
    ) -> None:
        self._database = database
        self._clock = clock
        self._targets = dict(freshness_seconds)
        self._sessions = session_sources

    def read(self) -> list[Sample]:
        """Every sample of this moment, in any order. Raises DatabaseUnavailableError or RetryLaterError."""
        now = self._clock()
        owing = [
            {"source": name, "sessions": name in self._sessions} for name, target in self._targets.items() if target
        ]
        rows, behind = self._database.together(
            (GAUGES, {"now": now, "targets": json.dumps(self._targets), "revision": revision.HEAD}),
            (SECONDS_BEHIND, {"now": now, "sources": json.dumps(owing)}),
        )
        found = [Sample(name, tuple(labels), value) for name, labels, value in rows]
        for source, seconds in behind:
            found.append(Sample("source_behind_seconds", (source,), float(seconds)))
            found.append(Sample("source_stale", (source,), float(seconds > self._targets[source])))
        return found
