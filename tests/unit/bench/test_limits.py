"""The limits follow from the catalogue and cdk.json, and what is turned up carries the symbols."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.scaling.instances import LADDER, instance_of, larger
from bench.scaling.limits import MOST, Limit, capacity, first, limits
from bench.scaling.settings import Settings, read_stage
from bench.scaling.turning import turn_up
from bench.workload.measured import measured
from marketflow.sources.catalog import CATALOG
from tests.unit.bench.support import settings

pytestmark = pytest.mark.unit


def of(name: str, turned: Settings) -> int:
    return next(limit.capacity for limit in limits(turned, measured()) if limit.name == name)


@given(st.integers(0, 5000))
def test_the_capacity_is_the_largest_number_that_is_carried(largest: int) -> None:
    """One symbol more would be one too many."""
    assert capacity(lambda symbols: symbols <= largest) == largest


def test_what_carries_everything_has_no_capacity_of_its_own() -> None:
    """The search ends."""
    assert capacity(lambda _: True) == MOST


def test_the_settings_are_those_of_the_stage_and_the_catalogue() -> None:
    """Nothing is written down twice: a change of cdk.json or of the catalogue changes the model."""
    stage, found = read_stage("prod"), settings()
    assert stage.database is not None
    assert found.etl_concurrency == stage.etl_concurrency
    assert found.instance.name == stage.database.instance
    assert found.max_storage == stage.database.max_storage
    for name, source in CATALOG.items():
        assert found.fetching[name].min_interval_seconds == source.min_interval_seconds
        assert found.fetching[name].max_concurrency == source.max_concurrency
        assert found.fetching[name].timeout == stage.functions.fetch.timeout


def test_the_local_stage_has_a_model_too() -> None:
    """A stage without a database of its own is no error."""
    assert Settings.of(read_stage("local")).etl_concurrency == read_stage("local").etl_concurrency


@pytest.mark.parametrize(
    ("name", "better"),
    [
        ("pace", lambda one: one.with_fetching("binance", min_interval_seconds=0.02)),
        ("cut off", lambda one: one.with_fetching("binance", fetchers=2)),
        ("places", lambda one: one.with_fetching("binance", max_concurrency=12)),
        ("fetch CPU", lambda one: one.with_fetching("binance", memory=1024)),
        ("weight", lambda one: one.with_fetching("binance", fetchers=2)),
        ("ETL", lambda one: replace(one, etl_concurrency=2 * one.etl_concurrency)),
        ("database CPU", lambda one: replace(one, instance=instance_of("m7g.xlarge"))),
        ("database memory", lambda one: replace(one, instance=instance_of("m7g.xlarge"))),
        ("connections", lambda one: replace(one, instance=instance_of("m7g.xlarge"))),
        ("database I/O", lambda one: replace(one, iops=2 * one.iops)),
        ("storage", lambda one: replace(one, max_storage=2 * one.max_storage)),
        ("auditor", lambda one: replace(one, audit_memory=1769)),
    ],
)
def test_each_limit_follows_its_setting(name: str, better: object) -> None:
    """What is turned up moves the limit that names it."""
    assert callable(better)
    assert of(name, better(settings())) > of(name, settings())


@pytest.mark.parametrize("symbols", [36, 500, 1000, 3000, 10_000, 100_000])
def test_what_is_turned_up_carries_the_symbols(symbols: int) -> None:
    """No limit is left below them but those that are named as stuck."""
    turned = turn_up(settings(), symbols, measured())
    stuck = {limit.name for limit in turned.stuck}
    left = [limit for limit in limits(turned.settings, measured()) if limit.capacity < symbols]
    assert {limit.name for limit in left} <= stuck
    assert all(limit.soft for limit in turned.stuck)


def test_the_first_limit_is_one_that_breaks_something_today() -> None:
    """Soft limits, and those that are hit after months, are told apart from it."""
    hard = Limit(name="hard", what="", capacity=20, turn="")
    soft = Limit(name="soft", what="", capacity=10, turn="", soft=True)
    slow = Limit(name="slow", what="", capacity=5, turn="", slow=True)
    assert first([hard, soft, slow], 30) is hard
    assert first([hard, soft, slow], 30, all_kinds=True) is slow
    assert first([hard], 20) is None


def test_the_ladder_only_rises() -> None:
    """Each instance has at least what the one before it has, and the last one has nothing above it."""
    for before, after in pairwise(LADDER):
        assert after.memory >= before.memory
        assert after.steady_vcpus >= before.steady_vcpus
        assert larger(before) is after
    assert larger(LADDER[-1]) is None


def test_an_instance_that_nobody_knows_is_named() -> None:
    """An instance of cdk.json that the ladder lacks is an error, not a guess."""
    with pytest.raises(ValueError, match=r"x9z\.huge"):
        instance_of("x9z.huge")
