"""The past of a source in pages of one request each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflow.domain.fetching import FetchTask
from marketflow.domain.interval import Interval
from marketflow.errors import RefusedError
from marketflow.sources.factory import SOURCES, create

pytestmark = pytest.mark.unit

HISTORIES = [(name, interval) for name, source in SOURCES.items() for interval in source.histories]
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECONDS = st.integers(0, 3 * 365 * 86_400)
PAIRS = {"ecb": "USD/TRY"}
"""A symbol of a source that does not take any name."""


@given(which=st.sampled_from(HISTORIES), back=SECONDS, length=SECONDS)
def test_pages_cover_the_range_exactly(which: tuple[str, Interval], back: int, length: int) -> None:
    """The first begins where the range does, each next one where the last ended, and none is longer than allowed."""
    name, interval = which
    start = NOW - timedelta(seconds=back)
    end = start + timedelta(seconds=length)
    pages = SOURCES[name].pages(interval, start, end)
    assert [first for first, _ in pages] == [start, *(stop for _, stop in pages)][: len(pages)]
    assert pages[-1][1] == end if length else pages == []
    limit = SOURCES[name].histories[interval].page
    assert all(timedelta(0) < stop - first <= limit for first, stop in pages)
    assert pages == SOURCES[name].pages(interval, start, end)


@given(which=st.sampled_from(HISTORIES), back=st.integers(1, 28 * 86_400), length=st.integers(1, 28 * 86_400))
def test_a_page_is_one_request(which: tuple[str, Interval], back: int, length: int) -> None:
    """What the dispatcher takes for a page is what the source asks for in one go, and never more than it gives."""
    name, interval = which
    source = create(name)
    start = NOW - timedelta(seconds=back)
    end = min(start + timedelta(seconds=length), NOW)
    for first, stop in source.pages(interval, start, end):
        task = FetchTask(dataset=source.histories[interval].dataset, start=first, end=stop)
        (request,) = source.build_requests(task, [PAIRS.get(name, "A")], now=NOW, since=None)
        assert (request.start, request.end, request.interval) == (first, stop, interval)


@given(offset=st.integers(0, 59), minutes=st.integers(1, 5000))
def test_a_page_of_binance_has_at_most_a_thousand_candles(offset: int, minutes: int) -> None:
    """Also when it does not begin on a whole minute: 1000 is the most that one call answers."""
    start = NOW + timedelta(seconds=offset)
    opens = 0
    for first, stop in SOURCES["binance"].pages(Interval.M1, start, start + timedelta(minutes=minutes)):
        minute = -(-int(first.timestamp()) // 60)
        inside = len(range(minute, -(-int(stop.timestamp()) // 60)))
        assert inside <= 1000
        opens += inside
    assert opens == minutes


def test_every_history_is_of_a_dataset_that_is_fetched_anyway() -> None:
    """The same requests and the same parser: a backfilled candle is no other than a scheduled one.

    Only a source that supplies another's past has no schedule of its own.
    """
    for name, interval in HISTORIES:
        source = create(name)
        if source.spec.supplies:
            assert not source.spec.schedules
            continue
        datasets = {dataset for schedule in source.spec.schedules for dataset in schedule.datasets}
        assert source.histories[interval].dataset in datasets


def test_the_reach_of_yahoos_minutes_leaves_a_day_for_the_queue() -> None:
    """What may be asked for now can still be fetched tomorrow: the source itself refuses what is older than 30 days."""
    history = SOURCES["yahoo"].histories[Interval.M1]
    earliest = history.earliest(NOW)
    assert earliest == NOW - timedelta(days=29)
    task = FetchTask(dataset=history.dataset, start=earliest, end=earliest + history.page)
    source = create("yahoo")
    assert source.build_requests(task, ["AAPL"], now=NOW + timedelta(hours=23), since=None)
    with pytest.raises(RefusedError, match="30 days"):
        source.build_requests(task, ["AAPL"], now=NOW + timedelta(hours=25), since=None)


@pytest.mark.parametrize(("name", "interval"), [("exchangerate", Interval.D1), ("binance", Interval.D1)])
def test_an_interval_without_history_is_refused(name: str, interval: Interval) -> None:
    """Named, so that nobody waits for it."""
    with pytest.raises(RefusedError, match="no history of 1d"):
        SOURCES[name].pages(interval, NOW - timedelta(days=1), NOW)
