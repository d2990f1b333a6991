# ruff: noqa: S608 - statements are put together from this module's constants; every value is a parameter
"""The statements about jobs. Counts are never kept: they follow from the parts, so that nothing can count twice."""

from __future__ import annotations

_CREATE = """
INSERT INTO jobs (id, kind, source, symbol, interval, starts_at, ends_at, parts, requested_by)
SELECT CAST(:id AS text), :kind, :source, CAST(:symbol AS text), CAST(:interval AS candle_interval),
       CAST(:start AS timestamptz), CAST(:end AS timestamptz), CAST(:parts AS bigint), :requested_by
{only_if}
ON CONFLICT DO NOTHING
"""

CREATE = _CREATE.format(only_if="")

CREATE_REPAIR = _CREATE.format(only_if="WHERE EXISTS (SELECT FROM gaps WHERE job = :id)")
"""Only when a gap was taken on for it."""

SOURCE_OF = "SELECT source, source_symbol FROM symbols WHERE symbol = :symbol"

RETIRED_BEFORE = """
SELECT CAST(max(month) + interval '1 month' AS timestamp) AT TIME ZONE 'UTC' FROM months WHERE retired_at IS NOT NULL
"""

FORGET = "DELETE FROM jobs WHERE id = :id"

LISTED = "UPDATE jobs SET parts = greatest(parts, CAST(:parts AS bigint)) WHERE id = :id"

# Whatever comes first, the same is left: an answer wins over none and rows over fewer rows, and a part that was once
# received stays so. The first of two equals stays, with its time.
_UPSERT = """
ON CONFLICT (job_id, part) DO UPDATE SET
    outcome = excluded.outcome, received = known.received OR excluded.received, rows = excluded.rows,
    quarantined = excluded.quarantined, reason = excluded.reason, detail = excluded.detail, known_at = now()
WHERE (known.outcome <> 'failed', known.rows, known.received)
    < (excluded.outcome <> 'failed', excluded.rows, excluded.received)
"""

PART_LOADED = f"""
INSERT INTO job_parts AS known (job_id, part, outcome, received, rows, quarantined, reason, detail, subject)
SELECT id, CAST(:part AS bigint),
       CASE WHEN found > 0 THEN 'stored' WHEN refused.count = 0 THEN 'empty' ELSE 'failed' END, true, found,
       refused.count, CASE WHEN found = 0 THEN refused.reason END, CASE WHEN found = 0 THEN refused.detail END, :subject
FROM (
    -- With minutes Yahoo sends the latest price too, which is no part of the past that a backfill asked for. That of
    -- currencies is prices and nothing else.
    SELECT id, CASE WHEN kind = 'backfill' AND NOT EXISTS (
                        SELECT FROM symbols AS s WHERE s.symbol = jobs.symbol AND s.asset_type = 'forex'
                    ) THEN CAST(:candles AS integer)
                    ELSE CAST(:candles AS integer) + CAST(:prices AS integer) END AS found
    FROM jobs WHERE id = :id
) AS job, (
    SELECT CAST(count(*) AS integer) AS count, (array_agg(reason ORDER BY position, reason))[1] AS reason,
           (array_agg(detail ORDER BY position, reason))[1] AS detail
    FROM quarantine WHERE raw_id = CAST(:raw_id AS bigint)
) AS refused
{_UPSERT}
"""

PART_FAILED = f"""
INSERT INTO job_parts AS known (job_id, part, outcome, received, rows, quarantined, reason, detail, subject)
SELECT id, CAST(:part AS bigint), 'failed', CAST(:received AS boolean), 0, 0, :reason, :detail, :subject
FROM jobs WHERE id = :id
{_UPSERT}
"""


def _moment(value: str) -> str:
    """RFC 3339 in UTC, with milliseconds only where there are some; null for no time."""
    return (
        f"to_char({value} AT TIME ZONE 'UTC', CASE WHEN {value} = date_trunc('second', {value})"
        """ THEN 'YYYY-MM-DD"T"HH24:MI:SS"Z"' ELSE 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"' END)"""
    )


FAILED_PARTS_SHOWN = 100

_COUNTED = """
FROM jobs CROSS JOIN LATERAL (
    SELECT count(*) AS known, count(*) FILTER (WHERE received) AS received,
           count(*) FILTER (WHERE outcome = 'stored') AS stored, count(*) FILTER (WHERE outcome = 'empty') AS empty,
           count(*) FILTER (WHERE outcome = 'failed') AS failed, coalesce(sum(rows), 0) AS rows,
           coalesce(sum(quarantined), 0) AS quarantined, min(known_at) AS first, max(known_at) AS last
    FROM job_parts WHERE job_id = jobs.id
) AS counted CROSS JOIN LATERAL (
    SELECT CASE WHEN parts IS NULL OR known < parts THEN CASE WHEN known = 0 THEN 'queued' ELSE 'running' END
                WHEN failed > 0 THEN 'completed_with_failures' ELSE 'completed' END AS status,
           -- From the request on, the wait in the queue included: that is what the rest will take as well.
           known / nullif(extract(epoch FROM coalesce(CASE WHEN known >= parts THEN last END, now()) - created_at), 0)
               AS rate
) AS derived
"""

_FAILURES = f"""(
    SELECT coalesce(json_agg(json_build_object(
        'reason', reason, 'count', n, 'detail', detail, 'parts', subjects) ORDER BY n DESC, reason), '[]')
    FROM (
        SELECT reason, count(*) AS n, min(detail) AS detail,
               json_agg(subject ORDER BY part) FILTER (WHERE nth <= {FAILED_PARTS_SHOWN}) AS subjects
        FROM (
            SELECT reason, detail, subject, part, row_number() OVER (PARTITION BY reason ORDER BY part) AS nth
            FROM job_parts WHERE job_id = jobs.id AND outcome = 'failed'
        ) AS failed_parts
        GROUP BY reason
    ) AS reasons
)"""

_ITEM = f"""json_build_object(
    'id', id, 'status', status, 'source', source, 'symbol', symbol, 'interval', interval,
    'requested_by', requested_by,
    'start', {_moment("starts_at")}, 'end', {_moment("ends_at")},
    'counts', json_build_object(
        'asked', parts, 'received', received, 'stored', stored, 'empty', empty, 'failed', failed,
        'pending', parts - known, 'rows', rows, 'quarantined', quarantined),
    'failures', {_FAILURES},
    'created_at', {_moment("created_at")}, 'started_at', {_moment("first")},
    'updated_at', {_moment("coalesce(last, created_at)")},
    'finished_at', CASE WHEN status LIKE 'completed%' THEN {_moment("coalesce(last, created_at)")} END,
    'parts_per_second', round(rate, 3),
    'seconds_left', CASE WHEN status LIKE 'completed%' THEN 0 ELSE ceil((parts - known) / nullif(rate, 0)) END)"""

ONE = f"SELECT CAST({_ITEM} AS text) {_COUNTED} WHERE id = :id AND kind = :kind"

PAGE = f"""
SELECT CAST({_ITEM} AS text), created_at, id {_COUNTED}
WHERE kind = :kind AND status = coalesce(CAST(:status AS text), status)
  AND (CAST(:after_time AS timestamptz) IS NULL
       OR (created_at, id) < (CAST(:after_time AS timestamptz), CAST(:after_id AS text)))
ORDER BY created_at DESC, id DESC LIMIT :limit
"""
