# ruff: noqa: S608 - the names are those of the catalogue
"""The roles of functions: each can do its work, which the other tests show, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from multiprocessing import get_context
from pathlib import Path

import pg8000.native
import pytest
from pg8000.exceptions import DatabaseError
from sqlalchemy import text

from cdk.access import DatabaseRole
from local import postgres as local_postgres
from local.postgres import LocalPostgres
from marketflow.bootstrap.api import STATEMENT_SECONDS
from marketflow.domain.records import ParsedPayload
from marketflow.persistence import migrate
from marketflow.persistence.connection import Database
from marketflow.persistence.connector import Connector, sqlstate
from marketflow.persistence.loader import Loader
from marketflow.persistence.months import MonthBook
from marketflow.persistence.read_functions import definitions
from tests.integration.persistence.rows import START, answer, candle
from tests.integration.roles import READER, WRITER, as_role

pytestmark = pytest.mark.integration

DENIED = "42501"
ROLES = (WRITER, READER)

AS_OWNER = {"make_months", "watch_month", "retire_month"}

EXECUTE = {
    # A trigger's: who writes needs no right to it.
    frozenset(): {"note_change"},
    frozenset({READER}): set(definitions()),
    frozenset({WRITER}): AS_OWNER | {"judge_candles", "judge_prices", "roll", "roll_anew", "roll_up"},
    frozenset(ROLES): {"first_open", "first_price", "kept_since"},
}
"""Who calls which functions. One of a later migration has to be granted there, and named here."""

NOBODY_MAY = {
    "make a table": "CREATE TABLE t ()",
    "make a temporary table": "CREATE TEMP TABLE t ()",
    "make a function": "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "replace a function": (
        "CREATE OR REPLACE FUNCTION kept_since() RETURNS timestamptz LANGUAGE sql AS $$ SELECT now() $$"
    ),
    "make a schema": "CREATE SCHEMA s",
    "make a type": "CREATE TYPE t AS ENUM ()",
    "make a role": "CREATE ROLE r",
    "become more than it is": "ALTER ROLE {role} SUPERUSER",
    "become the owner": "SET ROLE {owner}",
    "sign in as the owner": "SET SESSION AUTHORIZATION {owner}",
    "join the owner": "GRANT {owner} TO {role}",
    "change a table": "ALTER TABLE candles ADD COLUMN c int",
    "take a table": "ALTER TABLE candles OWNER TO {role}",
    "put a trigger on a table": "CREATE TRIGGER t BEFORE INSERT ON symbols EXECUTE FUNCTION note_change('2026-01-01')",
    "drop a table": "DROP TABLE candles",
    "drop a month": "DROP TABLE candles_1m_2026_03",
    "detach a month": "ALTER TABLE candles_1m DETACH PARTITION candles_1m_2026_03",
    "empty a table": "TRUNCATE candles",
    "say which revision it is": "UPDATE alembic_version SET version_num = '0001'",
    "forget the revision": "DELETE FROM alembic_version",
    "move a sequence": "SELECT setval('symbols_id_seq', 1)",
    "read passwords": "SELECT FROM pg_authid",
    "read a file": "SELECT pg_read_file('PG_VERSION')",
    "load a file": "COPY symbols FROM '/etc/passwd'",
    "write a file": "COPY symbols TO '/tmp/symbols'",
    "run a program": "COPY symbols TO PROGRAM 'true'",
    "end another's session": "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{owner}'",
}
"""Neither the reader nor the writer."""


@pytest.fixture(scope="module")
def url(new_database: Callable[..., str]) -> str:
    """A database that was migrated itself: what is granted on a database is not copied from a template."""
    made = new_database()
    migrate.upgrade(made)
    with closing(Database(made)) as database:
        database.query("SELECT make_months('2026-03-01T00:00:00Z', '2026-03-01T00:00:00Z')")
    return made


@contextmanager
def session(url: str, role: str) -> Iterator[pg8000.native.Connection]:
    """A connection that sends no settings, as one through the proxy."""
    place = Connector(url=as_role(url, role))._arguments()
    place["startup_params"] = {}
    with closing(pg8000.native.Connection(**place)) as connection:
        yield connection


def code(connection: pg8000.native.Connection, sql: str) -> str:
    """What becomes of a statement whose sender insists on writing: an error's code or nothing. Nothing stays of it."""
    connection.run("BEGIN READ WRITE")
    try:
        connection.run(sql)
    except DatabaseError as error:
        return sqlstate(error)
    else:
        return ""
    finally:
        connection.run("ROLLBACK")


