"""What may be listed, and what of it may change: each rule keeps something out that could not be mended later."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from marketflow.domain.currency import ISO_4217
from marketflow.domain.listing import EXAMPLES, FIXED, NAME, Change, Draft, listed
from marketflow.domain.money import MINOR_UNITS
from marketflow.domain.symbol import AssetType, Symbol
from marketflow.errors import RefusedError
from marketflow.services.market_data import _NAME as LOOKED_UP
from marketflow.sources.catalog import CATALOG
from marketflow.sources.spelling import SPELLINGS

pytestmark = pytest.mark.unit

ISO = st.sampled_from(sorted(ISO_4217))
ASSETS = {name: AssetType(spec.asset_type) for name, spec in CATALOG.items()}


def crypto(**members: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """A pair of Binance."""
    return {"symbol": "LTCUSDT", "source": "binance", "base_currency": "LTC", "quote_currency": "USDT", **members}


def stock(**members: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """A stock of Yahoo."""
    return {"symbol": "SAP.DE", "source": "yahoo", "quote_currency": "EUR", "timezone": "Europe/Berlin", **members}


def forex(**members: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """A pair of currencies."""
    return {"symbol": "EURJPY", "source": "exchangerate", "base_currency": "EUR", "quote_currency": "JPY", **members}


def symbol(given: dict[str, Any]) -> Symbol:
    """The symbol that the body describes."""
    draft = Draft.model_validate(given)
    return listed(draft, asset_type=ASSETS[draft.source], spell=SPELLINGS[draft.source])


def why_not(given: dict[str, Any]) -> tuple[str, str]:
    """The member that is wrong, and why."""
    with pytest.raises((RefusedError, ValidationError)) as refused:
        symbol(given)
    if isinstance(refused.value, RefusedError):
        return str(refused.value.parameter), refused.value.detail
    assert isinstance(refused.value, ValidationError)
    fault = refused.value.errors()[0]
    return str(fault["loc"][0]), fault["msg"]


def test_every_source_has_a_spelling() -> None:
    """A source that is added has to say how it spells, unless it delivers for another's symbols."""
    assert SPELLINGS.keys() == {name for name, spec in CATALOG.items() if spec.supplies is None}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["source"])
def test_the_documented_examples_are_accepted(example: dict[str, Any]) -> None:
    """Whoever pastes one gets what it shows."""
    assert symbol(example).symbol == example["symbol"]


def test_what_follows_from_the_source_need_not_be_said() -> None:
    """Asset type, spelling, price unit, and UTC for markets that never close."""
    made = symbol(crypto())
    assert (made.asset_type, made.source_symbol, made.price_unit, made.timezone) == (
        "crypto",
        "LTCUSDT",
        "USDT",
        "UTC",
    )
    assert symbol(forex()).source_symbol == "EUR/JPY"
    assert symbol(stock()).source_symbol == "SAP.DE"
    assert symbol(stock(symbol="SAP", source_symbol="SAP.DE")).source_symbol == "SAP.DE"


@given(st.from_regex(re.compile(NAME), fullmatch=True).map(lambda text: text.rstrip("\n")))
def test_a_name_that_is_accepted_can_be_looked_up(name: str) -> None:
    """In a path, in a comma-separated list, and never as the number of another symbol."""
    assert symbol(crypto(symbol=name)).symbol == name
    assert LOOKED_UP.fullmatch(name)
    assert unquote(quote(name, safe="")) == name
    assert not set(name) & set(',/ ?#&+%\\"')
    assert not name.isdecimal()
    assert name not in (".", "..")


@given(st.text(max_size=45))
def test_a_name_is_accepted_exactly_when_the_documented_pattern_fits(name: str) -> None:
    """What the document says is what the code does; a line break at the end is no way around it."""
    if re.fullmatch(NAME[1:-1], name):
        assert Draft.model_validate(crypto(symbol=name)).symbol == name
    else:
        with pytest.raises(ValidationError, match="a name is 1 to 40 of"):
            Draft.model_validate(crypto(symbol=name))


@pytest.mark.parametrize("name", ["", "A,B", "A/B", "A B", "A\n", "Ä", "7" * 9, "..", "x" * 41, "A\0", "%41", "A+B"])
def test_a_name_that_could_not_be_looked_up_says_the_rule(name: str) -> None:
    """The message is the rule, so that the next try fits."""
    member, why = why_not(crypto(symbol=name))
    assert member == "symbol"
    assert "1 to 40 of the characters" in why


