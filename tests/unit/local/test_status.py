"""The status says when a source last delivered and when the next data is due, in words for a person."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import pytest

from local.status import SourceStatus, clock, duration, next_tick
from local.watch import Display

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 23, 12, 0, 40, tzinfo=UTC)
READY: dict[str, Any] = {
    "source": "binance",
    "last_loaded_at": "2026-11-23T12:00:05Z",
    "last_success_at": "2026-11-23T12:00:03.250Z",
    "next_due_at": None,
    "last_error_at": "2026-11-23T11:00:00Z",
    "last_error": "Binance answered 503.",
}


def status(**changes: object) -> SourceStatus:
    """The status in an item of GET /ready."""
    return SourceStatus.from_ready({**READY, **changes})


def test_delivered_and_due() -> None:
    """A healthy source shows both times with their distance; an error that a success has followed is over."""
    line = status().line(NOW)
    assert line.split(maxsplit=1) == ["binance", line.split(maxsplit=1)[1]]
    assert "delivered 12:00:05 UTC (35 s ago)" in line
    assert "next data 12:01:00 UTC (in 20 s)" in line
    assert "503" not in line


def test_trouble_is_shown() -> None:
    """An error newer than the last success is shown in its own words."""
    assert status(last_error_at="2026-11-23T12:00:10Z").line(NOW).endswith("Binance answered 503.")


def test_nothing_delivered_yet() -> None:
    """A source that never delivered says so."""
    fresh = status(last_loaded_at=None, last_success_at=None, last_error_at=None)
    assert "nothing delivered yet" in fresh.line(NOW)


def test_a_source_without_a_schedule_waits_to_be_asked() -> None:
    """Nobody is told to expect data of it, unless it was sent away until some time."""
    line = status(source="ecb", last_loaded_at=None, last_success_at=None, last_error_at=None).line(NOW)
    assert line.rstrip().endswith("asked on request only")
    assert "12:01:00" in status(source="ecb", next_due_at="2026-11-23T12:01:00Z").line(NOW)


def test_own_publication_time_wins() -> None:
    """A source that says when it publishes next is due then, on another day with its date."""
    assert "24 Nov 00:10:22 UTC (in 12 h)" in status(next_due_at="2026-11-24T00:10:22Z").line(NOW)


def test_past_publication_time_falls_back_to_the_schedule() -> None:
    """A publication time that has passed is not the next one."""
    assert "12:01:00" in status(next_due_at="2026-11-23T11:59:00Z").line(NOW)


@pytest.mark.parametrize(("source", "expected"), [("binance", (12, 1)), ("yahoo", (12, 1)), ("exchangerate", (12, 10))])
def test_next_tick_of_the_catalogue(source: str, expected: tuple[int, int]) -> None:
    """The next tick is the earliest of the source's schedules."""
    tick = next_tick(source, NOW)
    assert tick is not None
    assert (tick.hour, tick.minute) == expected


def test_next_tick_crosses_the_hour() -> None:
    """A schedule whose minutes have passed fires in the next hour."""
    assert next_tick("exchangerate", NOW.replace(minute=55)) == NOW.replace(hour=13, minute=0, second=0)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (99, "99 s"), (100, "1 min"), (5999, "99 min"), (6000, "1 h")]
)
def test_duration(seconds: int, text: str) -> None:
    """A distance is said in the largest unit that keeps two digits."""
    assert duration(seconds) == text


def test_unknown_moment() -> None:
    """Without a time there is no distance."""
    assert clock(None, NOW) == "at its next schedule"


def test_display_elsewhere_prints_news_only() -> None:
    """Where the output is no terminal a line is printed for each delivery, not for each look."""
    out = io.StringIO()
    display = Display(out)
    display.show([status()], NOW)
    display.show([status()], NOW)
    display.show([status(last_loaded_at="2026-11-23T12:00:50Z")], NOW)
    assert out.getvalue().count("\n") == 2


def test_display_on_a_terminal_rewrites() -> None:
    """On a terminal the lines are written over."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    display = Display(out)
    display.show([status(), status(source="yahoo")], NOW)
    display.show([status(), status(source="yahoo")], NOW)
    assert "\x1b[2F" in out.getvalue()
