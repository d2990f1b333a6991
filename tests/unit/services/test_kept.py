"""Backfills of what was retired: refused before anything is fetched."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from marketflow.domain.interval import Interval
from marketflow.errors import RefusedError
from tests.unit.services.test_backfills import NOW, FakeBook, World

pytestmark = pytest.mark.unit

KEPT = NOW - timedelta(days=60)


def test_a_backfill_that_begins_in_a_retired_month_is_refused() -> None:
    """The reason says from when on rows are kept; nothing is written down."""
    world = World(book=FakeBook(kept=KEPT))
    with pytest.raises(RefusedError, match=f"start: 1m is kept from {KEPT:%Y-%m-%d}.* on") as caught:
        world.backfill(KEPT - timedelta(minutes=1), KEPT + timedelta(days=1))
    assert (caught.value.status, caught.value.code, caught.value.parameter) == (400, "not_possible", "start")
    assert not world.book.jobs


def test_a_backfill_of_what_is_kept_begins() -> None:
    """From the very first moment on, and before anything was retired from anywhere."""
    World(book=FakeBook(kept=KEPT)).backfill(KEPT, KEPT + timedelta(days=1))
    World().backfill(KEPT - timedelta(days=1), KEPT)


def test_rates_are_prices_and_retired_with_them() -> None:
    """Those from before 2026 stay for ever, and may be fetched at any time."""
    world = World(book=FakeBook(kept=NOW - timedelta(days=1)))
    with pytest.raises(RefusedError, match="1d is kept from"):
        world.backfill(datetime(2026, 1, 1, tzinfo=UTC), NOW, "EURUSD", Interval.D1)
    world.backfill(datetime(2025, 12, 31, tzinfo=UTC), NOW, "EURUSD", Interval.D1)