@pytest.mark.parametrize(
    ("given", "member", "why"),
    [
        (crypto(quote_currency="usdt"), "quote_currency", "ISO 4217 code or a crypto code"),
        (crypto(base_currency=None), "base_currency", "required for crypto"),
        (crypto(base_currency="USDT"), "quote_currency", "base currency too"),
        (crypto(asset_type="stock"), "asset_type", "binance has crypto only"),
        (crypto(source_symbol="LTCTRY"), "source_symbol", "with these currencies it is LTCUSDT"),
        (crypto(base_currency="LONGESTCOIN1", quote_currency="LONGESTCOIN2"), "base_currency", "at most 20"),
        (crypto(price_unit="USX"), "price_unit", "quoted in USDT"),
        (crypto(timezone="Mars/Olympus"), "timezone", "IANA"),
        (crypto(timezone="europe/berlin"), "timezone", "IANA"),
        (crypto(timezone="../../etc/passwd"), "timezone", "IANA"),
        (crypto(name=" padded "), "name", "printable text without spaces around"),
        (crypto(name="a\u202eb"), "name", "printable"),
        (crypto(name=""), "name", "at least 1 character"),
        (crypto(active="yes"), "active", "valid boolean"),
        (crypto(exchange="binance"), "exchange", "ISO 10383"),
        (forex(quote_currency="KID"), "quote_currency", "no currency of ISO 4217"),
        (forex(base_currency="BTC"), "base_currency", "no currency of ISO 4217"),
        (forex(source_symbol="EURJPY"), "source_symbol", "it is EUR/JPY"),
        (stock(quote_currency="BTC"), "quote_currency", "no currency of ISO 4217"),
        (stock(base_currency="SAP"), "base_currency", "a stock has none"),
        (stock(timezone=None), "timezone", "a stock needs the time zone of its exchange"),
        (stock(source_symbol="sap.de"), "source_symbol", "A-Z 0-9"),
        (stock(source_symbol="SAP DE"), "source_symbol", "A-Z 0-9"),
        (stock(quote_currency="GBp"), "quote_currency", "GBp is a unit of GBP"),
        (stock(quote_currency="GBP", price_unit="ZAc"), "price_unit", "quoted in GBP or GBp"),
        (stock(price_unit="eur"), "price_unit", "quoted in EUR"),
        ({**stock(), "curency": "EUR"}, "curency", "Extra inputs"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(given: dict[str, Any], member: str, why: str) -> None:
    """The member that is to blame, and what would be right."""
    named, said = why_not(given)
    assert named == member
    assert why in said


@given(st.sampled_from(sorted(MINOR_UNITS)), ISO)
def test_a_minor_unit_belongs_to_its_own_currency(unit: str, currency: str) -> None:
    """Pence with pounds, agorot with shekels, and no other way round."""
    given = stock(quote_currency=currency, price_unit=unit)
    if MINOR_UNITS[unit][0] == currency:
        assert symbol(given).price_unit == unit
    else:
        assert why_not(given)[0] == "price_unit"


@given(ISO, ISO)
def test_a_pair_of_currencies_is_spelled_by_its_currencies(base: str, quote_: str) -> None:
    """Whatever it is called here; two different ones of ISO 4217."""
    given = forex(symbol="ANYNAME", base_currency=base, quote_currency=quote_)
    if base == quote_:
        assert why_not(given)[0] == "quote_currency"
    else:
        assert symbol(given).source_symbol == f"{base}/{quote_}"


@pytest.mark.parametrize("ticker", ["^GSPC", "BRK-B", "THYAO.IS", "GC=F", "M&M.NS", "0700.HK", "0P0000XTS7"])
def test_the_tickers_of_yahoo_are_accepted(ticker: str) -> None:
    """Indices, classes, exchanges, futures, funds."""
    assert symbol(stock(symbol="X", source_symbol=ticker)).source_symbol == ticker


@pytest.mark.parametrize("member", FIXED)
def test_what_history_was_read_by_does_not_change(member: str) -> None:
    """Another currency or spelling would say of stored prices what they are not."""
    with pytest.raises(RefusedError) as refused:
        Change.model_validate({member: "X", "name": "fine"})
    assert refused.value.parameter == member
    assert "cannot change" in refused.value.detail


def test_a_merge_patch_changes_what_is_given_and_takes_away_what_is_null() -> None:
    """RFC 7396: absent stays, null goes; what every symbol has cannot go."""
    assert Change.model_validate({"name": None, "active": False}).values() == {"name": None, "active": False}
    assert Change.model_validate({}).values() == {}
    for member in ("timezone", "price_unit", "active"):
        with pytest.raises(ValidationError):
            Change.model_validate({member: None})
