"""The schema and the way to it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from pg8000.dbapi import Connection
from pg8000.exceptions import DatabaseError
from sqlalchemy import NullPool, create_engine

import marketflow
from local import postgres as local_postgres
from marketflow.domain.symbol import Symbol
from marketflow.errors import DatabaseUnavailableError, MigrationError, RetryLaterError
from marketflow.persistence import migrate, revision
from marketflow.persistence.administration import SymbolRegistry
from marketflow.persistence.connection import Database
from marketflow.persistence.connector import Connector
from marketflow.persistence.migrate import LOCK
from marketflow.persistence.seeds import SEED_SYMBOLS
from marketflow.persistence.tables import metadata
from marketflow.sources.catalog import CATALOG

pytestmark = pytest.mark.integration

REVISIONS = [f"{number:04}" for number in range(1, int(revision.HEAD) + 1)]


def schema(url: str) -> str:
    """Everything that pg_dump knows of a database's schema, without Alembic's own table and the dump's random marks."""
    folder, database = re.findall(r"host=([^&]+)", url)[0], re.findall(r"@/([^?]+)", url)[0]
    dump = subprocess.run(  # noqa: S603 - our own command
        [
            *local_postgres._command("pg_dump"),
            *(
                "--schema-only",
                "--no-owner",
                "--no-privileges",
                "--exclude-table=alembic_version",
                "-U",
                "postgres",
                "-h",
                folder,
            ),
            database,
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return "\n".join(line for line in dump.splitlines() if line and not line.startswith(("--", "\\")))


def test_the_migrations_make_what_the_metadata_says(new_database: Callable[..., str], empty_url: str) -> None:
    """tables.py and the migrations give the same tables, types, constraints, collations and comments, to the letter.

    Functions are in the migrations alone.
    """
    connector = Connector(url=empty_url)
    engine = create_engine("postgresql+pg8000://", creator=lambda: connector.open(Connection), poolclass=NullPool)
    metadata.create_all(engine)
    functions = r"^(CREATE FUNCTION .*?^END \$\$|COMMENT ON FUNCTION [^;]*);\n"
    migrated_url = new_database()
    migrate.upgrade(migrated_url)
    migrated = re.sub(functions, "", schema(migrated_url), flags=re.MULTILINE | re.DOTALL)
    assert schema(empty_url) == migrated
    assert "CREATE TABLE public.candles" in migrated


def test_upgrading_twice_changes_nothing(empty_url: str) -> None:
    """The first upgrade names what it applied, the second has nothing to do, and both end at the head."""
    database = Database(empty_url)
    assert migrate.current(database) is None
    assert migrate.upgrade(empty_url) == REVISIONS
    before = schema(empty_url)
    assert migrate.upgrade(empty_url) == []
    assert schema(empty_url) == before
    assert migrate.current(database) == migrate.head()
    database.close()


def test_the_code_knows_its_revision() -> None:
    """The revision that /ready asks for is that of the newest migration script."""
    assert migrate.head() == revision.HEAD


def test_a_database_without_migrations_has_no_revision(empty_url: str) -> None:
    """An empty database, and one whose version table is empty, have no revision and raise nothing."""
    database = Database(empty_url)
    assert revision.current(database) is None
    database.query("CREATE TABLE alembic_version (version_num text)")
    assert revision.current(database) is None
    database.close()


@pytest.mark.parametrize(("table", "revision"), [("source_status", "0001_schema"), ("retirements", "0014_retirements")])
def test_a_failed_migration_leaves_nothing_half_made(empty_url: str, table: str, revision: str) -> None:
    """When a later statement of an upgrade fails, the earlier ones are undone; the error names revision and reason."""
    database = Database(empty_url)
    database.query(f"CREATE TABLE {table} (mine int)")
    said = f'Revision {revision} failed, and the database is as it was: relation "{table}" already exists (42P07)'
    with pytest.raises(MigrationError, match=f"^{re.escape(said)}$"):
        migrate.upgrade(empty_url)
    tables = database.query("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace")
    assert tables == [[table]]
    assert migrate.current(database) is None
    database.query(f"DROP TABLE {table}")
    assert migrate.upgrade(empty_url) == REVISIONS
    database.close()


def test_a_later_revision_that_fails_leaves_the_earlier_state(empty_url: str) -> None:
    """The database stays at the revision of the last deployment, whose functions still run."""
    migrate.upgrade(empty_url)
    database = Database(empty_url)
    # As the last but one release left it, apart from one table that the last one wants to make.
    database.query("UPDATE alembic_version SET version_num = '0013'")
    before = database.query("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1")
    with pytest.raises(MigrationError, match=r"^Revision 0014_retirements failed, .*: .*retirements"):
        migrate.upgrade(empty_url)
    assert migrate.current(database) == "0013"
    after = database.query("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1")
    assert after == before
    database.close()


def test_two_upgrades_at_once_wait_for_each_other(empty_url: str) -> None:
    """Of concurrent upgrades one applies everything and the others find it done."""
    results: list[list[str]] = []
    threads = [threading.Thread(target=lambda: results.append(migrate.upgrade(empty_url))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [[], [], REVISIONS]


def test_an_upgrade_does_not_wait_for_ever(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """When somebody else holds the lock for longer than the limit, the upgrade says so instead of hanging."""
    monkeypatch.setattr(migrate, "LOCK_TIMEOUT_SECONDS", 1)
    holder = Database(empty_url)
    holder.query("SELECT pg_advisory_lock(CAST(:lock AS bigint))", lock=LOCK)
    with pytest.raises(RetryLaterError, match="Another migration"):
        migrate.upgrade(empty_url)
    holder.close()


def test_an_upgrade_has_more_time_than_the_database_gives_a_statement(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind the proxy a connection cannot bring its own limit: the upgrade sets it for its transaction."""
    arguments = Connector._arguments
    monkeypatch.setattr(Connector, "_arguments", lambda self: arguments(self) | {"startup_params": {}})
    database = Database(empty_url)
    database.query(f"ALTER DATABASE {database.query('SELECT current_database()')[0][0]} SET statement_timeout = '1ms'")
    database.close()
    assert migrate.upgrade(empty_url) == REVISIONS


def test_a_server_that_is_away_is_named(tmp_path: Path) -> None:
    """Without a server the upgrade ends with its deadline, as every other use of the database does."""
    with pytest.raises(DatabaseUnavailableError, match="took no connection"):
        migrate.upgrade(f"postgresql://postgres@/x?host={tmp_path}", connect_deadline_seconds=0.2)


def test_it_runs_from_wherever_the_package_is_installed(empty_url: str, tmp_path: Path) -> None:
    """No alembic.ini, no working directory, a path with a percent sign and a space: the package alone is enough."""
    layer = tmp_path / "50% layer"
    shutil.copytree(Path(marketflow.__file__).parent, layer / "marketflow")
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-c", f"from marketflow.persistence import migrate; print(migrate.upgrade({empty_url!r}))"],
        cwd="/",
        env={**os.environ, "PYTHONPATH": str(layer)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.stdout.strip(), done.stderr) == (str(REVISIONS), "")


def active(database_url: str, source: str) -> tuple[Symbol, ...]:
    """The symbols of `source` that are to be fetched."""
    with SymbolRegistry(database_url).transaction() as register:
        return register.active(source)


def test_the_seeds_are_valid_symbols_of_known_sources(database_url: str) -> None:
    """A fresh installation has twelve symbols of each source, Istanbul and USDTRY among them, all of them valid.

    A source that supplies another's past has none.
    """
    for source, spec in CATALOG.items():
        symbols = active(database_url, source)
        if spec.supplies is not None:
            assert symbols == ()
            continue
        assert len(symbols) == 12
        assert {symbol.asset_type.value for symbol in symbols} == {spec.asset_type}
    names = {seed["symbol"] for seed in SEED_SYMBOLS}
    assert {"BTCUSDT", "THYAO.IS", "USDTRY"} <= names
    assert len(names) == len(SEED_SYMBOLS) == 36


def test_active_symbols_are_whole_and_in_order(database: Database, database_url: str) -> None:
    """The repository gives every field of the domain's Symbol, sorted by name, and no deactivated one."""
    database.query("UPDATE symbols SET active = false WHERE symbol = 'EURTRY'")
    symbols = active(database_url, "exchangerate")
    assert [one.symbol for one in symbols] == sorted(one.symbol for one in symbols)
    assert "EURTRY" not in [one.symbol for one in symbols]
    assert symbols[-1] == Symbol(
        symbol="USDTRY",
        source="exchangerate",
        source_symbol="USD/TRY",
        asset_type="forex",
        base_currency="USD",
        quote_currency="TRY",
        price_unit="TRY",
        name="US dollar / Turkish lira",
    )
    assert active(database_url, "no such source") == ()


def test_what_an_operator_changed_is_never_seeded_again(
    database: Database, owner: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seeds are loaded once, and even running that revision again leaves edited and deactivated symbols alone."""
    database.query("UPDATE symbols SET active = false, name = 'Mine' WHERE symbol = 'AAPL'")
    database.query("UPDATE symbols SET source_symbol = 'XBTUSDT' WHERE symbol = 'BTCUSDT'")
    before = database.query("SELECT * FROM symbols ORDER BY id")
    assert migrate.upgrade(database_url) == []
    owner.query("UPDATE alembic_version SET version_num = '0001'")
    upgrade = migrate.command.upgrade
    monkeypatch.setattr(migrate.command, "upgrade", lambda config, _: upgrade(config, "0002"))
    assert migrate.upgrade(database_url) == ["0002"]
    assert database.query("SELECT * FROM symbols ORDER BY id") == before


def test_rows_of_before_the_partitions_are_moved(
    new_database: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Candles and prices that were stored before 0011 are there afterwards, digit for digit, and rolled up."""
    url = new_database()
    upgrade = migrate.command.upgrade
    with monkeypatch.context() as patched:
        patched.setattr(migrate.command, "upgrade", lambda config, _: upgrade(config, "0010"))
        migrate.upgrade(url)
    database = Database(url)
    database.query(
        """INSERT INTO candles SELECT s.id, '1m', t.time, 1.50, 2.50, 1.0, 2.0, 3, NULL, 1, true, t.time, 7, false
           FROM symbols AS s, unnest(CAST(:times AS timestamptz[])) AS t(time) WHERE s.symbol = 'BTCUSDT'""",
        times=["2025-12-31T23:59:00Z", "2026-01-01T00:00:00Z"],
    )
    database.query(
        """INSERT INTO prices SELECT s.id, t.time, 1.10, t.time, 7, false
           FROM symbols AS s, unnest(CAST(:times AS timestamptz[])) AS t(time) WHERE s.symbol = 'EURUSD'""",
        times=["1999-01-04T15:00:00Z", "2026-03-02T15:00:00Z"],
    )
    texts = "SELECT CAST(t AS text) FROM {} AS t ORDER BY 1"
    before = [database.query(texts.format(table)) for table in ("candles", "prices")]
    assert migrate.upgrade(url) == REVISIONS[10:]
    assert [database.query(texts.format(table)) for table in ("candles", "prices")] == before
    assert database.query("SELECT CAST(month AS text) FROM months ORDER BY 1") == [
        ["2025-12-01"],
        ["2026-01-01"],
        ["2026-03-01"],
    ]
    (years,) = database.query("SELECT count(*) FROM rollups WHERE interval = '1d'")
    assert years == [2]
    database.close()


@pytest.mark.parametrize(
    "change",
    [
        "high = 1",
        "low = 3",
        "low = 0, open = 0, close = 0",
        "high = 'NaN'",
        "high = 'Infinity'",
        "volume = -1",
        "volume = 'NaN'",
        "quote_volume = 'Infinity'",
        "trades = -1",
        "symbol_id = 0",
    ],
)
def test_the_table_refuses_what_is_no_candle(database: Database, change: str) -> None:
    """Whoever writes, a candle that breaks a rule is stopped by the table itself."""
    database.query(
        "INSERT INTO candles VALUES ((SELECT min(id) FROM symbols), '1m', '2026-01-01Z', 2, 2.5, 1.5, 2, 0, 0, 0, true,"
        " '2026-01-01Z', 1)"
    )
    with pytest.raises(DatabaseError, match=r"violates (check|foreign key) constraint"):
        database.query(f"UPDATE candles SET {change}")  # noqa: S608 - the tests' own words


def test_symbols_sort_by_code_point(database: Database) -> None:
    """Pages come in one order everywhere: names do not follow the server's locale."""
    rows = database.query(
        "SELECT DISTINCT collation_name FROM information_schema.columns"
        " WHERE table_name = 'symbols' AND column_name IN ('symbol', 'source_symbol')"
    )
    assert rows == [["C"]]
