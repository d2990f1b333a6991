"""When the report of a run says that its source did not answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from marketflow.domain.fetching import FetchReport

pytestmark = pytest.mark.unit

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def outage(**said: Any) -> tuple[datetime, datetime] | None:  # noqa: ANN401 - the fields of a report
    facts = {"requests": 2, "succeeded": 0, "finished_at": START + MINUTE, **said}
    return FetchReport(source="binance", started_at=START, **facts).outage


@pytest.mark.parametrize("kind", ["no_answer", "retry_later", "blocked", "not_asked"])
def test_a_run_without_any_answer_is_an_outage(kind: str) -> None:
    """From the minute before it, which it would have got, until the source is asked again, or at least its end."""
    assert outage(failures={kind: 2}) == (START - MINUTE, START + MINUTE)
    assert outage(failures={kind: 2}, next_due_at=START + 9 * MINUTE) == (START - MINUTE, START + 9 * MINUTE)
    assert outage(failures={kind: 2}, next_due_at=START - 9 * MINUTE) == (START - MINUTE, START + MINUTE)


def test_a_run_that_may_not_ask_goes_on_with_the_outage() -> None:
    """A source that sent us away is not asked: the report says why. A run that had nothing to ask for says nothing."""
    assert outage(requests=0, last_error="429", next_due_at=START + 9 * MINUTE) == (START - MINUTE, START + 9 * MINUTE)
    assert outage(requests=0) is None


def test_a_source_that_answers_is_not_down() -> None:
    """One good answer, an answer that was no data, and an unknown symbol are answers; a lack of time is ours."""
    assert outage(succeeded=1, failures={"no_answer": 1}) is None
    assert outage(failures={"malformed_truncated": 2}) is None
    assert outage(failures={"symbol_unavailable": 2}) is None
    assert outage(failures={"out_of_time": 2}) is None
    assert outage() is None
