"""Changing symbols on a real server: one at a time, all or nothing, in nobody's way, and in the read API's words."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from marketflow.domain.listing import Change, Draft
from marketflow.domain.symbol import AssetType, Symbol, SymbolRecord
from marketflow.errors import CatalogUnavailableError, DatabaseUnavailableError, RefusedError
from marketflow.persistence.administration import SymbolRegistry
from marketflow.persistence.connection import Database
from marketflow.persistence.reader import Reader
from marketflow.services.administration import Administration, Catalog
from marketflow.services.preparation import Preparation, Prepared
from marketflow.sources.catalog import CATALOG
from marketflow.sources.spelling import SPELLINGS
from tests.integration.roles import WRITER, as_role

pytestmark = pytest.mark.integration

LTC = Draft(symbol="LTCUSDT", source="binance", base_currency="LTC", quote_currency="USDT", name="Läitecoin ' \" \\")


@dataclass
class Shelf:
    """Where catalogs are put; `meanwhile` runs while one is being written, with the change not yet committed."""

    published: dict[str, tuple[str, ...]] = field(default_factory=dict)
    records: tuple[SymbolRecord, ...] = ()
    meanwhile: Callable[[], None] = lambda: None

    def write(self, source: str, symbols: Sequence[Symbol]) -> None:
        """Keep the names."""
        self.meanwhile()
        self.published[source] = tuple(symbol.symbol for symbol in symbols)

    def keep(self, records: Sequence[SymbolRecord]) -> None:
        """Keep all of them."""
        self.records = tuple(records)

    def kept(self) -> tuple[SymbolRecord, ...]:
        """What was kept."""
        return self.records


def administration(url: str, catalog: Catalog, *, statement_timeout_seconds: float = 5.0) -> Administration:
    """The service as it is deployed, but for the catalog."""
    return Administration(
        registry=SymbolRegistry(url, connect_deadline_seconds=1.0, statement_timeout_seconds=statement_timeout_seconds),
        catalog=catalog,
        sources={name: AssetType(spec.asset_type) for name, spec in CATALOG.items()},
        spellings=SPELLINGS,
    )


def anyhow(body: str) -> bool:
    """No condition."""
    return bool(body)


def test_a_symbol_is_answered_in_the_read_apis_own_bytes(database: Database, writer_url: str) -> None:
    """Also with text that JSON and SQL have to escape: the entity tag is a hash of these bytes."""
    office, reader = administration(writer_url, Shelf()), Reader(database)
    added = office.add(LTC)
    assert added == reader.symbol("LTCUSDT")
    changed = office.change("LTCUSDT", Change(name="100 % :name %s", exchange=None), condition=anyhow)
    assert changed == reader.symbol("LTCUSDT") != added
    assert office.change("LTCUSDT", Change(name="100 % :name %s"), condition=anyhow) == changed
    office.deactivate("LTCUSDT", condition=anyhow)
    assert '"active":false' in str(reader.symbol("LTCUSDT"))


@pytest.mark.parametrize("name", ["BTCUSDT", "THYAO.IS", "USDTRY", "1", "36"])
def test_a_condition_is_held_against_what_get_showed(database: Database, writer_url: str, name: str) -> None:
    """By name and by number; a change of nothing leaves it as it is."""
    shown = Reader(database).symbol(name)
    assert shown is not None
    office = administration(writer_url, Shelf())
    assert office.change(name, Change(), condition=lambda body: body == shown) == shown


def test_a_deployment_does_not_publish_behind_an_administrators_back(writer_url: str) -> None:
    """Its own publishing waits for a change, and then has it."""
    shelf = Shelf()
    preparation = Preparation(
        upgrade=lambda: (),
        symbols=SymbolRegistry(writer_url).transaction,
        publisher=shelf,
        sources=("binance",),
    )
    thread = threading.Thread(target=preparation.run)

    def deploy() -> None:
        shelf.meanwhile = lambda: None
        thread.start()
        thread.join(0.7)
        assert thread.is_alive()

    shelf.meanwhile = deploy
    administration(writer_url, shelf).add(LTC)
    thread.join(10)
    assert "LTCUSDT" in shelf.published["binance"]


@pytest.mark.parametrize(("name", "member"), [("LTCUSDT", "symbol"), ("OTHER", "source_symbol")])
def test_a_duplicate_is_refused_and_changes_nothing(
    database: Database, writer_url: str, name: str, member: str
) -> None:
    """The name, or the source's spelling under another name."""
    office = administration(writer_url, Shelf())
    office.add(LTC)
    with pytest.raises(RefusedError) as error:
        office.add(LTC.model_copy(update={"symbol": name}))
    assert (error.value.status, error.value.parameter) == (409, member)
    assert database.query("select count(*) from symbols") == [[37]]


