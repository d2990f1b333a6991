"""The rules of changing symbols: nothing by halves, nothing behind somebody's back, nothing that the fetchers miss."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from marketflow.domain.listing import Change, Draft
from marketflow.errors import CatalogUnavailableError, RefusedError
from marketflow.services.administration import Administration
from tests.unit.services.register import FakeCatalog, FakeRegistry, administration

pytestmark = pytest.mark.unit

LTC = Draft(symbol="LTCUSDT", source="binance", base_currency="LTC", quote_currency="USDT")
VOD = Draft(symbol="VOD.L", source="yahoo", quote_currency="GBP", timezone="Europe/London")

NEW = "America/Coyhaique"


@dataclass
class Office:
    """An administration and what it works on."""

    registry: FakeRegistry = field(default_factory=FakeRegistry)
    catalog: FakeCatalog = field(default_factory=FakeCatalog)

    @property
    def service(self) -> Administration:
        """The service."""
        return administration(self.registry, self.catalog)

    def change(self, symbol: str, /, condition: bool = True, **values: object) -> str:
        """Change a symbol; `condition` is whether the caller knows it as it is."""
        change = Change.model_validate(values)
        return self.service.change(symbol, change, condition=lambda _: condition)


def refused(error: pytest.ExceptionInfo[RefusedError]) -> tuple[int, str, str | None]:
    """Status, code and parameter."""
    return error.value.status, error.value.code, error.value.parameter


def test_a_new_symbol_is_in_the_catalog_of_its_source() -> None:
    """And in no other's."""
    office = Office()
    office.service.add(LTC)
    assert office.catalog.published == {"binance": ["LTCUSDT"]}


def test_a_symbol_may_be_added_without_being_fetched() -> None:
    """`active: false` keeps it out of the catalog."""
    office = Office()
    office.service.add(LTC.model_copy(update={"active": False}))
    assert office.catalog.published == {"binance": []}


def test_an_unknown_source_is_refused_with_those_that_there_are() -> None:
    """400 that lists them."""
    with pytest.raises(RefusedError, match="binance, exchangerate, yahoo") as error:
        Office().service.add(LTC.model_copy(update={"source": "kraken"}))
    assert refused(error) == (400, "invalid_symbol", "source")


@pytest.mark.parametrize(("name", "parameter"), [("LTCUSDT", "symbol"), ("LITECOIN", "source_symbol")])
def test_a_duplicate_says_which_member_is_taken(name: str, parameter: str) -> None:
    """The same name, or another name for what the source has once."""
    office = Office()
    office.service.add(LTC)
    with pytest.raises(RefusedError, match="LTCUSDT already") as error:
        office.service.add(LTC.model_copy(update={"symbol": name}))
    assert refused(error) == (409, "symbol_exists", parameter)


def test_what_cannot_be_published_is_not_done() -> None:
    """A symbol that no fetcher hears of would be listed and never served."""
    office = Office(catalog=FakeCatalog(broken=True))
    with pytest.raises(CatalogUnavailableError):
        office.service.add(LTC)
    assert office.registry.rows == {}


def test_a_deactivated_symbol_leaves_the_catalog_and_stays_known() -> None:
    """Deactivating it again is no error; activating it brings it back."""
    office = Office()
    office.service.add(LTC)
    for _ in range(2):
        office.service.deactivate("LTCUSDT", condition=lambda _: True)
    assert office.catalog.published == {"binance": []}
    assert office.catalog.kept == ["LTCUSDT"]
    assert [symbol.symbol for symbol in office.registry.rows.values()] == ["LTCUSDT"]
    office.change("1", active=True)
    assert office.catalog.published == {"binance": ["LTCUSDT"]}


def test_a_change_to_what_it_is_already_writes_nothing() -> None:
    """Its entity tag stays, and with it the certainty of those who know it."""
    office = Office()
    before = office.service.add(LTC)
    assert office.change("LTCUSDT", active=True, timezone="UTC") == before
    assert office.change("LTCUSDT") == before
    assert office.registry.writes == 0


def test_a_stale_caller_changes_nothing() -> None:
    """412, and the symbol is as it was."""
    office = Office()
    office.service.add(LTC)
    with pytest.raises(RefusedError) as error:
        office.change("LTCUSDT", condition=False, name="Mine")
    assert refused(error) == (412, "precondition_failed", None)
    assert office.registry.rows[1].name is None


def test_a_price_unit_has_to_fit_the_symbol_that_it_is_for() -> None:
    """Pence for a stock in pounds; agorot are refused, and so is a minor unit for a pair."""
    office = Office()
    office.service.add(VOD)
    office.service.add(LTC)
    office.change("VOD.L", price_unit="GBp")
    assert office.registry.rows[1].price_unit == "GBp"
    for name, unit in (("VOD.L", "ILA"), ("LTCUSDT", "GBp")):
        with pytest.raises(RefusedError) as error:
            office.change(name, price_unit=unit)
        assert refused(error) == (400, "invalid_symbol", "price_unit")


def test_a_zone_that_the_database_does_not_know_is_refused() -> None:
    """Its own list may be older; a question about the symbol's days would fail for ever."""
    office = Office()
    office.service.add(VOD)
    with pytest.raises(RefusedError, match="does not know America/Coyhaique") as error:
        office.change("VOD.L", timezone=NEW)
    assert refused(error) == (400, "invalid_symbol", "timezone")
    with pytest.raises(RefusedError, match="does not know America/Coyhaique"):
        office.service.add(VOD.model_copy(update={"symbol": "X", "source_symbol": "X.SN", "timezone": NEW}))


@pytest.mark.parametrize("name", ["NOPE", "99", "\0", "ü", "", "x" * 41])
def test_what_is_not_there_cannot_be_changed(name: str) -> None:
    """404, also for names that the database could not receive."""
    with pytest.raises(RefusedError) as error:
        Office().change(name, active=False)
    assert refused(error) == (404, "symbol_not_found", "symbol")
