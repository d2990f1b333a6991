"""Create the tables of jobs, backfills and replays, and of what became of their parts."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE jobs (
        id text COLLATE "C" NOT NULL,
        kind text NOT NULL,
        source text NOT NULL,
        symbol text,
        interval candle_interval,
        starts_at timestamptz NOT NULL,
        ends_at timestamptz NOT NULL,
        parts bigint,
        created_at timestamptz DEFAULT now() NOT NULL,
        CONSTRAINT jobs_pkey PRIMARY KEY (id),
        CONSTRAINT jobs_kind_check CHECK (kind IN ('backfill', 'replay'))
    )
    """,
    "CREATE INDEX jobs_kind_created_at_id_idx ON jobs (kind, created_at, id)",
    """
    CREATE TABLE job_parts (
        job_id text COLLATE "C" NOT NULL,
        part bigint NOT NULL,
        outcome text NOT NULL,
        received boolean NOT NULL,
        rows integer NOT NULL,
        quarantined integer NOT NULL,
        reason text,
        detail text,
        subject text NOT NULL,
        known_at timestamptz DEFAULT now() NOT NULL,
        CONSTRAINT job_parts_pkey PRIMARY KEY (job_id, part),
        CONSTRAINT job_parts_job_id_fkey FOREIGN KEY (job_id) REFERENCES jobs (id) ON DELETE CASCADE,
        CONSTRAINT job_parts_outcome_check CHECK (outcome IN ('stored', 'empty', 'failed'))
    )
    """,
    "COMMENT ON TABLE jobs IS 'Backfills and replays.'",
    "COMMENT ON COLUMN jobs.kind IS 'Whether the data comes from a source or from the archive.'",
    "COMMENT ON COLUMN jobs.symbol IS 'Our spelling; null for a replay of all.'",
    "COMMENT ON COLUMN jobs.starts_at IS 'Of a backfill: open time; of a replay: when it was received.'",
    "COMMENT ON COLUMN jobs.ends_at IS 'Exclusive.'",
    "COMMENT ON COLUMN jobs.parts IS 'How many there are; null while the archive is being listed.'",
    "COMMENT ON TABLE job_parts IS 'What became of each part of a job; one that is not here is not known yet.'",
    "COMMENT ON COLUMN job_parts.received IS 'Whether there was an answer at all.'",
    "COMMENT ON COLUMN job_parts.rows IS 'Rows of the answer that are data.'",
    "COMMENT ON COLUMN job_parts.quarantined IS 'Rows of the answer that are none.'",
    "COMMENT ON COLUMN job_parts.reason IS 'Of a failure: a short stable code.'",
    "COMMENT ON COLUMN job_parts.subject IS 'The window that was asked for, or the key in the archive.'",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