def test_what_is_not_published_is_rolled_back(database: Database, writer_url: str) -> None:
    """Nobody ever sees the symbol: neither a reader while the catalog is written, nor anybody after it failed."""
    reader = Reader(database)

    def fail() -> None:
        assert reader.symbol("LTCUSDT") is None
        raise CatalogUnavailableError("S3 is away.")

    with pytest.raises(CatalogUnavailableError):
        administration(writer_url, Shelf(meanwhile=fail)).add(LTC)
    assert reader.symbol("LTCUSDT") is None


def test_two_administrators_at_once_publish_both_symbols(writer_url: str) -> None:
    """The second waits for the first, so that the last catalog has the symbols of both."""
    shelf = Shelf()
    began, done = threading.Event(), threading.Event()
    trx = Draft(symbol="TRXUSDT", source="binance", base_currency="TRX", quote_currency="USDT")

    def second() -> None:
        began.set()
        administration(writer_url, shelf).add(trx)
        done.set()

    thread = threading.Thread(target=second)

    def first_is_writing() -> None:
        if not began.is_set():
            thread.start()
            began.wait()
            # Were it not for the lock, the second would be through in a fraction of this.
            assert not done.wait(0.7)
            shelf.meanwhile = lambda: None

    shelf.meanwhile = first_is_writing
    administration(writer_url, shelf).add(LTC)
    thread.join(10)
    assert done.is_set()
    assert {"LTCUSDT", "TRXUSDT"} <= set(shelf.published["binance"])


def test_of_two_changes_that_knew_the_same_state_one_is_refused(database: Database, writer_url: str) -> None:
    """The check and the write are one: the second finds what the first made of it."""
    reader = Reader(database)
    known = reader.symbol("BTCUSDT")
    outcomes: list[str] = []
    together = threading.Barrier(2)

    def change(name: str) -> None:
        together.wait()
        try:
            office = administration(writer_url, Shelf())
            office.change("BTCUSDT", Change(name=name), condition=lambda body: body == known)
            outcomes.append(name)
        except RefusedError as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=change, args=(name,)) for name in ("first", "second")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(outcomes) == 2
    assert outcomes.count("precondition_failed") == 1
    winner = next(one for one in outcomes if one != "precondition_failed")
    assert f'"name":"{winner}"' in str(reader.symbol("BTCUSDT"))


def test_the_database_says_which_zones_it_knows(writer_url: str) -> None:
    """The two lists come from one place; what only one has is refused before it is stored."""
    with SymbolRegistry(writer_url).transaction() as register:
        zones = [one for one in ("UTC", "America/New_York", "Europe/Istanbul", "Asia/Tokyo") if register.has_zone(one)]
        assert len(zones) == 4
        assert not register.has_zone("Mars/Olympus")


def test_the_etl_and_readers_do_not_wait_for_an_administrator(database: Database, writer_url: str) -> None:
    """While a symbol is being changed its rows are stored and read."""

    def store() -> None:
        database.query(
            "insert into prices select id, now(), 1, now(), 1 from symbols where symbol = 'BTCUSDT' returning 1"
        )
        assert Reader(database).symbol("BTCUSDT")

    administration(writer_url, Shelf(meanwhile=store)).change("BTCUSDT", Change(name="x"), condition=anyhow)
    assert database.query("select count(*) from prices") == [[1]]


