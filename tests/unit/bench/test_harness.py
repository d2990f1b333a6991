"""How competitors take turns, and how their times become a figure."""

from __future__ import annotations

import os

import pytest

from bench.harness import Samples, alternate, each, unheard

pytestmark = pytest.mark.unit


def test_competitors_alternate_round_by_round() -> None:
    """A B, then A B again: what the machine does meanwhile happens to both. The first round does not count."""
    order: list[str] = []

    def turn(name: str, seconds: float) -> float:
        order.append(name)
        return seconds * (1 + order.count(name))

    samples = alternate({"a": lambda: turn("a", 1.0), "b": lambda: turn("b", 10.0)}, rounds=2)
    assert order == ["a", "b"] * 3
    assert samples == {"a": Samples((3.0, 4.0)), "b": Samples((30.0, 40.0))}


def test_what_is_warm_needs_no_round_that_does_not_count() -> None:
    """A process that starts anew is as cold in the first round as in any other."""
    calls: list[str] = []

    def turn() -> float:
        calls.append("a")
        return 1.0

    assert alternate({"a": turn}, rounds=2, warm=True) == {"a": Samples((1.0, 1.0))}
    assert calls == ["a", "a"]


def test_a_ratio_compares_within_rounds() -> None:
    """A machine that is three times slower for one round changes no ratio, though it changes both medians."""
    ours, theirs = Samples((1.0, 3.0, 1.2)), Samples((10.0, 30.0, 12.0))
    assert theirs.times_as_long_as(ours) == pytest.approx(10)
    assert ours.median == 1.2
    assert ours.spread() == {"min": 1000.0, "median": 1200.0, "max": 3000.0}


def test_a_turn_makes_every_call() -> None:
    """Its unit is the median call, so that one that is interrupted does not count."""
    done: list[str] = []
    assert each([lambda: done.append("a"), lambda: done.append("b"), lambda: done.append("c")])() >= 0
    assert done == ["a", "b", "c"]


def test_a_handlers_log_is_written_to_nowhere(capfd: pytest.CaptureFixture[str]) -> None:
    """Also by who kept an older stream, or has none at all; afterwards everything is heard again."""
    with open(1, "w", closefd=False) as older:
        with unheard():
            print("a line", file=older, flush=True)
            os.write(1, b"another\n")
        print("heard", file=older, flush=True)
    assert capfd.readouterr().out == "heard\n"
