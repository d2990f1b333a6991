"""Conversion of one currency into another, through the shortest path of pairs whose prices are known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from math import prod
from typing import Protocol

from marketflow.domain.currency import ISO_4217, PARITIES
from marketflow.domain.money import MINOR_UNITS
from marketflow.domain.reading import Pair
from marketflow.domain.symbol import AssetType
from marketflow.errors import RefusedError

SIGNIFICANT_DIGITS = 20
"""Results and rates that had to be computed are rounded to these, half to even, once, at the end."""

PARITY = "parity"
"""The source of a leg that nobody observed: see marketflow.domain.currency.PARITIES."""

MAX_AGE_SECONDS = {AssetType.CRYPTO: 3600, AssetType.FOREX: 4 * 86_400}
"""How old a leg may be where the caller does not say.

Crypto trades at all hours: an hour without a price is an outage. Reference rates come once on each business day: four
days reach over a weekend with a holiday beside it. Both are wider than the freshness targets, which watch the schedule.
"""

_ROUNDED = Context(prec=SIGNIFICANT_DIGITS, rounding=ROUND_HALF_EVEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """How much `amount` (above zero) of `source` is in `target`, now or at a past time.

    No leg may be older than `max_age_seconds` at that time; None: as MAX_AGE_SECONDS says.
    """

    source: str
    target: str
    amount: Decimal = Decimal(1)
    at: datetime | None = None
    max_age_seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A pair whose price is known: one unit of `base` is `price` units of `quote`. `symbol` is None for a parity."""

    symbol: str | None
    source: str
    asset_type: str
    base: str
    quote: str
    price: Decimal
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Step:
    """A rate and the direction in which a path takes it: from base to quote, or `inverted`."""

    rate: Rate
    inverted: bool

    @property
    def source(self) -> str:
        """The currency that it starts from."""
        return self.rate.quote if self.inverted else self.rate.base

    @property
    def target(self) -> str:
        """The currency that it leads to."""
        return self.rate.base if self.inverted else self.rate.quote

    @property
    def factor(self) -> Fraction:
        """How much of `target` one unit of `source` is, exactly."""
        price = Fraction(self.rate.price)
        return 1 / price if self.inverted else price


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One step of an answer; `rate` is the stored price digit for digit, or its rounded inverse."""

    symbol: str | None
    source_currency: str
    target_currency: str
    rate: Decimal
    as_of: datetime
    age_seconds: int
    source: str
    inverted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """`result` is `amount` times the exact product of the legs. `as_of` is the oldest leg's, and so is the age."""

    source: str
    target: str
    amount: Decimal
    result: Decimal
    rate: Decimal
    as_of: datetime
    age_seconds: int
    legs: tuple[Leg, ...]


class PairReader(Protocol):
    """The pairs of the stored market, in one statement. Raises DatabaseUnavailableError without a database."""

    def pairs(self, *, at: datetime | None) -> list[Pair]:
        """Every active pair with its last price at or before `at`, None: its latest."""
        ...


class Converter:
    """Converts currencies; `clock` gives aware UTC times."""

    def __init__(self, *, reader: PairReader, clock: Callable[[], datetime]) -> None:
        self._reader = reader
        self._clock = clock

    def convert(self, question: Question) -> Conversion:
        """The answer to `question`; a currency in itself is one for one, without a leg.

        Raises RefusedError: 400 for a code that is no currency and for a time to come, 404 when no path of pairs leads
        from one to the other, 409 when a leg of the shortest one is too old.
        """
        now = self._clock()
        if question.at is not None and question.at > now:
            raise _refuse("invalid_parameter", 400, "at", "at: the future has no prices yet.")
        moment = question.at or now
        pairs = self._reader.pairs(at=question.at)
        traded = {code for pair in pairs if pair.asset_type == AssetType.CRYPTO for code in (pair.base, pair.quote)}
        for parameter, code in (("from", question.source), ("to", question.target)):
            if code not in ISO_4217 and code not in traded:
                raise _unknown(code, parameter)
        path = shortest_path(known_rates(pairs, moment), question.source, question.target)
        if path is None:
            raise _no_path(question)
        legs = tuple(_leg(step, moment) for step in path)
        for step, leg in zip(path, legs, strict=True):
            _check_age(step, leg, question.max_age_seconds)
        factor = prod((step.factor for step in path), start=Fraction(1))
        return Conversion(
            source=question.source,
            target=question.target,
            amount=question.amount,
            result=rounded(Fraction(question.amount) * factor),
            rate=rounded(factor),
            as_of=min((leg.as_of for leg in legs), default=moment),
            age_seconds=max((leg.age_seconds for leg in legs), default=0),
            legs=legs,
        )


