"""Sets of numbers as runs."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflow.domain.numbering import Runs, joined, outside, within

pytestmark = pytest.mark.unit

PAIRS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=12)


def members(pairs: Runs) -> set[int]:
    return {number for first, end in pairs for number in range(first, end)}


def tidy(runs: Runs) -> bool:
    """Whether runs are in order, not empty, and neither touch nor overlap."""
    return all(first < end for first, end in runs) and all(
        one[1] < following[0] for one, following in itertools.pairwise(runs)
    )


@given(PAIRS)
def test_pairs_are_joined_without_loss(pairs: Runs) -> None:
    """Whatever comes in any order is in the runs, and nothing else is."""
    runs = joined(pairs)
    assert members(runs) == members(pairs)
    assert tidy(runs)


@given(PAIRS, PAIRS)
def test_runs_divide_as_sets_do(some: Runs, others: Runs) -> None:
    """What is within and what is outside of other runs is all there is, each number once."""
    left, right = joined(some), joined(others)
    inside, rest = within(left, right), outside(left, right)
    assert members(inside) == members(left) & members(right)
    assert members(rest) == members(left) - members(right)
    assert tidy(inside)
    assert tidy(rest)
