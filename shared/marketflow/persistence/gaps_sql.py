# ruff: noqa: S608 - statements are put together from this module's constants; every value is a parameter
"""The statements of the ledger of gaps. Each may be sent twice; what belongs together runs in one transaction.

A look at a series takes seconds, and two may overlap. So each change leaves a new token in `audits`, and is made only
by who read the one before: the first statement of a change locks that row, the others see whether it took the token.
"""

from __future__ import annotations

from marketflow.persistence.coverage_sql import running

_SERIES = """
SELECT s.symbol, s.source, s.source_symbol, CAST(i.interval AS text),
       least(CASE WHEN i.rates
           THEN date_trunc('day', first_price(s.id, NULL), 'UTC')
           ELSE first_open(s.id, i.interval)
       END, s.created_at),
       a.recent_at, a.deep_at, a.deep_from
FROM json_to_recordset(CAST(:intervals AS json)) AS i (source text, interval candle_interval, rates boolean)
JOIN symbols AS s ON s.source = i.source AND s.active
LEFT JOIN audits AS a ON a.symbol_id = s.id AND a.interval = i.interval
"""

SERIES_RECENT = f"{_SERIES} ORDER BY a.recent_at NULLS FIRST, s.symbol, i.interval"

SERIES_DEEP = f"{_SERIES} ORDER BY a.deep_at NULLS FIRST, s.symbol, i.interval"

_THIS = """(SELECT id FROM symbols WHERE symbol = :symbol) AND interval = CAST(:interval AS candle_interval)"""

TOKEN = f"SELECT token FROM audits WHERE symbol_id = {_THIS}"

ENTRIES = f"""
SELECT id, starts_at, ends_at, missing, reason, state, tries, job, first_seen_at, last_seen_at, last_tried_at
FROM gaps
WHERE symbol_id = {_THIS} AND closed_at IS NULL AND starts_at >= CAST(:floor AS timestamptz)
  AND starts_at < CAST(:end AS timestamptz) AND ends_at >= CAST(:start AS timestamptz)
ORDER BY starts_at
"""

TAKE = """
INSERT INTO audits AS known (symbol_id, interval, token)
SELECT id, CAST(:interval AS candle_interval), CAST(:token AS text) FROM symbols WHERE symbol = :symbol
ON CONFLICT (symbol_id, interval) DO UPDATE SET token = excluded.token
WHERE known.token IS NOT DISTINCT FROM CAST(:seen AS text) OR known.token = excluded.token
"""

_TAKEN = f"EXISTS (SELECT FROM audits WHERE symbol_id = {_THIS} AND token = :token)"

REMOVE = f"DELETE FROM gaps WHERE id = ANY(string_to_array(:ids, ',')) AND {_TAKEN}"

WRITE = f"""
INSERT INTO gaps (id, symbol_id, interval, starts_at, ends_at, missing, reason, state, tries, job, first_seen_at,
                  last_seen_at, last_tried_at)
SELECT e.id, s.id, CAST(:interval AS candle_interval), e.start, e."end", e.missing, e.reason, e.state, e.tries, e.job,
       e.first_seen_at, e.last_seen_at, e.last_tried_at
FROM json_to_recordset(CAST(:entries AS json)) AS e (
    id text, start timestamptz, "end" timestamptz, missing integer, reason text, state text, tries integer, job text,
    first_seen_at timestamptz, last_seen_at timestamptz, last_tried_at timestamptz
)
JOIN symbols AS s ON s.symbol = :symbol
WHERE {_TAKEN}
ON CONFLICT DO NOTHING
"""

CLOSE = f"""
UPDATE gaps SET closed_at = CAST(:now AS timestamptz), state = 'repaired'
WHERE id = ANY(string_to_array(:ids, ',')) AND closed_at IS NULL AND {_TAKEN}
"""

WAS_TAKEN = f"SELECT {_TAKEN}"

