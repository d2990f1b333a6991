"""Create the ledger of gaps, what the auditor remembers of each series, and who asked for a job."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE gaps (
        id text COLLATE "C" NOT NULL,
        symbol_id integer NOT NULL,
        interval candle_interval NOT NULL,
        starts_at timestamptz NOT NULL,
        ends_at timestamptz NOT NULL,
        missing integer NOT NULL,
        reason text NOT NULL,
        state text NOT NULL,
        tries integer NOT NULL,
        job text COLLATE "C",
        first_seen_at timestamptz NOT NULL,
        last_seen_at timestamptz NOT NULL,
        last_tried_at timestamptz,
        closed_at timestamptz,
        CONSTRAINT gaps_pkey PRIMARY KEY (id),
        CONSTRAINT gaps_symbol_id_fkey FOREIGN KEY (symbol_id) REFERENCES symbols (id),
        CONSTRAINT gaps_order_check CHECK (starts_at < ends_at),
        CONSTRAINT gaps_counts_check CHECK (missing > 0 AND tries >= 0)
    )
    """,
    """
    CREATE UNIQUE INDEX gaps_symbol_id_interval_starts_at_idx ON gaps (symbol_id, interval, starts_at)
    WHERE closed_at IS NULL
    """,
    """
    CREATE TABLE audits (
        symbol_id integer NOT NULL,
        interval candle_interval NOT NULL,
        token text,
        recent_at timestamptz,
        deep_at timestamptz,
        deep_from timestamptz,
        CONSTRAINT audits_pkey PRIMARY KEY (symbol_id, interval),
        CONSTRAINT audits_symbol_id_fkey FOREIGN KEY (symbol_id) REFERENCES symbols (id)
    )
    """,
    """
    CREATE TABLE split_refetches (
        symbol_id integer NOT NULL,
        interval candle_interval NOT NULL,
        effective timestamptz NOT NULL,
        job text COLLATE "C",
        decided_at timestamptz DEFAULT now() NOT NULL,
        CONSTRAINT split_refetches_pkey PRIMARY KEY (symbol_id, interval, effective),
        CONSTRAINT split_refetches_symbol_id_fkey FOREIGN KEY (symbol_id) REFERENCES symbols (id)
    )
    """,
    "ALTER TABLE jobs ADD COLUMN requested_by text DEFAULT 'operator' NOT NULL",
    "ALTER TABLE jobs ADD CONSTRAINT jobs_requested_by_check CHECK (requested_by IN ('operator', 'auditor', 'split'))",
)

COMMENTS = {
    "TABLE gaps": "What must exist and is not stored, why, and what becomes of it.",
    "COLUMN gaps.id": "Stays with the gap while it grows, shrinks or loses parts.",
    "COLUMN gaps.starts_at": "Open time of the first missing candle.",
    "COLUMN gaps.ends_at": "Close of the last one.",
    "COLUMN gaps.tries": "How many repairs were begun for it, or for what it was a part of.",
    "COLUMN gaps.job": "The newest repair: jobs.id, also when that job is forgotten.",
    "COLUMN gaps.last_seen_at": "When an audit last wrote it; an open gap is written again at least each hour.",
    "COLUMN gaps.closed_at": "When an audit found nothing of it missing any more.",
    "TABLE audits": "When the auditor last looked at a symbol and interval.",
    "COLUMN audits.token": "The newest change of its gaps; who read an older one may not write.",
    "COLUMN audits.deep_at": "When the whole past was last looked at.",
    "COLUMN audits.deep_from": "Where that goes on; null when it was finished.",
    "TABLE split_refetches": "For which splits it was decided whether the history before them is fetched again.",
    "COLUMN split_refetches.job": "The backfill; null where nothing had been observed before the split.",
    "COLUMN jobs.requested_by": "A person, the auditor for a gap, or a split.",
}


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
    for thing, comment in COMMENTS.items():
        op.execute(f"COMMENT ON {thing} IS '{comment}'")
