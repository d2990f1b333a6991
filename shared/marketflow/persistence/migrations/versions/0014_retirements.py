"""Let old months leave: who exports one, whether it was written to meanwhile, and the one step in which it is dropped.

A month's minutes are too many to be compared with their export while everybody waits. Instead, a trigger on the month's
own partitions notices every write since the export began; the last step only has to look whether there was one.
"""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

RETIREMENTS = """
CREATE TABLE retirements (
    month date NOT NULL,
    run text,
    run_until timestamptz,
    token text,
    changed boolean NOT NULL DEFAULT false,
    tidied_at timestamptz,
    CONSTRAINT retirements_pkey PRIMARY KEY (month)
)
"""

RECEIVED = "CREATE INDEX raw_objects_received_at_idx ON raw_objects USING brin (received_at)"

NOTE_CHANGE = """
CREATE FUNCTION note_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    -- Only the first one writes: the others need not wait for each other.
    UPDATE retirements SET changed = true WHERE month = CAST(TG_ARGV[0] AS date) AND NOT changed;
    RETURN NULL;
END $$
"""

WATCH_MONTH = """
CREATE FUNCTION watch_month(watched date) RETURNS void
LANGUAGE plpgsql SET lock_timeout = '500ms' AS $$
DECLARE
    child text;
BEGIN
    FOREACH child IN ARRAY ARRAY['candles_1m', 'prices'] LOOP
        child := child || to_char(watched, '_YYYY_MM');
        CONTINUE WHEN to_regclass(child) IS NULL OR EXISTS (
            SELECT FROM pg_trigger AS t WHERE t.tgrelid = to_regclass(child) AND t.tgname = 'note_change'
        );
        EXECUTE format(
            'CREATE TRIGGER note_change AFTER INSERT OR UPDATE OR DELETE ON %I '
            'FOR EACH ROW EXECUTE FUNCTION note_change(%L)', child, watched);
        -- Nobody knows what was written while it was not watched.
        UPDATE retirements SET changed = true WHERE month = watched;
    END LOOP;
END $$
"""

RETIRE_MONTH = """
CREATE FUNCTION retire_month(due date, claimed_by text, began text) RETURNS boolean
LANGUAGE plpgsql SET lock_timeout = '500ms' AS $$
DECLARE
    parent text; child text; children text[] := '{}';
BEGIN
    IF EXISTS (SELECT FROM months AS m WHERE m.month = due AND m.retired_at IS NOT NULL) THEN
        RETURN true;
    END IF;
    -- Whoever holds any of these has all the time; half a second of waiting for them, and no longer, holds up others.
    FOREACH parent IN ARRAY ARRAY['candles_1m', 'rollups_minutes', 'prices'] LOOP
        EXECUTE format('LOCK TABLE ONLY %I IN ACCESS EXCLUSIVE MODE', parent);
        child := replace(parent, '_minutes', '') || to_char(due, '_YYYY_MM');
        CONTINUE WHEN to_regclass(child) IS NULL;
        EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', child);
        children := children || child;
    END LOOP;
    -- Nobody writes any more: what was written before is noted.
    PERFORM FROM retirements AS r
    WHERE r.month = due AND r.run = claimed_by AND r.token = began AND NOT r.changed FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    FOREACH child IN ARRAY children LOOP
        EXECUTE format('DROP TABLE %I', child);
    END LOOP;
    UPDATE months AS m SET retired_at = now() WHERE m.month = due;
    RETURN true;
END $$
"""

COMMENTS = {
    "TABLE retirements": "How far old months are on their way out of the database.",
    "COLUMN retirements.run": "Who has the month.",
    "COLUMN retirements.run_until": "Until when, whatever becomes of that run.",
    "COLUMN retirements.token": "Names the beginning of the export; the manifest in the bucket has the same.",
    "COLUMN retirements.changed": "Whether the month was written to since.",
    "COLUMN retirements.tidied_at": "When all was deleted that named only its rows.",
    "FUNCTION note_change": "Notes that the month of a partition was written to.",
    "FUNCTION watch_month": "Begins to note what is written to a month.",
    "FUNCTION retire_month": "Drops a month and marks it as retired, unless it was written to since it was exported.",
}


def upgrade() -> None:
    for statement in (RETIREMENTS, RECEIVED, NOTE_CHANGE, WATCH_MONTH, RETIRE_MONTH):
        op.execute(statement)
    for thing, comment in COMMENTS.items():
        op.execute(f"COMMENT ON {thing} IS '{comment}'")