_NOTED = """
INSERT INTO audits AS known (symbol_id, interval, {columns})
SELECT s.id, n.interval, {values}
FROM json_to_recordset(CAST(:noted AS json)) AS n (symbol text, interval candle_interval, deep_from timestamptz)
JOIN symbols AS s ON s.symbol = n.symbol
ORDER BY s.id, n.interval
ON CONFLICT (symbol_id, interval) DO UPDATE SET {changes}
"""

NOTE_RECENT = _NOTED.format(
    columns="recent_at", values="CAST(:now AS timestamptz)", changes="recent_at = excluded.recent_at"
)

NOTE_DEEP = _NOTED.format(
    columns="deep_from, deep_at",
    values="n.deep_from, CASE WHEN n.deep_from IS NULL THEN CAST(:now AS timestamptz) END",
    changes="deep_from = excluded.deep_from, deep_at = coalesce(excluded.deep_at, known.deep_at)",
)

_OF_ACTIVE = "s.symbol, s.source, s.source_symbol, CAST(g.interval AS text)"

UNSETTLED = f"""
SELECT {_OF_ACTIVE}, g.starts_at, g.ends_at
FROM gaps AS g JOIN symbols AS s ON s.id = g.symbol_id AND s.active
WHERE g.closed_at IS NULL AND CASE g.state
    WHEN 'pending' THEN NOT {running("g.job")}
    ELSE g.state IN ('queued', 'given_up') AND g.last_seen_at <= CAST(:before AS timestamptz) END
ORDER BY g.last_seen_at, s.symbol, g.interval, g.starts_at LIMIT 500
"""

# A run says that the source was silent until the next one is due; the next one's report takes a while.
CANDIDATES = f"""
SELECT {_OF_ACTIVE}, g.id, g.starts_at, g.ends_at, g.tries, g.last_tried_at
FROM gaps AS g JOIN symbols AS s ON s.id = g.symbol_id AND s.active
LEFT JOIN source_status AS o ON o.source = s.source
WHERE g.closed_at IS NULL AND g.state = 'queued'
  AND NOT coalesce(upper(o.outages) > CAST(:now AS timestamptz) - interval '3 minutes', false)
ORDER BY g.ends_at DESC LIMIT 5000
"""

RUNNING = f"""
SELECT source, count(*) FROM jobs AS j
WHERE requested_by <> 'operator' AND created_at > now() - interval '30 days' AND {running("j.id")} GROUP BY source
"""

BEGIN_TOKEN = f"UPDATE audits SET token = :id WHERE symbol_id = {_THIS}"

BEGIN_GAPS = """
UPDATE gaps SET job = :id, tries = tries + 1, state = 'pending', last_tried_at = CAST(:now AS timestamptz)
WHERE id = ANY(string_to_array(:ids, ',')) AND closed_at IS NULL AND state = 'queued' AND job IS DISTINCT FROM :id
"""

BEGUN = "SELECT EXISTS (SELECT FROM jobs WHERE id = :id)"

WITHDRAW = """
UPDATE gaps SET job = NULL, tries = tries - 1, state = 'queued' WHERE job = :id AND closed_at IS NULL AND tries > 0
"""

SPLITS = """
SELECT s.symbol, s.source, s.source_symbol, CAST(i.interval AS text), a.effective,
       CASE WHEN EXISTS (
           SELECT FROM candles AS c
           WHERE c.symbol_id = s.id AND c.interval = i.interval AND c.open_time < a.effective
             AND c.observed_at < a.effective
       ) THEN first_open(s.id, i.interval) END
FROM json_to_recordset(CAST(:intervals AS json)) AS i (source text, interval candle_interval)
JOIN symbols AS s ON s.source = i.source AND s.active
JOIN actions AS a ON a.symbol_id = s.id AND a.kind = 'split' AND a.effective <= CAST(:now AS timestamptz)
WHERE NOT EXISTS (
    SELECT FROM split_refetches AS r
    WHERE r.symbol_id = s.id AND r.interval = i.interval AND r.effective = a.effective
)
ORDER BY s.symbol, i.interval, a.effective LIMIT 100
"""

DECIDED = """
INSERT INTO split_refetches (symbol_id, interval, effective, job)
SELECT id, CAST(:interval AS candle_interval), CAST(:effective AS timestamptz), CAST(:job AS text)
FROM symbols WHERE symbol = :symbol
ON CONFLICT DO NOTHING
"""

