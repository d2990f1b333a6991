"""What samples come to: waiting counts as latency, odd samples bend no slope, recovery is the first calm second."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.load.figures import Sample, percentile, recovery, slope, summarise

pytestmark = pytest.mark.unit


def sample(due: float, seconds: float, status: int = 200, *, expected: bool = True) -> Sample:
    return Sample(due, due + seconds, status, expected)


def test_a_percentile_is_a_number_that_was_measured() -> None:
    """Nearest rank: the smallest number that at least that share of all are not above."""
    numbers = [float(number) for number in range(1, 101)]
    assert [percentile(numbers, share) for share in (0.5, 0.95, 0.99, 1.0)] == [50, 95, 99, 100]
    assert percentile([1.0, 2.0, 3.0], 0.5) == 2
    assert percentile([7.0], 0.99) == 7
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 0.5)


def test_a_request_that_waited_for_its_turn_has_waited_for_its_answer() -> None:
    """One server stalls for a second: each request that was due meanwhile counts from when it was due.

    Counted from when they were sent, nine of ten would have taken 1 ms: the omission that this avoids.
    """
    stalled = [
        Sample(due, max(1.0 + due * 0.01, due) + 0.001, 200, expected=True) for due in (n / 10 for n in range(10))
    ]
    latency = summarise(stalled, seconds=1.0).latency
    assert latency.max == 1001
    assert latency.p50 > 500


def test_a_summary_counts_statuses_and_what_is_wrong() -> None:
    """A 404 that was asked for is no fault; a 500 is one, and so is no answer."""
    some = [sample(0, 0.1, 404), sample(0, 0.1, 500, expected=False), sample(0, 0.1, 0, expected=False)]
    summary = summarise(some, seconds=2.0)
    assert (summary.statuses, summary.wrong, summary.server_errors) == ({0: 1, 404: 1, 500: 1}, 2, 1)
    assert summary.per_second == 1.5


def test_recovery_is_the_first_window_that_is_calm() -> None:
    """Three slow seconds after the load went back, then calm ones: three seconds. Before `since` nothing counts."""
    slow = [sample(10 + at / 10, 0.5) for at in range(30)]
    calm = [sample(13 + at / 10, 0.01) for at in range(20)]
    early = [sample(at / 10, 0.01) for at in range(90)]
    assert recovery([*early, *slow, *calm], since=10.0, limit=0.02) == 3.0
    assert recovery(calm, since=13.0, limit=0.02) == 0.0
    assert recovery([*early, *slow], since=10.0, limit=0.02) is None


def test_a_few_odd_samples_bend_no_slope() -> None:
    """A flat line with a tenth of wild values is flat; a leak of 2 a second shows as 2 beside them."""
    times = [float(at) for at in range(50)]
    wild = {5, 17, 23, 31, 44}
    flat = [1000.0 if at in wild else 50.0 for at in range(50)]
    leak = [1000.0 if at in wild else 50.0 + 2 * at for at in range(50)]
    assert slope(times, flat) == 0
    assert slope(times, leak) == pytest.approx(2)
    with pytest.raises(ValueError, match="two moments"):
        slope([1.0], [1.0])


@given(st.floats(-100, 100), st.floats(-100, 100))
def test_the_slope_of_a_line_is_its_own(rise: float, start: float) -> None:
    """Theil-Sen finds the slope of any line."""
    times = [0.0, 1.0, 2.5, 4.0, 7.0]
    assert slope(times, [start + rise * at for at in times]) == pytest.approx(rise, abs=1e-6)