def known_rates(pairs: Iterable[Pair], moment: datetime) -> list[Rate]:
    """The pairs that have a price, and the parities that none of those replaces."""
    rates = [
        Rate(
            symbol=pair.symbol,
            source=pair.source,
            asset_type=pair.asset_type,
            base=pair.base,
            quote=pair.quote,
            price=pair.price,
            as_of=pair.as_of,
        )
        for pair in pairs
        if pair.price is not None and pair.as_of is not None
    ]
    observed = {frozenset((rate.base, rate.quote)) for rate in rates}
    parities = [
        Rate(
            symbol=None,
            source=PARITY,
            asset_type=AssetType.CRYPTO,
            base=base,
            quote=quote,
            price=Decimal(1),
            as_of=moment,
        )
        for base, quote in PARITIES
        if frozenset((base, quote)) not in observed
    ]
    return rates + parities


def shortest_path(rates: Iterable[Rate], source: str, target: str) -> tuple[Step, ...] | None:
    """The fewest steps from `source` to `target`; None when there is no path, empty from a currency to itself.

    Of equally short paths the one whose oldest rate is the newest, then the first by name; the order of `rates` does
    not matter, and the way back is the same path.
    """
    if source > target:
        back = shortest_path(rates, target, source)
        return None if back is None else tuple(Step(step.rate, not step.inverted) for step in reversed(back))
    neighbours: dict[str, list[Step]] = {}
    for rate in rates:
        for step in (Step(rate, False), Step(rate, True)):
            neighbours.setdefault(step.source, []).append(step)
    seen = {source}
    layer: dict[str, tuple[Step, ...]] = {source: ()}
    while layer and target not in layer:
        following: dict[str, tuple[Step, ...]] = {}
        for currency, steps in layer.items():
            for step in neighbours.get(currency, ()):
                path = (*steps, step)
                if step.target not in seen and _better(path, following.get(step.target)):
                    following[step.target] = path
        seen |= following.keys()
        layer = following
    return layer.get(target)


def rounded(value: Fraction) -> Decimal:
    """`value` with SIGNIFICANT_DIGITS, without zeros at the end."""
    return _ROUNDED.divide(Decimal(value.numerator), Decimal(value.denominator)).normalize(_ROUNDED)


def _better(path: Sequence[Step], other: Sequence[Step] | None) -> bool:
    """Whether `path`, as long as `other`, is fresher, or as fresh and first by name."""
    if other is None:
        return True
    oldest, others = (min(step.rate.as_of for step in steps) for steps in (path, other))
    return oldest > others or (oldest == others and _names(path) < _names(other))


def _names(path: Sequence[Step]) -> list[str]:
    return [step.rate.symbol or "" for step in path]


def _leg(step: Step, moment: datetime) -> Leg:
    return Leg(
        symbol=step.rate.symbol,
        source_currency=step.source,
        target_currency=step.target,
        rate=rounded(step.factor) if step.inverted else step.rate.price,
        as_of=step.rate.as_of,
        # A clock ahead of ours counts as none.
        age_seconds=max(0, int((moment - step.rate.as_of).total_seconds())),
        source=step.rate.source,
        inverted=step.inverted,
    )


def _check_age(step: Step, leg: Leg, max_age_seconds: int | None) -> None:
    limit = MAX_AGE_SECONDS[AssetType(step.rate.asset_type)] if max_age_seconds is None else max_age_seconds
    if leg.age_seconds > limit:
        detail = (
            f"The leg from {leg.source_currency} to {leg.target_currency} has a price of {leg.symbol} that is "
            f"{leg.age_seconds} seconds old; at most {limit} are accepted. A greater max_age_seconds takes it."
        )
        raise _refuse("rate_too_old", 409, "max_age_seconds", detail)


def _unknown(code: str, parameter: str) -> RefusedError:
    detail = f"{code[:12]!r} is no currency of ISO 4217 and none of an active crypto pair. Codes are in capitals."
    if code in MINOR_UNITS:
        major, power = MINOR_UNITS[code]
        detail = f"{code} is a minor unit: {10**power} {code} are 1 {major}. Ask for {major}."
    return _refuse("unknown_currency", 400, parameter, detail)


def _no_path(question: Question) -> RefusedError:
    when = "" if question.at is None else " at that time"
    detail = f"No path of active pairs with a price{when} leads from {question.source} to {question.target}."
    return _refuse("no_path", 404, "to", detail)


def _refuse(code: str, status: int, parameter: str, detail: str) -> RefusedError:
    return RefusedError(detail, status=status, code=code, parameter=parameter)
