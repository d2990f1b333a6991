"""Exact numbers stay exact, and what is no number is refused."""

from __future__ import annotations

import json
import struct
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from marketflow.domain.money import (
    are_plain,
    comparable,
    cross_rate,
    exact,
    float32_decimal,
    json_number,
    major_unit,
    plain_decimal,
    shown,
    to_major,
)
from marketflow.errors import MalformedPayloadError

pytestmark = pytest.mark.unit


def widened(text: str) -> Decimal:
    """What Yahoo prints for the float32 nearest to `text`: its double's shortest digits."""
    return json_number(repr(struct.unpack("<f", struct.pack("<f", float(text)))[0]))


@given(st.decimals(min_value=0, max_value=10**12, places=8))
def test_a_plain_text_keeps_every_digit(number: Decimal) -> None:
    """The Decimal of a vendor's text prints as that text, trailing zeros included."""
    assert f"{plain_decimal(f'{number:f}'):f}" == f"{number:f}"


BROKEN_TEXTS = ["NaN", "Infinity", "-inf", "1e5", "1E-8", "1_000", " 1", "1\n", "１２", "+1", "", ".5", "5.", "0x1"]


@pytest.mark.parametrize("text", [*BROKEN_TEXTS, "1" * 25, "0." + "1" * 31, None, 1, 1.5, True, [], {}])
def test_what_is_no_plain_number_is_refused(text: object) -> None:
    """No NaN, no exponent, no separator, no foreign digit, no other type passes as a vendor's decimal text."""
    with pytest.raises(MalformedPayloadError) as error:
        plain_decimal(text)
    assert error.value.reason == "not_a_number"


texts = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False, places=8, min_value=-(10**16), max_value=10**16).map(
        "{:f}".format
    ),
    st.from_regex(r"-?[0-9]{1,26}(\.[0-9]{1,32})?", fullmatch=True),
    st.sampled_from([*BROKEN_TEXTS, "1,2", ",", "1,"]),
    st.none() | st.integers() | st.text(max_size=5),
)


@given(st.lists(texts, max_size=4))
def test_texts_together_are_plain_when_each_is(several: list[object]) -> None:
    """Looking at all of them at once lets nothing pass, and refuses nothing, that looking at each would not."""

    def plain(text: object) -> bool:
        try:
            plain_decimal(text)
        except MalformedPayloadError:
            return False
        return True

    assert are_plain(several) == all(map(plain, several))


@given(st.integers(0, 10**17), st.integers(-3, 3), st.integers(0, 16))
def test_what_is_compared_compares_as_the_decimals_do(digits: int, apart: int, places: int) -> None:
    """Neighbours in their last digit are told apart, and equal ones are equal, with few digits and with many."""
    one, two = (f"{Decimal(number).scaleb(-places):f}" for number in (digits, max(digits + apart, 0)))
    ((a, b),) = comparable([[one, two]])
    assert ((a > b) - (a < b)) == (Decimal(one) > Decimal(two)) - (Decimal(one) < Decimal(two))


@pytest.mark.parametrize(
    ("text", "value"),
    [("0.00000812", "0.00000812"), ("1e-05", "0.00001"), ("5E+3", "5000"), ("-0.5", "-0.5"), ("2", "2")],
)
def test_a_json_number_is_read_from_its_text(text: str, value: str) -> None:
    """A number of a JSON document has the digits that were sent, and no exponent that a column could not hold."""
    assert f"{exact(json.loads(text, parse_float=json_number)):f}" == value


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999999999999999999999999"])
def test_a_number_that_is_none_does_not_spoil_its_document(text: str) -> None:
    """What no Decimal can hold is readable as a marker, and refused where it is used."""
    neighbour, broken = json.loads(f"[1.5, {text}]", parse_float=json_number, parse_constant=json_number)
    assert exact(neighbour) == Decimal("1.5")
    with pytest.raises(MalformedPayloadError) as error:
        exact(broken)
    assert error.value.reason == "not_a_number"


@pytest.mark.parametrize(
    "value", [10**24, -(10**24), Decimal("1e999999"), Decimal("1e-31"), pytest.param(10**5000, id="5000-digits")]
)
def test_absurd_numbers_are_refused(value: object) -> None:
    """No market has such numbers; expanded, they would fill a column or the memory."""
    with pytest.raises(MalformedPayloadError) as error:
        exact(value)
    assert error.value.reason == "absurd_number"


