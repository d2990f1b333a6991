"""A real PostgreSQL for the integration tests: one server for the session, one fresh database for each test.

Tests connect as the roles of deployed functions do; `owner` is for what only a migration or an operator does.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from local import postgres as local_postgres
from local.postgres import LocalPostgres
from marketflow.persistence import migrate
from marketflow.persistence.connection import Database
from tests.integration.roles import READER, WRITER, as_role

_names = itertools.count(1)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPostgres]:
    """The session's server; its own database is empty and meant for nobody."""
    server = local_postgres.start(tmp_path_factory.mktemp("postgres"), disposable=True)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def new_database(postgres: LocalPostgres) -> Callable[..., str]:
    """Makes a database from a template and gives its DATABASE_URL."""

    def make(template: str = "template0") -> str:
        name = f"test_{next(_names)}"
        maintenance = Database(postgres.url_of("postgres"))
        maintenance.query(f"CREATE DATABASE {name} TEMPLATE {template}")
        maintenance.close()
        return postgres.url_of(name)

    return make


@pytest.fixture(scope="session")
def migrated_template(new_database: Callable[..., str]) -> str:
    """The name of a database that was migrated to the head, seeds included; the template of every test's own.

    It has the months in which the tests take place, as a deployment has those ahead.
    """
    url = new_database()
    migrate.upgrade(url)
    database = Database(url)
    database.query("SELECT make_months('2025-10-01T00:00:00Z', '2026-12-01T00:00:00Z')")
    database.close()
    return url.partition("@/")[2].partition("?")[0]


@pytest.fixture
def empty_url(new_database: Callable[..., str]) -> str:
    """The DATABASE_URL of an empty database of this test's own."""
    return new_database()


@pytest.fixture
def database_url(new_database: Callable[..., str], migrated_template: str) -> str:
    """The DATABASE_URL of a migrated and seeded database of this test's own."""
    return new_database(migrated_template)


@pytest.fixture
def writer_url(database_url: str) -> str:
    """The same database, as the functions that load, audit, administrate and retire reach it."""
    return as_role(database_url, WRITER)


@pytest.fixture
def reader_url(database_url: str) -> str:
    """The same database, as the read API reaches it."""
    return as_role(database_url, READER)


@pytest.fixture
def owner(database_url: str) -> Iterator[Database]:
    """A connection to this test's own migrated database as its owner."""
    connection = Database(database_url)
    yield connection
    connection.close()


@pytest.fixture
def database(writer_url: str) -> Iterator[Database]:
    """A connection to this test's own migrated database as the writer."""
    connection = Database(writer_url)
    yield connection
    connection.close()


@pytest.fixture
def reader(reader_url: str) -> Iterator[Database]:
    """A connection to this test's own migrated database as the reader."""
    connection = Database(reader_url)
    yield connection
    connection.close()
