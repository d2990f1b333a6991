"""The connection of a process: values, faults, time limits, TLS and tokens."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from pg8000.exceptions import DatabaseError

from local import postgres as local_postgres
from local.postgres import LocalPostgres
from marketflow.errors import ConfigurationError, DatabaseUnavailableError, RetryLaterError
from marketflow.persistence import connection, connector
from marketflow.persistence.connection import Database
from tests.integration.persistence.wire import WireServer, make_certificate, refusing_server

pytestmark = pytest.mark.integration


@pytest.fixture
def database(owner: Database) -> Database:
    """Tests of connections make tables of their own."""
    return owner


def test_values_come_back_exact(database: Database) -> None:
    """A numeric keeps every digit, timestamptz is aware UTC whatever the session's zone, JSON stays text."""
    ((name,),) = database.query("SELECT current_database()")
    database.query(f"ALTER DATABASE {name} SET timezone = 'Asia/Kolkata'")
    database.close()
    assert database.query("SHOW timezone") == [["Asia/Kolkata"]]
    moment = datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=timezone(timedelta(hours=3)))
    ((number, when, early, document, nothing, items),) = database.query(
        "SELECT CAST(:number AS numeric), CAST(:moment AS timestamptz), timestamptz '2026-01-01 00:00:00+05:30',"
        " json '{\"a\": 1.10}', CAST(:nothing AS text), ARRAY(SELECT unnest(CAST(:items AS text[])))",
        number=Decimal("0.000008120"),
        moment=moment,
        nothing=None,
        items=["a:b", "it's"],
    )
    assert str(number) == "0.000008120"
    assert (when, early) == (moment, datetime(2025, 12, 31, 18, 30, tzinfo=UTC))
    assert (when.tzinfo, early.tzinfo) == (UTC, UTC)
    assert document == '{"a": 1.10}'
    assert nothing is None
    assert items == ["a:b", "it's"]


def test_a_statement_is_one_transaction_of_one_message_exchange(database: Database) -> None:
    """Parse, bind and execute travel together and are one implicit transaction, also through a pooling proxy."""
    assert database.query("CREATE TABLE t (n int)") == []
    assert database.query("WITH one AS (INSERT INTO t VALUES (1) RETURNING n) SELECT n FROM one") == [[1]]
    with pytest.raises(DatabaseError):
        database.query("WITH two AS (INSERT INTO t VALUES (2) RETURNING n) SELECT 1 / (n - 2) FROM two")
    assert database.query("SELECT n FROM t") == [[1]]


def test_statements_together_are_one_transaction(database: Database) -> None:
    """Each statement sees what the ones before it did and has its own rows; when one fails, none did anything."""
    database.query("CREATE TABLE t (n int)")
    insert = ("INSERT INTO t VALUES (:n)", {"n": 1})
    count = ("SELECT count(*) FROM t WHERE n = :n", {"n": 1})
    assert database.together(insert, count, insert, ("SELECT n FROM t", {})) == [[], [[1]], [], [[1], [1]]]
    with pytest.raises(DatabaseError):
        database.together(insert, ("SELECT 1 / 0", {}), insert)
    assert database.query("SELECT count(*) FROM t") == [[2]]


def test_what_runs_behind_a_lock_sees_what_its_holder_did(database: Database, database_url: str) -> None:
    """The statement after one that waits for a row reads what was committed while it waited."""
    database.query("CREATE TABLE t (n int)")
    database.query("INSERT INTO t VALUES (0)")
    other = Database(database_url)

    def add() -> None:
        other.together(("SELECT FROM t FOR UPDATE", {}), ("UPDATE t SET n = (SELECT max(n) FROM t) + 1", {}))

    waiting = threading.Thread(target=add)
    holder = ("SELECT FROM t FOR UPDATE", {})
    late = ("SELECT pg_sleep(0.3)", {})
    holding = threading.Thread(target=lambda: database.together(holder, late, ("UPDATE t SET n = 10", {})))
    holding.start()
    time.sleep(0.1)
    waiting.start()
    holding.join()
    waiting.join()
    assert database.query("SELECT n FROM t") == [[11]]
    other.close()


def test_a_wrong_statement_costs_nothing_but_itself(database: Database) -> None:
    """The server's error is raised, and the same connection goes on with the next statement."""
    backend = database.query("SELECT pg_backend_pid()")
    for wrong in ("SELEC 1", "SELECT 1/0", "SELECT 'x'::int", "SELECT no_such_column"):
        with pytest.raises(DatabaseError):
            database.query(wrong)
    assert database.query("SELECT pg_backend_pid()") == backend


def test_a_statement_that_python_cannot_read_does_not_leave_half_an_answer(database: Database) -> None:
    """After a value that no datetime can hold, the next statement gets its own rows and not the rest of the others."""
    with pytest.raises(ValueError, match="infinity"):
        database.query("SELECT timestamptz 'infinity', n FROM generate_series(1, 100) AS n")
    assert database.query("SELECT 7") == [[7]]


