"""How competitors are measured against each other: in turns, round by round, on one core, with their garbage apart."""

from __future__ import annotations

import contextlib
import gc
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass


class BenchError(Exception):
    """Something could not be measured, or a competitor's answer is wrong; the message says which and why."""


Turn = Callable[[], float]
"""Does one competitor's share of a round; the seconds that a unit of it took."""


@dataclass(frozen=True, slots=True)
class Samples:
    """The seconds of one competitor, one number a round; those of several competitors stand in the same order."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """Seconds; half of the rounds were faster."""
        return statistics.median(self.seconds)

    def times_as_long_as(self, other: Samples) -> float:
        """How many times as long this one takes: the median over the rounds, each round compared within itself.

        What the machine does besides changes from round to round more than within one.
        """
        return statistics.median(mine / theirs for mine, theirs in zip(self.seconds, other.seconds, strict=True))

    def spread(self, scale: float = 1e3) -> dict[str, float]:
        """Least, median and greatest, in milliseconds unless `scale` says otherwise."""
        return {
            "min": round(min(self.seconds) * scale, 4),
            "median": round(self.median * scale, 4),
            "max": round(max(self.seconds) * scale, 4),
        }


def alternate(turns: Mapping[str, Turn], *, rounds: int, warm: bool = False) -> dict[str, Samples]:
    """`rounds` rounds of one turn each, in the order A B C A B C …, after one round that does not count.

    What is `warm` already, such as a process that starts anew each time, needs no such round.

    The collector is on, as it is in production, and has nothing to do when a turn begins: nobody pays for the garbage
    of the one before, or for the modules of the others.
    """
    if not warm:
        for turn in turns.values():
            turn()
    gc.collect()
    gc.freeze()
    seconds: dict[str, list[float]] = {name: [] for name in turns}
    try:
        for _ in range(rounds):
            for name, turn in turns.items():
                gc.collect()
                seconds[name].append(turn())
    finally:
        gc.unfreeze()
    return {name: Samples(tuple(taken)) for name, taken in seconds.items()}


def each(calls: Sequence[Callable[[], object]]) -> Turn:
    """A turn that makes these calls one after the other; its unit is the median one."""

    def turn() -> float:
        taken = []
        for call in calls:
            started = time.perf_counter()
            call()
            taken.append(time.perf_counter() - started)
        return statistics.median(taken)

    return turn


@contextlib.contextmanager
def on_one_core() -> Iterator[int | None]:
    """Keep this process, and the children that it starts meanwhile, on the last core; None where that is impossible."""
    if not hasattr(os, "sched_setaffinity"):
        yield None
        return
    before = os.sched_getaffinity(0)
    # The first core takes most of a machine's interrupts.
    core = max(before)
    os.sched_setaffinity(0, {core})
    try:
        yield core
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def unheard() -> Iterator[None]:
    """Let what is printed meanwhile, such as a handler's log, go nowhere: it is made and written all the same.

    Below Python, at the file descriptor: a logger keeps the stream that it found when it was made.
    """
    sys.stdout.flush()
    stdout, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(stdout, 1)
        os.close(stdout)
        os.close(nowhere)


def say(text: str) -> None:
    """Tell the person who waits what is being done."""
    print(text, file=sys.stderr, flush=True)