def owner_of(connection: pg8000.native.Connection) -> str:
    """Who owns the tables."""
    ((name,),) = connection.run("SELECT tableowner FROM pg_tables WHERE tablename = 'symbols'")
    return str(name)


def tables(connection: pg8000.native.Connection) -> dict[str, str]:
    """Every table and partition, and one of its columns."""
    found = connection.run(
        "SELECT relname, (SELECT attname FROM pg_attribute WHERE attrelid = c.oid AND attnum = 1) FROM pg_class AS c"
        " WHERE relnamespace = CAST('public' AS regnamespace) AND relkind IN ('r', 'p')"
    )
    assert len(found) > 20
    return dict(found)


def test_the_reader_reads_every_table_and_writes_none(url: str) -> None:
    """Generated from the catalogue, with a transaction that it made one for writing."""
    with session(url, READER) as reader:
        for table, column in tables(reader).items():
            assert code(reader, f"SELECT FROM {table} LIMIT 1") == "", table
            for write in (
                f"INSERT INTO {table} DEFAULT VALUES",
                f"UPDATE {table} SET {column} = {column}",
                f"DELETE FROM {table}",
                f"TRUNCATE {table}",
                f"LOCK TABLE {table} IN ROW EXCLUSIVE MODE",
                f"SELECT FROM {table} FOR UPDATE",
            ):
                assert code(reader, write) == DENIED, write


def test_the_writer_changes_the_rows_of_every_table_but_the_revision(url: str) -> None:
    """And no more than rows."""
    with session(url, WRITER) as writer:
        for table, column in tables(writer).items():
            may = DENIED if table == "alembic_version" else ""
            assert code(writer, f"UPDATE {table} SET {column} = {column} WHERE false") == may, table
            assert code(writer, f"DELETE FROM {table} WHERE false") == may, table
            assert code(writer, f"INSERT INTO {table} SELECT * FROM {table} WHERE false") == may, table
            assert code(writer, f"TRUNCATE {table}") == DENIED, table


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("what", NOBODY_MAY)
def test_no_function_may(url: str, role: str, what: str) -> None:
    """Whatever gets hold of a function's connection stays within its role."""
    with session(url, role) as connection:
        sql = NOBODY_MAY[what].format(role=role, owner=owner_of(connection))
        assert code(connection, sql) == DENIED


def callers(url: str) -> dict[frozenset[str], set[str]]:
    """The functions that each set of roles may call, from the catalogue."""
    with closing(Database(url)) as owner:
        found = owner.query("SELECT proname, oid FROM pg_proc WHERE pronamespace = CAST('public' AS regnamespace)")
        may = "SELECT has_function_privilege(CAST(:role AS name), CAST(:oid AS oid), 'EXECUTE')"
        granted: dict[frozenset[str], set[str]] = {}
        for name, oid in found:
            roles = frozenset(role for role in ROLES if owner.query(may, role=role, oid=oid) == [[True]])
            granted.setdefault(roles, set()).add(name)
    return granted


def test_each_function_is_for_those_who_call_it(url: str) -> None:
    """What a later migration makes is nobody's until it says whose."""
    assert callers(url) == EXECUTE
    with session(url, READER) as reader:
        assert code(reader, "SELECT make_months(now(), now())") == DENIED