def test_the_server_knows_who_asks_and_stops_long_statements(database_url: str) -> None:
    """The application's name shows in pg_stat_activity; a statement beyond its time is given up, the session stays."""
    database = Database(database_url, application_name="marketflow-test", statement_timeout_seconds=0.2)
    assert database.query("SELECT current_setting('application_name')") == [["marketflow-test"]]
    backend = database.query("SELECT pg_backend_pid()")
    with pytest.raises(RetryLaterError, match="statement timeout"):
        database.query("SELECT pg_sleep(5)")
    assert database.query("SELECT pg_backend_pid()") == backend
    database.close()


def test_a_terminated_connection_is_replaced(database: Database, database_url: str) -> None:
    """A connection that the server closed while idle is noticed by the next statement, which runs on a new one."""
    ((backend,),) = database.query("SELECT pg_backend_pid()")
    other = Database(database_url)
    other.query("SELECT pg_terminate_backend(CAST(:backend AS int))", backend=backend)
    other.close()
    ((replacement,),) = database.query("SELECT pg_backend_pid()")
    assert replacement != backend


def test_a_statement_that_always_breaks_the_connection_is_not_repeated_for_ever(database: Database) -> None:
    """A statement is sent on at most one new connection; then the caller hears of it, and can go on."""
    database.query("SELECT 1")
    with pytest.raises(DatabaseUnavailableError, match="closed the connection"):
        database.query("SELECT pg_terminate_backend(pg_backend_pid())")
    assert database.query("SELECT 1") == [[1]]


