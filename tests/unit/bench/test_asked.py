"""What is asked of the sources is what their own code asks."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.workload.asked import BLOCK, NOW, Mix, calls, numbers_of
from bench.workload.flow import Flow
from bench.workload.measured import measured
from marketflow.domain.fetching import FetchTask
from marketflow.persistence.seeds import SEED_SYMBOLS
from marketflow.sources import factory
from marketflow.sources.catalog import CATALOG

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(("source", "dataset"), [("binance", "klines_1m"), ("binance", "ticker_price")])
@pytest.mark.parametrize("symbols", [1, 199, 200, 201, BLOCK, 2345])
def test_many_symbols_are_counted_as_the_source_counts_them(source: str, dataset: str, symbols: int) -> None:
    """Counting in blocks gives what `build_requests` gives for all of them at once."""
    names = [f"X{number}" for number in range(symbols)]
    requests = factory.create(source).build_requests(
        FetchTask(dataset=dataset), names, now=NOW, since=NOW - timedelta(minutes=1)
    )
    found = calls(source, dataset, symbols, every_seconds=60)
    assert sum(one.number for one in found) == len(requests)
    assert sum(one.number * one.symbols for one in found) == symbols
    assert {one.symbols for one in found} == {len(request.symbols) for request in requests}


def test_the_first_symbols_are_the_seeds() -> None:
    """As many symbols as a fresh installation has are shared out among the sources as there."""
    mix = Mix.of(len(SEED_SYMBOLS))
    for source in CATALOG:
        assert mix.names(source) == sum(seed["source"] == source for seed in SEED_SYMBOLS)


@given(st.integers(1, 10_000_000))
def test_no_symbol_is_lost(symbols: int) -> None:
    """The sources together have as many as were named, and none has fewer with one symbol more."""
    mix, more = Mix.of(symbols), Mix.of(symbols + 1)
    assert mix.binance + mix.yahoo + mix.exchangerate == symbols
    assert mix.yahoo <= more.yahoo
    assert mix.exchangerate <= more.exchangerate


def test_no_symbols_are_refused() -> None:
    """A number that is none is named in the message."""
    with pytest.raises(ValueError, match="0 symbols"):
        Mix.of(0)


def test_numbers_are_written_with_commas() -> None:
    """What is no number is named, with how to write it."""
    assert numbers_of("", (36, 500)) == (36, 500)
    assert numbers_of("1,20", (36,)) == (1, 20)
    with pytest.raises(ValueError, match=r"'many'.*36,500"):
        numbers_of("many", (36,))


def test_a_daily_rate_is_asked_for_once_a_day() -> None:
    """The ticks of a source that publishes once a day ask nothing in between: its answer says when to come back."""
    (tick,) = Flow.of(Mix.of(36), measured()).of_source("exchangerate")
    assert tick.number * tick.requests == pytest.approx(730 / 24)


def test_every_schedule_of_the_catalogue_ticks() -> None:
    """A schedule that joins the catalogue joins the model."""
    flow = Flow.of(Mix.of(36), measured())
    assert [(tick.source.name, tick.schedule.name) for tick in flow.ticks] == [
        (source.name, schedule.name) for source in CATALOG.values() for schedule in source.schedules
    ]
