"""Two roles beside the owner, who alone changes the schema: the writer changes rows, the reader reads them.

Roles belong to the server and not to a database, so they may be there already, or be made by another database's
migration at this moment. They have no password: on RDS they sign in by IAM token (docs/adr/0018-database-roles.md).
"""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# A proxy opens connections with these; set by a client, they would pin the session. Nobody waits for a page longer.
ROLES = {
    "marketflow_writer": {"statement_timeout": "30s", "idle_in_transaction_session_timeout": "60s"},
    "marketflow_reader": {
        "statement_timeout": "6s",
        "idle_in_transaction_session_timeout": "60s",
        "default_transaction_read_only": "on",
    },
}

_MAKE_ROLE = """
DO $$
BEGIN
    BEGIN
        CREATE ROLE {role} LOGIN;
        {settings}
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
        NULL;
    END;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'rds_iam') AND NOT pg_has_role('{role}', 'rds_iam', 'MEMBER') THEN
        GRANT rds_iam TO {role};
    END IF;
END $$
"""

NOTHING_FOR_EVERYBODY = (
    "REVOKE ALL ON SCHEMA public FROM PUBLIC",
    "DO $$ BEGIN EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database()); END $$",
    "REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC",
    # Not IN SCHEMA: what PostgreSQL itself gives to everybody is only taken back everywhere.
    "ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
)

ROWS = (
    "GRANT USAGE ON SCHEMA public TO marketflow_writer, marketflow_reader",
    "GRANT SELECT ON ALL TABLES IN SCHEMA public TO marketflow_writer, marketflow_reader",
    "GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO marketflow_writer",
    "REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM marketflow_writer",
    # Months to come, and the tables of later migrations. Functions are granted one by one.
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO marketflow_writer, marketflow_reader",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT INSERT, UPDATE, DELETE ON TABLES TO marketflow_writer",
)

# What makes and drops the tables of months, or puts triggers on them: the writer may, by these alone.
AS_OWNER = ("make_months", "watch_month", "retire_month")
OF_WRITER = (*AS_OWNER, "judge_candles", "judge_prices", "roll", "roll_anew", "roll_up")
OF_BOTH = ("first_open", "first_price", "kept_since")


def upgrade() -> None:
    for role, limits in ROLES.items():
        settings = " ".join(f"ALTER ROLE {role} SET {name} = '{value}';" for name, value in limits.items())
        op.execute(_MAKE_ROLE.format(role=role, settings=settings))
    for statement in (*NOTHING_FOR_EVERYBODY, *ROWS):
        op.execute(statement)
    for function in AS_OWNER:
        # The caller's path could name other tables, temporary ones first of all.
        op.execute(f"ALTER FUNCTION {function} SECURITY DEFINER SET search_path = public, pg_temp")
    op.execute(f"GRANT EXECUTE ON FUNCTION {', '.join(OF_WRITER)} TO marketflow_writer")
    op.execute(f"GRANT EXECUTE ON FUNCTION {', '.join(OF_BOTH)} TO marketflow_writer, marketflow_reader")