@pytest.mark.parametrize("value", [True, 1.5, "1.5", None, [1], {}])
def test_other_types_are_not_numbers(value: object) -> None:
    """A boolean or a text in the place of a number is a broken row; a float has lost its digits already."""
    with pytest.raises(MalformedPayloadError) as error:
        exact(value)
    assert error.value.reason == "not_a_number"


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("75.0875015258789", "75.0875"),
        ("1286.5699462890625", "1286.57"),
        ("314.1000061035156", "314.1"),
        ("1.1220825910568237", "1.1220826"),
        ("7200.17431640625", "7200.1743"),
        ("0.0009765649447217584", "0.000976565"),
        ("1258.0", "1258"),
        ("97208.17", "97208.17"),
        ("0.1", "0.1"),
        ("333.923", "333.923"),
        ("1e300", None),
    ],
)
def test_a_widened_float32_shrinks_back(sent: str, meant: str | None) -> None:
    """A double that is exactly a float32 becomes its shortest decimal; any other keeps the digits that were sent."""
    if meant is None:
        with pytest.raises(MalformedPayloadError):
            float32_decimal(json_number(sent))
    else:
        assert float32_decimal(json_number(sent)) == Decimal(meant)


@given(st.decimals(min_value=Decimal("0.0001"), max_value=999_999, places=4))
def test_six_digits_survive_a_float32(price: Decimal) -> None:
    """Every price of at most six significant digits comes back from the vendor's float32 as it was."""
    assume(len(str(price.normalize()).replace(".", "").lstrip("0")) <= 6)
    assert float32_decimal(widened(str(price))) == price


@given(st.floats(width=32, min_value=2**-40, max_value=2**60, allow_nan=False))
def test_the_recovered_decimal_names_the_same_float32(number: float) -> None:
    """Shrinking never changes which float32 is meant, and never needs more than nine digits."""
    recovered = float32_decimal(json_number(repr(number)))
    assert struct.unpack("<f", struct.pack("<f", float(recovered)))[0] == number
    assert len(recovered.normalize().as_tuple().digits) <= 9


def test_integers_are_not_taken_for_floats() -> None:
    """An integer is exact as it is, however many digits it has."""
    assert float32_decimal(28_111_481_032) == Decimal(28_111_481_032)


@pytest.mark.parametrize(
    ("unit", "currency", "power"),
    [
        ("GBp", "GBP", 2),
        ("ZAc", "ZAR", 2),
        ("ILA", "ILS", 2),
        ("KWF", "KWD", 3),
        ("USX", "USD", 2),
        ("GBP", "GBP", 0),
        ("TRY", "TRY", 0),
    ],
)
def test_minor_units_name_their_currency(unit: str, currency: str, power: int) -> None:
    """Case matters: GBp are pence, GBP are pounds."""
    assert major_unit(unit) == (currency, power)


@given(st.decimals(min_value=0, max_value=10**20, places=10), st.integers(min_value=0, max_value=3))
def test_a_shift_of_the_point_is_exact(price: Decimal, power: int) -> None:
    """Going to the major unit moves the point and loses no digit, beyond the default precision of Decimals too."""
    shifted = to_major(price, power)
    assert shifted.as_tuple().digits == price.as_tuple().digits
    assert shifted.as_tuple().exponent == price.as_tuple().exponent - power


@pytest.mark.parametrize(
    ("base", "quote", "rate"),
    [
        ("0.846113", "43.912745", "51.89938578"),
        ("1", "2878.43194812", "2878.43194812"),
        ("3", "1", "0.3333333333"),
        ("2", "1.00000000001", "0.5000000000"),
        ("2", "2.0000000010", "1.000000000"),
        ("2", "2.0000000030", "1.000000002"),
    ],
)
def test_cross_rates_have_ten_digits_half_to_even(base: str, quote: str, rate: str) -> None:
    """A crossed rate is rounded once, half to even; a rate of the common currency itself is not touched."""
    assert str(cross_rate(Decimal(base), Decimal(quote))) == rate


def test_untrusted_values_are_shown_short() -> None:
    """A message carries a cut scalar, never a whole container or a character that cannot be written."""
    assert len(shown("x" * 10_000)) == 60
    assert shown({"a": ["secret"]}) == "a dict"
    assert shown(10**5000) == "a huge integer"
    assert shown("\ud800\x00") == "'\\ud800\\x00'"
