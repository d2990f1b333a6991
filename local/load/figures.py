"""What samples come to: percentiles by intended start, slopes that a few odd samples do not bend, recovery."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

GOOD = range(200, 400)


@dataclass(frozen=True, slots=True)
class Sample:
    """One request. `due` is when it was to be sent and `ended` when it was answered, in seconds of one clock.

    `status` is 0 for one without an answer. `expected` says whether it is the status that the request must get.
    """

    due: float
    ended: float
    status: int
    expected: bool

    @property
    def seconds(self) -> float:
        """The latency from the intended start: a request that waited for its turn has waited for its answer."""
        return self.ended - self.due


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Milliseconds from the intended start."""

    p50: float
    p95: float
    p99: float
    max: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What some requests came to; `wrong` are those that did not get the status that they must get."""

    requests: int
    per_second: float
    latency: Latency
    statuses: dict[int, int]
    wrong: int

    @property
    def server_errors(self) -> int:
        """Answers of 500 and above."""
        return sum(count for status, count in self.statuses.items() if status >= 500)


def percentile(ordered: Sequence[float], share: float) -> float:
    """The nearest-rank percentile of sorted numbers: one that was measured. Raises ValueError for none."""
    if not ordered:
        raise ValueError("There is no percentile of nothing.")
    return ordered[max(math.ceil(share * len(ordered)), 1) - 1]


def summarise(samples: Sequence[Sample], *, seconds: float) -> Summary:
    """The figures of what was answered within `seconds`. Raises ValueError when nothing was."""
    ordered = sorted(sample.seconds * 1000 for sample in samples)
    p50, p95, p99 = (round(percentile(ordered, share), 1) for share in (0.5, 0.95, 0.99))
    return Summary(
        requests=len(samples),
        per_second=round(len(samples) / seconds, 1),
        latency=Latency(p50=p50, p95=p95, p99=p99, max=round(ordered[-1], 1)),
        statuses=dict(sorted(Counter(sample.status for sample in samples).items())),
        wrong=sum(not sample.expected for sample in samples),
    )


def recovery(samples: Sequence[Sample], *, since: float, limit: float, window: float = 1.0) -> float | None:
    """Seconds from `since` to the first window whose p99 is at most `limit` seconds; None when there is none.

    Requests count in the window in which they were due.
    """
    windows: dict[int, list[float]] = {}
    for sample in samples:
        if sample.due >= since:
            windows.setdefault(int((sample.due - since) / window), []).append(sample.seconds)
    good = [number for number, taken in windows.items() if percentile(sorted(taken), 0.99) <= limit]
    return min(good) * window if good else None


def slope(times: Sequence[float], values: Sequence[float]) -> float:
    """The Theil-Sen slope, in values a unit of time: the median over all pairs. Raises ValueError for one moment.

    https://en.wikipedia.org/wiki/Theil%E2%80%93Sen_estimator
    """
    points = list(zip(times, values, strict=True))
    slopes = [(b - a) / (t - s) for (s, a), (t, b) in combinations(points, 2) if t != s]
    if not slopes:
        raise ValueError("A slope needs two moments.")
    return statistics.median(slopes)
