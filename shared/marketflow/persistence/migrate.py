"""Brings a database to the schema that this code wants; runs inside the deployment, before anything takes traffic."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pg8000.dbapi  # type: ignore[import-untyped]  # pg8000 ships no types
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError

from marketflow.errors import MigrationError, RetryLaterError
from marketflow.persistence import read_functions
from marketflow.persistence.connector import Connector
from marketflow.persistence.rds_token import Credentials
from marketflow.persistence.revision import current

__all__ = ["current", "head", "upgrade"]

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK = 0x6D61726B6574  # "market": one upgrade at a time in a database
LOCK_TIMEOUT_SECONDS = 60
READER = "marketflow_reader"
"""The one role that calls the functions of pages; revision 0015 makes it."""

_READ_FUNCTIONS = text(
    "SELECT proname, CAST(CAST(oid AS regprocedure) AS text) FROM pg_proc"
    " WHERE pronamespace = CAST('public' AS regnamespace) AND starts_with(proname, 'read_')"
)
STATEMENT_TIMEOUT_SECONDS = 600.0


def upgrade(
    url: str,
    *,
    credentials: Callable[[], Credentials] | None = None,
    connect_deadline_seconds: float = 60.0,
) -> list[str]:
    """Apply every revision that the database lacks, all in one transaction; their names, oldest first.

    Two upgrades at once wait for each other. A failed one leaves the database as it was.
    Raises MigrationError that names the revision and the reason, DatabaseUnavailableError when no connection is to be
    had, RetryLaterError when somebody else upgrades for longer than a minute, ConfigurationError for a DATABASE_URL
    that cannot work.
    """
    connector = Connector(
        url=url,
        credentials=credentials,
        application_name="marketflow-migrate",
        deadline_seconds=connect_deadline_seconds,
        statement_timeout_seconds=STATEMENT_TIMEOUT_SECONDS,
    )
    engine = create_engine(
        "postgresql+pg8000://", creator=lambda: connector.open(pg8000.dbapi.Connection), poolclass=NullPool
    )
    config = _config()
    applied: list[str] = []
    config.attributes["applied"] = applied
    with engine.begin() as connection:
        # For this transaction alone: a proxy does not pass on what a connection begins with.
        connection.execute(text(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT_SECONDS:.0f}s'"))
        # A lock that ends with the transaction; and no reader of ours may make the deployment wait for ever.
        connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_SECONDS}s'"))
        try:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        except DBAPIError as error:
            raise RetryLaterError("Another migration of this database is running.") from error
        config.attributes["connection"] = connection
        before = MigrationContext.configure(connection).get_current_revision()
        try:
            command.upgrade(config, "head")
        except DBAPIError as error:
            failed = _next(applied[-1] if applied else before)
            raise MigrationError(f"Revision {failed} failed, and the database is as it was: {_said(error)}") from error
        _keep_read_functions(connection)
    return applied


def _next(revision: str | None) -> str:
    """The file of the revision that comes after `revision` (None: the first), such as `0014_retirements`."""
    (after,) = (one for one in ScriptDirectory.from_config(_config()).walk_revisions() if one.down_revision == revision)
    return Path(after.path).stem


def _said(error: DBAPIError) -> str:
    """PostgreSQL's message and its code, without the statement: CloudFormation shows the first thousand characters."""
    fields = error.orig.args[0] if error.orig is not None and error.orig.args else None
    return f"{fields['M']} ({fields['C']})" if isinstance(fields, dict) else str(error.orig)


def _keep_read_functions(connection: Connection) -> None:
    """Make the functions that this code's readers call, for nobody else, and drop those of other releases."""
    wanted = read_functions.definitions()
    found: dict[str, str] = {name: signature for name, signature in connection.execute(_READ_FUNCTIONS)}  # noqa: C416 - rows are no pairs to a type checker
    for name in found.keys() - wanted.keys():
        connection.execute(text(f"DROP FUNCTION {found[name]}"))
    for name in wanted.keys() - found.keys():
        connection.execute(text(wanted[name]))
    # All of them: those that were there may be older than the role.
    connection.execute(text(f"GRANT EXECUTE ON FUNCTION {', '.join(wanted)} TO {READER}"))


def head() -> str:
    """The newest revision among the migration scripts."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def _config() -> Config:
    config = Config()
    # No alembic.ini on disk: in a Lambda layer there is only the package. A percent sign would start an interpolation.
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
