"""The load as data: shares that add up, draws that repeat, arrivals at the rate, plans that are kept."""

from __future__ import annotations

import threading
import time
from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from local.load.child import Closed, Loads, Opened, perform
from local.load.figures import Sample
from local.load.mix import MIX, Ask, arrivals, asks
from local.load.plans import allowed, bucket
from local.load.soak import Look, trend
from marketflow.domain.plans import Limits

pytestmark = pytest.mark.unit

END = datetime(2026, 11, 25, tzinfo=UTC)
LIMITS = Limits(rate=5, burst=10, quota_per_day=1000)


class Turns:
    """The numbers in order, for one process."""

    def __init__(self) -> None:
        self.next = -1

    def take(self) -> int:
        self.next += 1
        return self.next


class Slow:
    """Answers after a while."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def ask(self, ask: Ask, due: float) -> Sample:
        time.sleep(self.seconds)
        return Sample(due, time.monotonic(), ask.status, expected=True)

    def load(self, batch: object) -> Sample:
        return Sample(0.0, 0.0, 200, expected=True)


def test_the_shares_are_a_hundred_percent_and_are_drawn() -> None:
    """Each kind is drawn by its share, and the same seed draws the same."""
    assert sum(kind.share for kind in MIX) == 100
    drawn = asks(10_000, seed=1, end=END)
    assert drawn == asks(10_000, seed=1, end=END)
    unknown = sum(ask.status == 404 for ask in drawn)
    assert unknown == pytest.approx(300, abs=80)
    assert not any("{" in ask.target for ask in drawn)


def test_an_ask_is_the_same_request_in_process_and_over_http() -> None:
    """The event has the path of the version and the decoded query; the target is what an HTTP client is given."""
    ask = Ask("/candles/BTCUSDT", (("interval", "1m"), ("start", "2026-11-25T00:00:00+00:00")))
    event = ask.event('"tag"')
    assert ask.target == "/candles/BTCUSDT?interval=1m&start=2026-11-25T00%3A00%3A00%2B00%3A00"
    assert (event["path"], event["queryStringParameters"]) == ("/v1/candles/BTCUSDT", dict(ask.query))
    assert event["headers"]["If-None-Match"] == '"tag"'
    assert "If-None-Match" not in ask.event()["headers"]


def test_arrivals_come_at_the_rate_and_independently() -> None:
    """Ten thousand at 50 a second take some 200 s, and some come much closer to each other than others."""
    due = arrivals(10_000, rate=50.0, seed=1)
    assert due[-1] == pytest.approx(200, rel=0.05)
    gaps = [later - earlier for earlier, later in pairwise(due)]
    assert min(gaps) < 0.001
    assert max(gaps) > 0.06


def test_an_open_loop_does_not_wait_to_ask() -> None:
    """Ten requests are due at once, each takes 5 ms: the last one has waited for all the others."""
    drawn = [Ask("/symbols")] * 10
    samples = perform(Opened(drawn, [0.0] * 10), Slow(0.005), Turns(), start=time.monotonic())  # type: ignore[arg-type]
    assert [sample.due for sample in samples] == [samples[0].due] * 10
    assert samples[-1].seconds >= 10 * 0.005


def test_a_closed_loop_asks_until_time_is_up_and_loads_end_with_the_last_batch() -> None:
    """Both take their share from the common counter."""
    turns = Turns()
    now = time.monotonic()
    samples = perform(Closed([Ask("/symbols")], 0.03), Slow(0.005), turns, start=now)  # type: ignore[arg-type]
    assert 1 <= len(samples) == turns.next + 1
    assert len(perform(Loads([["a"], ["b"]]), Slow(0.0), Turns(), start=now)) == 2  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("passed", "told"),
    [(109, None), (140, "140 of 200 requests passed, the plan allows 109"), (60, "60 of 200 requests passed")],
)
def test_a_plan_is_kept_in_both_directions(passed: int, told: str | None) -> None:
    """Ten at once and five a second: of ten a second for twenty seconds 109 pass, no more and no fewer."""
    sends = [(number / 10, 200 if number < passed else 429) for number in range(200)]
    found = allowed(LIMITS, sends)
    assert found is told if told is None else found is not None and found.startswith(told)


def test_nobody_who_keeps_to_the_plan_is_refused() -> None:
    """Five a second pass all; an hour of rest gives no more than the burst."""
    assert bucket(LIMITS, [number / 5 for number in range(100)]) == 100
    assert bucket(LIMITS, [0.0, *[3600.0] * 50]) == 11


@pytest.mark.parametrize(("per_look", "flat"), [(0.0, True), (0.5, False)])
def test_a_leak_is_told_from_a_flat_line(per_look: float, flat: bool) -> None:
    """Half a megabyte each five seconds is a leak, beside a sample that was disturbed; the warm-up does not count."""
    warm_up = [min(at, 55) * 3.0 for at in range(120)]
    looks = [
        Look(
            at=at * 5.0, what="api 1", figure="rss_mb", value=60 + warm_up[at] + per_look * at + (40 if at == 90 else 0)
        )
        for at in range(120)
    ]
    found = trend(looks)
    assert found.flat is flat
    assert found.per_hour == pytest.approx(per_look * 720, abs=1)


def test_turns_are_counted_once_across_threads() -> None:
    """No number is handed out twice by the counter that processes share."""
    from multiprocessing import get_context  # noqa: PLC0415 - only here

    from local.load.workers import SharedTurns  # noqa: PLC0415 - the same

    turns, taken = SharedTurns(get_context("spawn")), Counter[int]()

    def take() -> None:
        for _ in range(200):
            taken[turns.take()] += 1

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert taken == Counter(range(800))
