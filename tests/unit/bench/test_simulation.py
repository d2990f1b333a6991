"""The simulation repeats itself, loses nothing, and starves nobody below the limits."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.scaling.fetching import Fetcher
from bench.scaling.limits import limits
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


def test_few_symbols_starve_nobody_and_far_too_many_do() -> None:
    """Below the first limit every symbol is asked for each minute; far beyond it three runs do not go round."""
    few = simulate(prod(), 300, measured(), seed=1, minutes=3)
    many = simulate(prod(), 5000, measured(), seed=1, minutes=3)
    assert (few.left_out, few.starved, few.left) == (0, 0, 0)
    assert few.freshness_p95 < 60
    assert many.starved > 2000
    assert many.freshness_p95 == float("inf")


def test_beyond_the_pace_candles_come_late_and_nobody_starves() -> None:
    """Each run leaves some out, another one has them, and every run ends before the function is cut off."""
    found = simulate(prod(), 1000, measured(), seed=1, minutes=3)
    assert 150 < found.left_out < 250
    assert found.starved == 0
    assert 60 < found.freshness_p95 < 150
    assert found.run_seconds < prod().fetching["binance"].timeout


def test_messages_after_the_cut_off_are_not_delivered() -> None:
    """A run that asks until its last moment has no time to send all of it, and calculation and simulation say so."""
    greedy = prod().with_fetching(
        "binance", request_timeout_seconds=1, min_interval_seconds=0.005, max_concurrency=60, memory=1769
    )
    found = simulate(greedy, 9000, measured(), seed=1, minutes=1)
    limit = next(one for one in limits(greedy, measured()) if one.name == "cut off")
    assert found.run_seconds == greedy.fetching["binance"].timeout
    assert limit.capacity < 9000
    assert 0 < Mix.of(9000).binance - found.left_out < 4500


def test_what_one_run_leaves_out_the_next_brings() -> None:
    """Each candle of a symbol is new in one message only, and none is forgotten when the symbol has its turn."""
    seen = Seen(minutes=10)
    fetcher = Fetcher(prod().fetching["binance"], 1000, measured(), random.Random(1))
    sent = [one for minute in range(seen.minutes) for one in fetcher.run(minute, seen)]
    brought = Counter(minute for one in sent for minute in one.minutes)
    assert brought == Counter(minute for due in fetcher.due for minute in range(due))
    assert brought[0] == 1000
    assert min(fetcher.due) >= 9


def test_a_shorter_pause_asks_for_more() -> None:
    """What is turned up in the catalogue is seen in the simulation."""
    faster = prod().with_fetching("binance", min_interval_seconds=0.01, max_concurrency=20, memory=1769)
    before = simulate(prod(), 2000, measured(), seed=1, minutes=3)
    assert simulate(faster, 2000, measured(), seed=1, minutes=3).left_out < before.left_out


@settings(max_examples=30)
@given(st.integers(0, 400), st.integers(1, 5), st.integers(1, 60), st.integers(0, 1000))
def test_every_message_is_loaded_or_left(messages: int, concurrency: int, seconds: int, seed: int) -> None:
    """None is lost and none is taken twice, also of a burst in the last seconds; what is left has an age too."""
    rng = random.Random(seed)
    message = measured().message("binance.klines_1m catching up")
    queue = [Sent(rng.uniform(60 - seconds, 60), range(1), message) for _ in range(messages)]
    queue.sort(key=lambda one: one.at)
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
