"""The simulation repeats itself, loses nothing, and starves nobody below the limits."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.scaling.loading import Seen, Sent, load
from bench.scaling.simulation import percentile, shares, simulate
from bench.workload.asked import Mix
from bench.workload.measured import measured
from tests.unit.bench.support import settings as prod

pytestmark = pytest.mark.unit


def test_a_seed_is_a_run() -> None:
    """The same seed gives the same minutes to the last digit, another seed others."""
    one = simulate(prod(), 200, measured(), seed=1, minutes=3)
    assert simulate(prod(), 200, measured(), seed=1, minutes=3) == one
    assert simulate(prod(), 200, measured(), seed=2, minutes=3) != one


def test_few_symbols_starve_nobody_and_too_many_do() -> None:
    """Below the first limit every symbol is asked for each minute; beyond it the last ones are asked for in no run."""
    few = simulate(prod(), 300, measured(), seed=1, minutes=3)
    many = simulate(prod(), 2000, measured(), seed=1, minutes=3)
    assert (few.starved, few.left) == (0, 0)
    assert few.freshness_p95 < 60
    assert many.starved > 1000
    assert many.freshness_p95 == float("inf")


def test_a_run_that_is_cut_off_delivers_nothing() -> None:
    """What is no longer asked for passes the gate all the same: beyond some number no message leaves in time."""
    some = simulate(prod(), 900, measured(), seed=1, minutes=3)
    none = simulate(prod(), 1500, measured(), seed=1, minutes=3)
    assert 0 < some.starved < Mix.of(900).binance
    assert none.starved == Mix.of(1500).binance


def test_a_shorter_pause_asks_for_more() -> None:
    """What is turned up in the catalogue is seen in the simulation."""
    faster = prod().with_fetching("binance", min_interval_seconds=0.01, max_concurrency=20, memory=1769)
    before = simulate(prod(), 2000, measured(), seed=1, minutes=3)
    assert simulate(faster, 2000, measured(), seed=1, minutes=3).starved < before.starved


@settings(max_examples=30)
@given(st.integers(0, 400), st.integers(1, 5), st.integers(1, 60), st.integers(0, 1000))
def test_every_message_is_loaded_or_left(messages: int, concurrency: int, seconds: int, seed: int) -> None:
    """None is lost and none is taken twice, also of a burst in the last seconds; what is left has an age too."""
    rng = random.Random(seed)
    message = measured().message("binance.klines_1m catching up")
    queue = sorted((Sent(rng.uniform(60 - seconds, 60), 0, message) for _ in range(messages)), key=lambda one: one.at)
    seen = Seen(minutes=1)
    load(queue, replace(prod(), etl_concurrency=concurrency), rng, seen)
    assert len(seen.ages) == messages
    assert len(seen.fresh) <= messages - seen.left
    assert all(age >= 0 for age in seen.ages)
    assert 0 <= seen.etl_busy <= 60 * concurrency + 1e-6


def test_symbols_are_shared_out_among_the_addresses() -> None:
    """Every symbol has one fetcher, and no fetcher has more than one symbol more than another."""
    mix = Mix.of(1000)
    found = shares(prod().with_fetching("binance", fetchers=7), mix)
    assert (sum(found), len(found)) == (mix.binance, 7)
    assert max(found) - min(found) <= 1


def test_a_percentile_is_a_value_that_was_seen() -> None:
    """By nearest rank; of nothing it is zero."""
    assert percentile([5.0, 1.0, 3.0], 0.95) == 5.0
    assert percentile([5.0, 1.0, 3.0], 0.0) == 1.0
    assert percentile([], 0.95) == 0.0