def test_a_server_that_hangs_up_in_the_middle_is_a_reason_to_try_again(database: Database, writer_url: str) -> None:
    """Nothing was changed, and the same request may come again."""

    def cut() -> None:
        database.query(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'marketflow-admin'"
        )

    with pytest.raises(DatabaseUnavailableError):
        administration(writer_url, Shelf(meanwhile=cut)).add(LTC)
    assert Reader(database).symbol("LTCUSDT") is None
    assert administration(writer_url, Shelf()).add(LTC)


def test_an_administrator_does_not_wait_for_ever(writer_url: str) -> None:
    """Somebody else holds the table: it is a 503 before the gateway would lose its patience."""
    impatient = administration(writer_url, Shelf(), statement_timeout_seconds=0.3)
    errors: list[Exception] = []

    def try_it() -> None:
        try:
            impatient.add(LTC.model_copy(update={"symbol": "LATE"}))
        except DatabaseUnavailableError as error:
            errors.append(error)

    administration(writer_url, Shelf(meanwhile=try_it)).add(LTC)
    assert len(errors) == 1


def test_no_database_at_all_is_a_reason_to_try_again() -> None:
    """The message names the place, and no credential."""
    nowhere = "postgresql://postgres:secret@/marketflow?host=/nowhere"
    with pytest.raises(DatabaseUnavailableError, match="/nowhere") as error:
        administration(nowhere, Shelf()).add(LTC)
    assert "secret" not in str(error.value)


def test_a_lost_database_gets_its_symbols_back(
    database: Database,
    database_url: str,
    writer_url: str,
    new_database: Callable[..., str],
    migrated_template: str,
) -> None:
    """With their numbers, by which rows are stored, and their times; the next new one has a number of its own."""
    shelf = Shelf()
    office = administration(writer_url, shelf)
    office.add(LTC)
    office.deactivate("BTCUSDT", condition=anyhow)
    database.query("UPDATE symbols SET id = id + 1000 WHERE symbol = 'LTCUSDT'")
    prepared(database_url, shelf)
    other_url = new_database(migrated_template)
    assert prepared(other_url, shelf).restored == len(shelf.records)
    other = Database(other_url)
    everything = "SELECT * FROM symbols ORDER BY id"
    assert other.query(everything) == database.query(everything)
    assert "BTCUSDT" not in shelf.published["binance"]
    administration(as_role(other_url, WRITER), shelf).add(
        LTC.model_copy(update={"symbol": "LTC2", "base_currency": "XLT"})
    )
    assert max(record.id for record in shelf.records) == 1 + max(row[0] for row in database.query(everything))
    other.close()


@pytest.mark.parametrize(
    "use",
    [
        "UPDATE symbols SET name = 'By hand' WHERE symbol = 'BTCUSDT'",
        "INSERT INTO raw_objects VALUES (1, 'raw/x.gz', 'binance', 'klines_1m', now())",
    ],
)
def test_a_database_in_use_keeps_its_symbols(database: Database, database_url: str, use: str) -> None:
    """What was kept may be older than the table: an operator changed it by hand, or a write to S3 failed."""
    shelf = Shelf()
    prepared(database_url, shelf)
    shelf.records = shelf.records[1:]
    database.query(use)
    everything = "SELECT * FROM symbols ORDER BY id"
    before = database.query(everything)
    assert prepared(database_url, shelf).restored == 0
    assert database.query(everything) == before
    assert [record.id for record in shelf.records] == [row[0] for row in before]


def prepared(url: str, shelf: Shelf) -> Prepared:
    """What a deployment does to a database."""
    preparation = Preparation(
        upgrade=lambda: (),
        symbols=SymbolRegistry(url).transaction,
        publisher=shelf,
        sources=tuple(CATALOG),
    )
    return preparation.run()