def test_a_server_that_became_read_only_is_left(database: Database) -> None:
    """After a failover the old server takes no writes: the write is tried on a new connection, then left for later."""
    ((name, backend),) = database.query("SELECT current_database(), pg_backend_pid()")
    database.query(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    database.close()
    assert database.query("SELECT pg_backend_pid()") != [[backend]]
    with pytest.raises(DatabaseUnavailableError, match="read-only transaction"):
        database.query("CREATE TABLE t (n int)")
    with pytest.raises(DatabaseUnavailableError, match="read-only transaction"):
        database.query("CREATE TABLE t (n int)")


def test_closing_is_not_the_end(database: Database) -> None:
    """After close, also twice, the next statement opens a new connection."""
    database.close()
    database.close()
    assert database.query("SELECT 1") == [[1]]


def test_a_server_that_is_down_is_waited_for_and_then_named(tmp_path: Path) -> None:
    """Attempts end with the deadline and an error that names the server; when it comes back, so do the answers."""
    server = local_postgres.start(tmp_path / "pg", disposable=True)
    try:
        database = Database(server.url, connect_deadline_seconds=2)
        assert database.query("SELECT 1") == [[1]]
        server.kill()
        began = time.monotonic()
        with pytest.raises(DatabaseUnavailableError, match=r"\.s\.PGSQL\.5432, database marketflow took no connection"):
            database.query("SELECT 1")
        assert 1 < time.monotonic() - began < 10
        server.restart()
        time.sleep(connection.PAUSE_SECONDS)
        assert database.query("SELECT 1") == [[1]]
        database.close()
    finally:
        server.stop()


@pytest.mark.parametrize("url", ["nobody_here@/postgres", "postgres@/no_such_database"])
def test_what_no_retry_can_mend_is_a_wrong_setting(postgres: LocalPostgres, url: str) -> None:
    """An unknown user or database is an error of the setting, with the server's own words and the setting's name."""
    database = Database(f"postgresql://{url}?host={postgres.socket_folder}")
    with pytest.raises(ConfigurationError, match=r"does not exist.*DATABASE_URL"):
        database.query("SELECT 1")


def test_a_refusal_is_heard_also_when_the_server_hangs_up_first(tmp_path: Path) -> None:
    """One refusal of the login is enough, however the connection ends: no second attempt, no waiting."""
    with refusing_server(tmp_path, code="28P01", message="password authentication failed") as startups:
        database = Database(f"postgresql://marketflow@/marketflow?host={tmp_path}")
        with pytest.raises(ConfigurationError, match="password authentication failed"):
            database.query("SELECT 1")
        assert len(startups) == 1


def test_a_full_server_is_asked_again_and_then_named(tmp_path: Path) -> None:
    """A server without a free connection may have one in a moment."""
    with refusing_server(tmp_path, code="53300", message="too many clients") as startups:
        database = Database(f"postgresql://marketflow@/marketflow?host={tmp_path}", connect_deadline_seconds=0.3)
        with pytest.raises(DatabaseUnavailableError, match="too many clients"):
            database.query("SELECT 1")
        assert len(startups) > 1


def test_an_error_that_is_being_handled_is_not_taken_for_the_servers(tmp_path: Path) -> None:
    """Who asks while handling an earlier refusal gets the news of this attempt, and not of that one."""
    database = Database(f"postgresql://marketflow@/marketflow?host={tmp_path}", connect_deadline_seconds=0.1)
    with pytest.raises(DatabaseUnavailableError, match="communication error"):
        ask_while_handling(DatabaseError({"C": "28P01", "M": "an earlier error"}), database)


def ask_while_handling(error: Exception, database: Database) -> None:
    """Ask the database while `error` is being handled."""
    try:
        raise error
    except DatabaseError:
        database.query("SELECT 1")


@dataclass(frozen=True)
class Keys:
    """AWS credentials, made up."""

    access_key: str
    secret_key: str = "not-a-secret"
    session_token: str | None = None
    region: str = "eu-central-1"


def rotating() -> Callable[[], Keys]:
    """Gives other credentials each time, as an execution role does now and then."""
    seen: list[None] = []

    def give() -> Keys:
        seen.append(None)
        return Keys(access_key=f"KEY{len(seen)}")

    return give


def test_each_connection_logs_in_with_a_fresh_token_over_verified_tls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With auth=iam the password is a token signed with the credentials of that moment, sent only inside TLS."""
    certificate = make_certificate(tmp_path, "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    with WireServer(certificate=certificate) as server:
        url = f"postgresql://marketflow@localhost:{server.port}/marketflow?auth=iam"
        database = Database(url, credentials=rotating())
        for _ in range(2):
            assert database.query("SELECT 1") == []  # the server hangs up after it
        database.close()
        first, second = server.passwords
        assert first.startswith(f"localhost:{server.port}/?Action=connect&DBUser=marketflow&")
        assert "KEY1%2F" in first
        assert "KEY2%2F" in second
        assert b"statement_timeout" not in server.startups[0]  # it would pin a session of RDS Proxy
        assert b"application_name\0marketflow\0" in server.startups[0]


def test_a_certificate_that_nobody_vouches_for_ends_the_login(tmp_path: Path) -> None:
    """An unknown certificate is a wrong setting, said at once, and no credential is sent."""
    with WireServer(certificate=make_certificate(tmp_path, "localhost")) as server:
        url = f"postgresql://marketflow@localhost:{server.port}/marketflow?auth=iam"
        database = Database(url, credentials=rotating(), connect_deadline_seconds=30)
        with pytest.raises(ConfigurationError, match="certificate is not trusted"):
            database.query("SELECT 1")
        assert server.passwords == []


def test_a_certificate_for_another_host_ends_the_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trusted certificate counts only for the host that it names."""
    certificate = make_certificate(tmp_path, "elsewhere.example.com")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    with WireServer(certificate=certificate) as server:
        url = f"postgresql://marketflow:hunter2@localhost:{server.port}/marketflow?sslmode=verify-full"
        with pytest.raises(ConfigurationError, match="certificate is not trusted"):
            Database(url).query("SELECT 1")
        assert server.passwords == []


def test_a_server_without_tls_gets_no_password() -> None:
    """Where TLS is due and the server refuses it, the login is given up; nothing goes over the wire in clear."""
    with WireServer() as server:
        url = f"postgresql://marketflow:hunter2@localhost:{server.port}/marketflow?sslmode=verify-full"
        with pytest.raises(DatabaseUnavailableError, match="refuses SSL") as caught:
            Database(url, connect_deadline_seconds=0.2).query("SELECT 1")
        assert server.startups == []
        assert "hunter2" not in str(caught.value)


def test_a_password_in_the_url_is_used() -> None:
    """For servers other than AWS's, the URL's password logs in."""
    with WireServer() as server:
        database = Database(f"postgresql://marketflow:s%2Fecret@localhost:{server.port}/marketflow")
        assert database.query("SELECT 1") == []
        database.close()
        assert server.passwords == ["s/ecret"]


def test_a_server_that_takes_the_connection_and_says_nothing_is_left() -> None:
    """Silence ends with the deadline too, not with the patience of TCP."""
    with WireServer(silent=True) as server:
        database = Database(f"postgresql://u:p@127.0.0.1:{server.port}/m", connect_deadline_seconds=0.3)
        began = time.monotonic()
        with pytest.raises(DatabaseUnavailableError, match=r"took no connection within 0\.3 s"):
            database.query("SELECT 1")
        assert time.monotonic() - began < 5


def test_a_statement_that_is_never_answered_is_sent_once_and_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the server falls silent, the wait ends with the statement's time and is not repeated on a new connection."""
    monkeypatch.setattr(connector, "GRACE_SECONDS", 0.1)
    with WireServer(mute=True) as server:
        database = Database(f"postgresql://u:p@127.0.0.1:{server.port}/m", statement_timeout_seconds=0.1)
        with pytest.raises(DatabaseUnavailableError, match="did not answer a statement in time"):
            database.query("SELECT 1")
        database.close()
        assert len(server.startups) == 1


def test_a_batch_does_not_wait_for_a_missing_server_again_and_again(tmp_path: Path) -> None:
    """After one attempt has used up its patience the next statements fail at once, until a second has passed."""
    database = Database(f"postgresql://nobody@/none?host={tmp_path}", connect_deadline_seconds=0.3)
    errors = []
    started = time.monotonic()
    for _ in range(10):
        with pytest.raises(DatabaseUnavailableError) as caught:
            database.query("SELECT 1")
        errors.append(caught.value)
    assert time.monotonic() - started < 2 * 0.3 + 0.2
    assert len({id(error) for error in errors}) == 1
