"""What the rules see at a glance in the columns of a series is what they say of each of its candles."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketflow.domain.interval import Interval
from marketflow.domain.rules import CandleRule, candle_faults, first_fault
from marketflow.domain.series import Series
from marketflow.domain.symbol import AssetType
from marketflow.etl.strategies import STRATEGIES

pytestmark = pytest.mark.unit

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
RULES = [(kind, rule) for kind in AssetType for rule in STRATEGIES[kind].candle_rules]

LONG = ["123456789012345.678901234567", "123456789012345.678901234568", "1" * 24, "0." + "0" * 29 + "1"]
prices = st.sampled_from(["1", "1.0", "1.00000000", "1.1", "0.9", "0.99999999", "2", "-1", "0", "-0", "0.0", *LONG])
volumes = st.sampled_from([None, "0", "0.00000000", "-0", "-0.1", "3.14", "9" * 24])
moments = st.sampled_from([0, -60, -120, -3600, -86_400, 30, 60, 61, 3600, -1, -(20 * 60)])


@st.composite
def series(draw: st.DrawFn) -> Series:
    """Up to three candles about noon, with odd values in up to two of their columns."""
    size = draw(st.integers(1, 3))
    odd_columns = iter(draw(st.permutations([True, True, *[False] * 7])))

    def column(good: object, odd: st.SearchStrategy[object]) -> list[object]:
        values = st.just(good) | odd if next(odd_columns) else st.just(good)
        return draw(st.lists(values, min_size=size, max_size=size))

    return Series(
        source_symbol="BTCUSDT",
        interval=draw(st.sampled_from([Interval.M1, Interval.M1, *Interval])),
        currency=None,
        open_times=[int(NOON.timestamp()) + int(str(at)) for at in column(-120, moments)],
        opens=column("1.0", prices),  # type: ignore[arg-type]  # columns of any kind are drawn alike
        highs=column("1.1", prices),  # type: ignore[arg-type]
        lows=column("0.9", prices),  # type: ignore[arg-type]
        closes=column("1", prices),  # type: ignore[arg-type]
        volumes=column("3.14", volumes),  # type: ignore[arg-type]
        quote_volumes=column("3.14", volumes),  # type: ignore[arg-type]
        trades=column(7, st.sampled_from([None, 0, -1, 2**63 - 1, 2**63])),  # type: ignore[arg-type]
        finals=column(True, st.booleans()),  # type: ignore[arg-type]
        positions=list(range(size)),
    )


def one_by_one(candles: Series, clock: datetime, rules: Sequence[CandleRule]) -> list[tuple[int, str, str]]:
    """Place, reason and detail of each fault, from the rows alone."""
    faults = [(place, first_fault(candle, clock, rules)) for place, candle in enumerate(candles)]
    return [(place, fault.reason, fault.detail) for place, fault in faults if fault is not None]


@settings(max_examples=500)
@given(series(), st.sampled_from(list(AssetType)), st.timedeltas(timedelta(minutes=-2), timedelta(minutes=3)))
def test_the_faults_of_a_series_are_those_of_its_candles(page: Series, kind: AssetType, late: timedelta) -> None:
    """The same places, reasons and details, for any market and clock."""
    rules = STRATEGIES[kind].candle_rules
    found = candle_faults(page, NOON + late, rules)
    assert [(place, fault.reason, fault.detail) for place, fault in found.items()] == one_by_one(
        page, NOON + late, rules
    )


@settings(max_examples=500)
@given(series(), st.sampled_from(RULES), st.timedeltas(timedelta(minutes=-2), timedelta(minutes=3)))
def test_a_rule_that_holds_finds_no_fault(page: Series, rule: tuple[AssetType, CandleRule], late: timedelta) -> None:
    """Each rule by itself: at a glance it may be too strict, and is never too lenient."""
    if rule[1].holds(page, NOON + late):
        assert one_by_one(page, NOON + late, [rule[1]]) == []


def test_a_good_page_is_judged_without_looking_at_a_row() -> None:
    """The rules see what there is to see in the columns: rows are made only to say what is wrong."""

    class Page(Series):
        def __getitem__(self, place: object) -> object:  # type: ignore[override]  # nobody may ask
            raise AssertionError(place)

    seconds = int(NOON.timestamp())
    count = 1000
    page = Page(
        source_symbol="BTCUSDT",
        interval=Interval.M1,
        currency=None,
        open_times=[seconds - 60 * (count - place) for place in range(count)],
        opens=["64010.00000000"] * count,
        highs=["64011.00000000"] * count,
        lows=["64009.00000000"] * count,
        closes=["64010.50000000"] * count,
        volumes=["1.5"] * count,
        quote_volumes=[None] * count,
        trades=[3] * count,
        finals=[True] * count,
        positions=range(count),
    )
    assert candle_faults(page, NOON, STRATEGIES[AssetType.CRYPTO].candle_rules) == {}
