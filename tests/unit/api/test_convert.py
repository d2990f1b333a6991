"""Conversions take the shortest path of known pairs, exactly, and never a price that is too old."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflow.domain.currency import ISO_4217
from marketflow.domain.money import MINOR_UNITS
from marketflow.services.convert import (
    SIGNIFICANT_DIGITS,
    Converter,
    Question,
    Rate,
    known_rates,
    rounded,
    shortest_path,
)
from tests.unit.api.market import NOON, Answer, Client, FakeReader, pair

pytestmark = pytest.mark.unit

DAY = timedelta(days=1)
EXCHANGE = [
    pair("BTC", "USDT", "68000.12000000"),
    pair("ETH", "USDT", "3400.50"),
    pair("ETH", "BTC", "0.05"),
    pair("USDT", "TRY", "42.5"),
    pair("USD", "TRY", "42.1", age=DAY, asset_type="forex"),
    pair("EUR", "USD", "1.1", age=DAY, asset_type="forex"),
    pair("GBP", "USD", "1.3", age=DAY, asset_type="forex"),
    pair("USD", "JPY", "150", age=DAY, asset_type="forex"),
    pair("NZD", "USD", None, asset_type="forex"),
]

CODES = "ABCDEF"
RATES = st.builds(
    Rate,
    symbol=st.sampled_from("PQRSTUVWXYZ"),
    source=st.just("binance"),
    asset_type=st.just("crypto"),
    base=st.sampled_from(CODES),
    quote=st.sampled_from(CODES),
    price=st.decimals("0.00000001", "100000000", places=8),
    as_of=st.integers(0, 3).map(lambda hours: NOON - timedelta(hours=hours)),
)
MARKETS = st.lists(RATES, max_size=10, unique_by=lambda rate: rate.symbol)


def ask(from_: str, to: str, **query: str) -> Answer:
    """The answer to a conversion on EXCHANGE."""
    return Client(reader=FakeReader(exchange=EXCHANGE)).get("/v1/convert", **{"from": from_, "to": to}, **query)


def path(from_: str, to: str, **query: str) -> list[str | None]:
    """The symbols of the legs."""
    answer = ask(from_, to, **query)
    assert answer.status == 200, answer.body
    return [leg["symbol"] for leg in answer.json["legs"]]


def test_an_answer_names_every_leg() -> None:
    """Each with its rate, the time and source of that, and the direction; the answer is as old as its oldest leg."""
    assert ask("EUR", "USDT", amount="1.50").body == (
        '{"from":"EUR","to":"USDT","amount":1.50,"result":1.65,"rate":1.1,"as_of":"2026-11-22T12:00:00Z",'
        '"age_seconds":86400,"legs":[{"symbol":"EURUSD","from":"EUR","to":"USD","rate":1.1,'
        '"as_of":"2026-11-22T12:00:00Z","age_seconds":86400,"source":"exchangerate","inverted":false},'
        '{"symbol":null,"from":"USD","to":"USDT","rate":1,"as_of":"2026-11-23T12:00:00Z","age_seconds":0,'
        '"source":"parity","inverted":true}]}'
    )


def test_numbers_can_be_strings() -> None:
    """Every decimal is quoted, and nothing else."""
    got = ask("BTC", "USDT", amount="2", numbers="string").json
    assert (got["amount"], got["result"], got["rate"], got["age_seconds"]) == ("2", "136000.24", "68000.12", 0)
    assert got["legs"][0]["rate"] == "68000.12000000"


@pytest.mark.parametrize(
    ("from_", "to", "symbols"),
    [
        ("BTC", "USDT", ["BTCUSDT"]),
        ("USDT", "BTC", ["BTCUSDT"]),
        ("BTC", "TRY", ["BTCUSDT", "USDTTRY"]),
        ("BTC", "EUR", ["BTCUSDT", None, "EURUSD"]),
        ("EUR", "JPY", ["EURUSD", "USDJPY"]),
        ("GBP", "EUR", ["GBPUSD", "EURUSD"]),
        ("BTC", "BTC", []),
    ],
)
def test_a_path_is_what_a_person_would_take(from_: str, to: str, symbols: list[str | None]) -> None:
    """Crypto goes to fiat through USDT and USD, fiat crosses through the base of the reference rates."""
    assert path(from_, to) == symbols


def test_a_currency_in_itself_is_one_for_one() -> None:
    """Without a leg there is nothing that could be old."""
    got = ask("JPY", "JPY", amount="5.5").json
    assert (got["result"], got["rate"], got["legs"], got["age_seconds"]) == (5.5, 1, [], 0)
    assert got["as_of"] == "2026-11-23T12:00:00Z"


def test_a_known_pair_takes_the_place_of_the_parity() -> None:
    """USDT is counted as a dollar only where nobody knows better."""
    market = [*EXCHANGE, pair("USDT", "USD", "0.9991")]
    got = Client(reader=FakeReader(exchange=market)).get("/v1/convert", **{"from": "USDT", "to": "USD"}).json
    assert (got["result"], [leg["source"] for leg in got["legs"]]) == (0.9991, ["binance"])
    assert "parity" not in {rate.source for rate in known_rates(market, NOON)}
    assert "parity" in {rate.source for rate in known_rates([pair("USDT", "USD", None)], NOON)}


@pytest.mark.parametrize("code", ["GBp", "gbp", "USX", "ILA", "", "BTCUSDT", "XXX", "'; --", "ZZZ", "Ａ", "ＵＳＤ"])
@pytest.mark.parametrize("side", ["from", "to"])
def test_what_is_no_currency_is_refused_by_name(code: str, side: str) -> None:
    """Pence are not pounds: a code is taken as it is written or not at all."""
    asked = {"from": "USD", "to": "USD", side: code}
    answer = Client(reader=FakeReader(exchange=EXCHANGE)).get("/v1/convert", **asked)
    assert (answer.status, answer.json["code"], answer.json["parameter"]) == (400, "unknown_currency", side)


def test_a_minor_unit_is_told_its_major_one() -> None:
    """The way out is in the answer."""
    assert ask("GBp", "USD").json["detail"] == "GBp is a minor unit: 100 GBp are 1 GBP. Ask for GBP."
    assert not ISO_4217 & MINOR_UNITS.keys()
    assert all(len(code) == 3 and code.isupper() for code in ISO_4217)
    assert {"USD", "EUR", "TRY", "GBP", "JPY", "KWD"} < ISO_4217


def test_a_currency_without_a_path_is_404() -> None:
    """Dollars of New Zealand have a pair without a price, francs of Switzerland have none here."""
    for code in ("NZD", "CHF"):
        answer = ask("BTC", code)
        assert (answer.status, answer.json["code"], answer.json["parameter"]) == (404, "no_path", "to")


@pytest.mark.parametrize(
    ("amount", "status"), [("0", 400), ("0.00", 400), ("-1", 400), ("1e3", 400), ("", 400), ("NaN", 400), ("1.", 400)]
)
def test_an_amount_is_a_plain_number_above_zero(amount: str, status: int) -> None:
    """Nothing else is guessed at."""
    answer = ask("BTC", "USDT", amount=amount)
    assert (answer.status, answer.json["code"], answer.json["parameter"]) == (status, "invalid_parameter", "amount")


def test_parameters_are_named_as_they_are_written() -> None:
    """`from` is no name for Python, and the client never sees ours."""
    answer = Client().get("/v1/convert", source="BTC", to="TRY")
    assert answer.json["detail"] == (
        "source is not a parameter; known here: numbers, from, to, amount, at, max_age_seconds."
    )
    missing = Client().get("/v1/convert", to="TRY").json
    assert (missing["code"], missing["parameter"]) == ("missing_parameter", "from")


@pytest.mark.parametrize(
    ("asset_type", "limit"), [("crypto", timedelta(hours=1)), ("forex", timedelta(days=4))], ids=["crypto", "forex"]
)
def test_a_leg_beyond_its_age_is_refused(asset_type: str, limit: timedelta) -> None:
    """The limit itself is still taken; the caller may set another one, in both directions."""

    def answer(age: timedelta, **query: str) -> Answer:
        market = [pair("EUR", "TRY", "46", age=age, asset_type=asset_type)]
        return Client(reader=FakeReader(exchange=market)).get("/v1/convert", **{"from": "EUR", "to": "TRY"}, **query)

    late = timedelta(seconds=1)
    assert answer(limit).status == 200
    refused = answer(limit + late)
    assert (refused.status, refused.json["code"], refused.json["parameter"]) == (
        409,
        "rate_too_old",
        "max_age_seconds",
    )
    assert "EURTRY" in refused.json["detail"]
    assert answer(limit + late, max_age_seconds=str(int(limit.total_seconds()) + 1)).status == 200
    assert answer(timedelta(seconds=11), max_age_seconds="10").status == 409


def test_the_past_is_converted_at_its_own_prices() -> None:
    """Prices from behind that time are not known, ages count from it, and the future is refused."""
    assert ask("EUR", "USD", at="2026-11-22T12:00:10Z").json["age_seconds"] == 10
    early = ask("EUR", "USD", at="2026-11-22T11:59:59Z")
    assert (early.status, early.json["code"]) == (404, "no_path")
    future = ask("EUR", "USD", at="2026-11-23T12:00:01Z")
    assert (future.status, future.json["code"], future.json["parameter"]) == (400, "invalid_parameter", "at")
    assert ask("EUR", "USD", at="2026-11-23T12:00:00Z").headers["Cache-Control"] == "private, no-cache"
    assert ask("EUR", "USD").headers["Cache-Control"] == "no-store"


def test_a_clock_ahead_of_ours_makes_no_negative_age() -> None:
    """A price from a second that has not come yet is new."""
    market = [pair("BTC", "USDT", "1", age=timedelta(seconds=-3))]
    got = Client(reader=FakeReader(exchange=market)).get("/v1/convert", **{"from": "BTC", "to": "USDT"})
    assert got.json["age_seconds"] == 0


def test_equally_short_paths_are_told_apart_by_their_oldest_leg() -> None:
    """The path through the newer of two old legs wins, then the first by name."""
    fresh, old, older = timedelta(0), timedelta(minutes=5), timedelta(minutes=9)
    market = [
        pair("BTC", "USDT", "1", age=fresh),
        pair("USDT", "TRY", "1", age=older),
        pair("BTC", "EUR", "1", age=old),
        pair("EUR", "TRY", "1", age=old),
        pair("BTC", "USD", "1", age=old),
        pair("USD", "TRY", "1", age=fresh),
    ]
    got = shortest_path(known_rates(market, NOON), "BTC", "TRY")
    assert got is not None
    assert [step.rate.symbol for step in got] == ["BTCEUR", "EURTRY"]


@given(MARKETS, st.sampled_from(CODES), st.sampled_from(CODES))
def test_a_path_is_shortest_and_then_freshest(rates: list[Rate], source: str, target: str) -> None:
    """No path through other currencies is shorter or, as short, has a newer oldest leg."""
    found = shortest_path(rates, source, target)
    newest: dict[frozenset[str], int] = {}
    for rate in rates:
        key = frozenset((rate.base, rate.quote))
        newest[key] = max(newest.get(key, 0), int(rate.as_of.timestamp()))
    others = [code for code in CODES if code not in (source, target)]
    possible = []
    for count in range(len(others) + 1) if source != target else ():
        for between in permutations(others, count):
            stops = (source, *between, target)
            legs = [frozenset(stops[i : i + 2]) for i in range(len(stops) - 1)]
            if all(leg in newest for leg in legs):
                possible.append((len(legs), -min(newest[leg] for leg in legs)))
    if source == target:
        assert found == ()
    elif not possible:
        assert found is None
    else:
        assert found is not None
        assert (found[0].source, found[-1].target) == (source, target)
        assert all(one.target == two.source for one, two in pairwise(found))
        assert (len(found), -min(int(step.rate.as_of.timestamp()) for step in found)) == min(possible)


@given(MARKETS, st.sampled_from(CODES), st.sampled_from(CODES))
def test_the_way_back_is_the_same_path(rates: list[Rate], source: str, target: str) -> None:
    """Whatever order the rates come in: what was bought can be sold at the same rates, so the product is one."""
    there, back = shortest_path(rates, source, target), shortest_path(rates[::-1], target, source)
    assert (there is None) == (back is None)
    product = Fraction(1)
    for step in (*(there or ()), *(back or ())):
        product *= step.factor
    assert product == 1


@given(
    st.lists(st.decimals("0.00000001", "100000000", places=8), min_size=4, max_size=4),
    st.decimals("0.000001", "1000000000", places=6),
    st.permutations(["BTC", "USDT", "EUR", "TRY", "JPY"]),
)
def test_there_and_back_is_the_same_amount(prices: list[Decimal], amount: Decimal, chain: list[str]) -> None:
    """Each way rounds once, half to even, at SIGNIFICANT_DIGITS: that is all that is lost."""
    market = [pair(one, two, str(price)) for (one, two), price in zip(pairwise(chain), prices, strict=True)]
    converter = Converter(reader=FakeReader(exchange=[*market, pair("USDT", "EUR", None)]), clock=lambda: NOON)
    there = converter.convert(Question(source=chain[0], target=chain[-1], amount=amount))
    back = converter.convert(Question(source=chain[-1], target=chain[0], amount=there.result))
    assert abs(back.result / amount - 1) <= Decimal(10) ** (2 - SIGNIFICANT_DIGITS)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(1, 3), "0.33333333333333333333"),
        (Fraction(10**19 * 2 + 1, 2), "10000000000000000000"),
        (Fraction(10**19 * 2 + 3, 2), "10000000000000000002"),
        (Fraction(10**30), "1" + "0" * 30),
        (Fraction(1, 10**30), "0." + "0" * 29 + "1"),
        (Fraction("84.20"), "84.2"),
    ],
)
def test_a_number_is_rounded_once_and_written_out(value: Fraction, text: str) -> None:
    """Twenty digits, half to even, no zeros at the end and no exponent."""
    assert f"{rounded(value):f}" == text
