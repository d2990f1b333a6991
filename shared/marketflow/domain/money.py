"""Exact numbers: vendors' texts to Decimals, minor units to major ones, cross rates. Never through a float's digits."""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from typing import Any

from marketflow.errors import MalformedPayloadError

MINOR_UNITS: dict[str, tuple[str, int]] = {
    "GBp": ("GBP", 2),
    "ZAc": ("ZAR", 2),
    "ILA": ("ILS", 2),
    "KWF": ("KWD", 3),
    "USX": ("USD", 2),
}
"""Units in which some exchanges quote: the major currency, and the power of ten between the two. Case matters."""

CROSS_RATE_DIGITS = 10

_LARGEST_POWER = 23  # below 10**24: no price or volume of any market comes near it
_FLOAT_DIGITS = 15
_SMALLEST_POWER = -30  # finer than any tick; a longer tail is a broken number, and would fill a NUMERIC column
_EXACT = Context(prec=120)
_CROSS = Context(prec=CROSS_RATE_DIGITS, rounding=ROUND_HALF_EVEN)
_PLAIN = r"-?[0-9]{1,24}+(?:\.[0-9]{1,30}+)?+"
_is_plain = re.compile(_PLAIN).fullmatch
_are_plain = re.compile(f"(?:{_PLAIN},)*+").fullmatch


def plain_decimal(text: object) -> Decimal:
    """The exact value of a plain decimal text such as `"0.00005000"`, its trailing zeros kept.

    Raises MalformedPayloadError (`not_a_number`) for anything else: another type, NaN, Infinity, an exponent, spaces,
    separators, foreign digits, more than 24 digits before or 30 after the point.
    """
    if isinstance(text, str) and _is_plain(text):
        return Decimal(text)
    raise MalformedPayloadError(f"{shown(text)} is not a plain decimal number.", reason="not_a_number")


def are_plain(texts: Sequence[Any]) -> bool:
    """Whether `plain_decimal` takes each of `texts`; all are looked at in one go, several times as fast."""
    try:
        joined = ",".join([*texts, ""])
    except TypeError:
        return False
    return joined.count(",") == len(texts) and _are_plain(joined) is not None


def comparable(columns: Sequence[Sequence[str]]) -> Sequence[Sequence[float | Decimal]]:
    """Plain decimal texts as numbers that compare with each other as they do: floats where none has many digits.

    Of up to 15 digits no two decimals have the same float, and a greater one has a greater float. Only to compare.
    """
    short = max(max(map(len, column)) for column in columns) <= _FLOAT_DIGITS
    return [list(map(float if short else Decimal, column)) for column in columns]


def json_number(text: str) -> Decimal:
    """The number that a JSON document writes as `text`; NaN when no Decimal can hold it. For `json.loads` hooks.

    Serves as `parse_float` and as `parse_constant`: what is not finite stays a marker that `exact` refuses where it is
    used, so that one broken number costs its own row and not the whole document.
    """
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal("NaN")


def exact(value: object) -> Decimal:
    """A number out of a JSON document (read with `json_number`) as a Decimal without a positive exponent.

    Raises MalformedPayloadError: `not_a_number` for another type or a number that is not finite, `absurd_number`
    for 10**24 and more, or for digits beyond the 30th decimal place.
    """
    if type(value) is int:
        number = Decimal(value)
    elif isinstance(value, Decimal) and value.is_finite():
        number = value
    else:
        raise MalformedPayloadError(f"{shown(value)} is not a finite number.", reason="not_a_number")
    exponent = int(number.as_tuple().exponent)
    if number.adjusted() > _LARGEST_POWER or exponent < _SMALLEST_POWER:
        raise MalformedPayloadError(f"{shown(value)} is beyond any market's numbers.", reason="absurd_number")
    return number.quantize(Decimal(1), context=_EXACT) if exponent > 0 else number


def float32_decimal(value: object) -> Decimal:
    """The shortest decimal that names the same float32 as `value`, when `value` is exactly one; else `value` itself.

    Yahoo widens its float32 numbers to doubles before it prints them: 75.0875015258789 stands for 75.0875. Six
    digits survive a float32 always and nine tell any two apart, so the first of 6 to 9 that comes back is the shortest.
    Integers are exact as they are. Raises MalformedPayloadError as `exact` does.
    """
    number = exact(value)
    if isinstance(value, int):
        return number
    double = float(number)
    if _float32(double) != double:
        return number
    for digits in (6, 7, 8):
        text = f"{double:.{digits}g}"
        if _float32(float(text)) == double:
            break
    else:
        text = f"{double:.9g}"
    return exact(Decimal(text))


def major_unit(unit: str) -> tuple[str, int]:
    """The major currency of `unit` and the power of ten between the two: `GBp` is `("GBP", 2)`, `USD` `("USD", 0)`."""
    return MINOR_UNITS.get(unit, (unit, 0))


def to_major(value: Decimal, power: int) -> Decimal:
    """`value` of a minor unit in the major one, exactly: the point moves, no digit changes."""
    return value.scaleb(-power, context=_EXACT) if power else value


def cross_rate(base: Decimal, quote: Decimal) -> Decimal:
    """How much of the quote currency one unit of the base currency buys, from both rates against a common currency.

    `base` and `quote` are units per one unit of the common currency, above zero. Ten significant digits, half to even;
    a `base` of one (it is the common currency) gives `quote` itself, unrounded.
    """
    return quote if base == 1 else _CROSS.divide(quote, base)


def shown(value: object) -> str:
    """A short printable form of an untrusted `value` for messages: a number or text is cut, a container only named."""
    if value is None or isinstance(value, str | int | float | Decimal):
        try:
            return repr(value)[:60]
        except ValueError:  # an int of more digits than Python prints
            return "a huge integer"
    return f"a {type(value).__name__}"


def _float32(double: float) -> float | None:
    """`double` rounded to the nearest float32; None when that overflows."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", double))[0])
    except OverflowError:
        return None
