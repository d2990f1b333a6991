"""Sets of numbers as runs: half-open pairs `(first, behind the last)`, in order, neither touching nor overlapping."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Runs = Sequence[tuple[int, int]]


def joined(pairs: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The runs of what is in any of `pairs`, which may come in any order, touch, overlap and be empty."""
    runs: list[tuple[int, int]] = []
    for first, end in sorted(pair for pair in pairs if pair[0] < pair[1]):
        if runs and first <= runs[-1][1]:
            runs[-1] = (runs[-1][0], max(runs[-1][1], end))
        else:
            runs.append((first, end))
    return runs


def within(some: Runs, others: Runs) -> list[tuple[int, int]]:
    """What is in both."""
    found = []
    index = 0
    for first, end in some:
        while index < len(others) and others[index][1] <= first:
            index += 1
        for other in range(index, len(others)):
            if others[other][0] >= end:
                break
            found.append((max(first, others[other][0]), min(end, others[other][1])))
    return found


def outside(some: Runs, others: Runs) -> list[tuple[int, int]]:
    """What is in `some` and not in `others`."""
    left = []
    index = 0
    for first, end in some:
        begin = first
        while index < len(others) and others[index][1] <= begin:
            index += 1
        for other in range(index, len(others)):
            if others[other][0] >= end:
                break
            if begin < others[other][0]:
                left.append((begin, others[other][0]))
            begin = max(begin, others[other][1])
        if begin < end:
            left.append((begin, end))
    return left