def test_a_database_of_before_the_roles_comes_to_the_same(
    new_database: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its tables, months and functions were made when there was nobody but the owner."""
    older = new_database()
    upgrade = migrate.command.upgrade
    with monkeypatch.context() as patched:
        patched.setattr(migrate.command, "upgrade", lambda config, _: upgrade(config, "0014"))
        migrate.upgrade(older)
    with closing(Database(older)) as owner:
        owner.query("SELECT make_months('2026-03-01T00:00:00Z', '2026-03-01T00:00:00Z')")
    migrate.upgrade(older)
    assert callers(older) == EXECUTE
    with session(older, WRITER) as writer, session(older, READER) as reader:
        assert code(writer, "UPDATE candles_1m_2026_03 SET held = false") == ""
        assert code(reader, "SELECT FROM candles_1m_2026_03") == ""
        assert code(reader, "UPDATE candles_1m_2026_03 SET held = false") == DENIED


def test_what_runs_with_the_owners_rights_looks_nowhere_else(url: str) -> None:
    """The functions that change the schema, each with a path of its own, behind which temporary tables are last."""
    with closing(Database(url)) as owner:
        found = owner.query(
            "SELECT proname, array_to_string(proconfig, ';') FROM pg_proc"
            " WHERE prosecdef AND pronamespace = CAST('public' AS regnamespace)"
        )
    assert {name for name, _ in found} == AS_OWNER
    assert all("search_path=public, pg_temp" in settings for _, settings in found)


def test_a_path_of_the_callers_does_not_lead_the_owner_astray(url: str) -> None:
    """Even a writer with a schema of its own cannot have the owner call what it put there."""
    with closing(Database(url)) as owner:
        owner.query(f"CREATE SCHEMA mine AUTHORIZATION {WRITER}")
    with session(url, WRITER) as writer:
        writer.run("CREATE TABLE mine.months (LIKE public.months INCLUDING ALL)")
        writer.run("SET search_path = mine, public")
        writer.run("SELECT make_months('2026-07-01T00:00:00Z', '2026-07-01T00:00:00Z')")
        assert writer.run("SELECT count(*) FROM mine.months") == [[0]]
        assert writer.run("SELECT count(*) FROM public.months WHERE month = '2026-07-01'") == [[1]]
        writer.run("DROP TABLE mine.months")
    with closing(Database(url)) as owner:
        owner.query("DROP SCHEMA mine")


def test_what_later_migrations_make_is_covered(url: str) -> None:
    """A table is read by the one and written by the other without a further word; a function is nobody's."""
    with closing(Database(url)) as owner:
        owner.query("CREATE TABLE later (id integer GENERATED ALWAYS AS IDENTITY, n integer)")
        owner.query("CREATE FUNCTION later() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    try:
        with session(url, WRITER) as writer, session(url, READER) as reader:
            writer.run("INSERT INTO later (n) VALUES (1)")
            assert reader.run("SELECT n FROM later") == [[1]]
            assert code(reader, "INSERT INTO later (n) VALUES (1)") == DENIED
            assert [code(one, "SELECT later()") for one in (writer, reader)] == [DENIED, DENIED]
    finally:
        with closing(Database(url)) as owner:
            owner.query("DROP FUNCTION later")
            owner.query("DROP TABLE later")


def test_a_role_brings_its_limits(url: str) -> None:
    """Behind the proxy nobody sends any: they are the role's own. The reader's transactions only read."""
    names = ("statement_timeout", "idle_in_transaction_session_timeout", "default_transaction_read_only")
    limits = {}
    for role in ROLES:
        with session(url, role) as connection:
            limits[role] = [connection.run(f"SHOW {name}")[0][0] for name in names]
            if role == READER:
                with pytest.raises(DatabaseError, match="read-only transaction"):
                    connection.run("CREATE TABLE t ()")
    assert limits == {WRITER: ["30s", "1min", "off"], READER: ["6s", "1min", "on"]}


def test_a_migration_sets_its_own_limit(new_database: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    """In its transaction: what a connection begins with does not get through the proxy."""
    found = []
    upgrade = migrate.command.upgrade

    def look(config: migrate.Config, target: str) -> None:
        ask = text("SELECT setting, source FROM pg_settings WHERE name = 'statement_timeout'")
        found.append(tuple(config.attributes["connection"].execute(ask).one()))
        upgrade(config, target)

    monkeypatch.setattr(migrate.command, "upgrade", look)
    migrate.upgrade(new_database())
    assert found == [("600000", "session")]


@pytest.fixture
def rds(tmp_path: Path) -> Iterator[LocalPostgres]:
    """A server as RDS makes it: the owner is no superuser, may make roles, and there is `rds_iam`."""
    server = local_postgres.start(tmp_path, disposable=True)
    try:
        with closing(Database(server.url)) as admin:
            admin.query("CREATE ROLE marketflow LOGIN CREATEDB CREATEROLE")
            admin.query("CREATE ROLE rds_iam NOLOGIN")
            admin.query("GRANT rds_iam TO marketflow WITH ADMIN OPTION, INHERIT FALSE, SET FALSE")
            for name in ("one", "two"):
                admin.query(f"CREATE DATABASE {name} OWNER marketflow TEMPLATE template0")
        yield server
    finally:
        server.stop()


def test_on_rds_the_roles_sign_in_by_token_and_the_owner_does_not(rds: LocalPostgres) -> None:
    """`rds_iam` would shut the owner's password out, with which the proxy signs in. Two databases come up at once."""
    urls = [as_role(rds.url_of(name), "marketflow") for name in ("one", "two")]
    # Alembic keeps what it works on in its module: one migration a process.
    with ProcessPoolExecutor(len(urls), mp_context=get_context("spawn")) as processes:
        assert all(processes.map(migrate.upgrade, urls))
    with closing(Database(urls[0])) as owner:
        members = "SELECT r.rolname FROM pg_auth_members AS m JOIN pg_roles AS r ON r.oid = m.member"
        by_token = owner.query(f"{members} WHERE m.roleid = CAST('rds_iam' AS regrole) AND m.set_option ORDER BY 1")
    assert by_token == [[READER], [WRITER]]
    for url in urls:
        with session(url, READER) as reader:
            assert code(reader, "SELECT FROM candles") == ""
            assert code(reader, "DELETE FROM candles") == DENIED


def test_an_owner_that_is_no_superuser_makes_and_drops_months_for_the_writer(rds: LocalPostgres) -> None:
    """The functions that change the schema need nothing but what RDS' master user has."""
    url = as_role(rds.url_of("one"), "marketflow")
    migrate.upgrade(url)
    month = START.date().replace(day=1)
    with closing(Database(as_role(url, WRITER))) as writer:
        Loader(writer).load(ParsedPayload((candle(),)), answer())
        book = MonthBook(writer)
        assert book.claim(month, "run", START)
        book.watch(month)
        book.begin(month, "run", "token")
        Loader(writer).load(ParsedPayload((candle(minute=1),)), answer(1))
        assert not book.retire(month, "run", "token")
        book.begin(month, "run", "token")
        assert book.retire(month, "run", "token")
        assert writer.query("SELECT count(*) FROM candles") == [[0]]


def test_elsewhere_they_belong_to_nobody(url: str) -> None:
    """Without `rds_iam` the roles are members of nothing."""
    with closing(Database(url)) as owner:
        assert owner.query("SELECT 1 FROM pg_roles WHERE rolname = 'rds_iam'") == []
        assert owner.query(f"SELECT FROM pg_auth_members WHERE member = CAST('{READER}' AS regrole)") == []


def test_the_stacks_name_the_same_roles(url: str) -> None:
    """Functions are told in the stacks whom to connect as, and that is whom the migration made."""
    assert {DatabaseRole.WRITER, DatabaseRole.READER} == set(ROLES)
    with closing(Database(url)) as owner:
        made = owner.query("SELECT rolname FROM pg_roles WHERE rolname LIKE 'marketflow%' AND rolcanlogin ORDER BY 1")
    assert made == [[READER], [WRITER]]


def test_the_readers_limit_is_the_read_apis(url: str) -> None:
    """What the function would give up itself, where it may tell the server."""
    with session(url, READER) as reader:
        assert reader.run("SHOW statement_timeout") == [[f"{STATEMENT_SECONDS:g}s"]]