STANDINGS = """
SELECT source, count(*) FILTER (WHERE due),
       coalesce(max(CAST(floor(extract(epoch FROM CAST(:now AS timestamptz) - starts_at) / length) AS bigint))
                FILTER (WHERE due), 0),
       coalesce(sum(missing) FILTER (WHERE reason = 'no_trades'), 0),
       coalesce(sum(missing) FILTER (WHERE reason = 'source_outage'), 0),
       coalesce(sum(missing) FILTER (WHERE reason = 'quarantined'), 0),
       coalesce(sum(missing) FILTER (WHERE reason = 'not_fetched'), 0),
       count(*) FILTER (WHERE state = 'queued'), count(*) FILTER (WHERE state = 'pending'),
       count(*) FILTER (WHERE state = 'given_up')
FROM (
    SELECT s.source, g.*, CASE g.interval WHEN '1m' THEN 60 ELSE 86400 END AS length,
           g.reason = 'not_fetched' AND g.state IN ('automatic', 'on_request', 'queued', 'pending') AS due
    FROM gaps AS g JOIN symbols AS s ON s.id = g.symbol_id
    WHERE g.closed_at IS NULL
) AS open_gaps
GROUP BY source
"""

# A source whose markets were closed when it last answered owes nothing: that answer counts. If they were open, it owes
# data from their opening on, and goes on to owe it when it falls silent. A deployment owes from its first symbol on.
SECONDS_BEHIND = """
SELECT k.source,
       CASE WHEN since IS NULL THEN 0
            ELSE greatest(0, CAST(floor(extract(epoch FROM CAST(:now AS timestamptz) - coalesce(
                CASE WHEN NOT k.sessions THEN s.newest_data_at
                     WHEN opened_at IS NULL THEN greatest(s.newest_data_at, s.last_success_at)
                     ELSE greatest(s.newest_data_at, opened_at) END, since))) AS bigint))
       END
FROM json_to_recordset(CAST(:sources AS json)) AS k (source text, sessions boolean)
LEFT JOIN source_status AS s ON s.source = k.source
CROSS JOIN LATERAL (SELECT min(created_at) AS since FROM symbols WHERE source = k.source AND active) AS listed
LEFT JOIN LATERAL (
    SELECT min(opens_at) AS opened_at FROM sessions
    WHERE opens_at <= s.last_success_at AND closes_at > s.last_success_at
      AND exchange IN (SELECT coalesce(exchange, symbol) FROM symbols WHERE source = k.source AND active)
) AS open_markets ON true
"""

# Of a symbol that is no longer fetched nothing is expected any more.
CLOSE_INACTIVE = """
UPDATE gaps SET closed_at = CAST(:now AS timestamptz), state = 'not_needed'
WHERE closed_at IS NULL AND symbol_id IN (SELECT id FROM symbols WHERE NOT active)
"""

PRUNE_GAPS = """
DELETE FROM gaps
WHERE closed_at < CAST(:before AS timestamptz)
   OR (closed_at IS NULL AND state = 'not_needed' AND ends_at <= CAST(:before AS timestamptz))
"""

_OLD_JOBS = """(
    SELECT id FROM jobs AS j
    WHERE created_at < CAST(:before AS timestamptz)
      AND NOT EXISTS (SELECT FROM job_parts AS p WHERE p.job_id = j.id AND p.known_at >= CAST(:before AS timestamptz))
    ORDER BY created_at, id LIMIT 100
)"""

# In steps: a replay of a month has more than a million parts.
PRUNE_PARTS = f"""
DELETE FROM job_parts WHERE (job_id, part) IN (
    SELECT job_id, part FROM job_parts WHERE job_id IN {_OLD_JOBS} LIMIT :most
)
"""

PRUNE_JOBS = f"""
DELETE FROM jobs WHERE id IN {_OLD_JOBS} AND NOT EXISTS (SELECT FROM job_parts AS p WHERE p.job_id = jobs.id)
"""
