"""What the shell says of jobs."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.admin_api import AdminApi
from local.jobs import line, ranges, redrive, summary
from local.processes import LocalError

pytestmark = pytest.mark.unit


def job(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - members of a job
    """A job half way."""
    counts = {"asked": 10, "received": 4, "stored": 3, "empty": 1, "failed": 1, "pending": 5, "rows": 3000}
    return {
        "status": "running",
        "counts": {**counts, "quarantined": 2},
        "failures": [],
        "finished_at": None,
        "parts_per_second": 2.5,
        "seconds_left": 200,
        **changes,
    }


def test_a_running_job_shows_its_rate_and_the_time_left() -> None:
    """A bar as long as what is known of it."""
    assert line(job()) == ("[###############               ]  50%  5/10 parts, 3000 rows, 1 failed, 2.5/s, 3 min left")


@pytest.mark.parametrize(("asked", "share"), [(None, "  0%  5/? parts"), (5, "100%  5/5 parts")])
def test_a_job_whose_parts_are_not_counted_yet_has_no_share(asked: int | None, share: str) -> None:
    """A replay before the archive was listed."""
    assert share in line(job(counts={**job()["counts"], "asked": asked}))


def test_the_end_names_counts_and_reasons() -> None:
    """What failed, how often, and an example."""
    failure = {"reason": "no_answer", "count": 3, "detail": "It was silent.", "parts": ["a/b", "c/d"]}
    said = summary(job(status="completed_with_failures", failures=[failure]))
    assert said.splitlines() == [
        "completed_with_failures: asked 10, received 4, stored 3, empty 1, failed 1",
        "3000 rows, 2 refused",
        "  3 x no_answer: It was silent. (a/b, …)",
    ]


def test_a_long_replay_is_asked_for_in_months() -> None:
    """The pieces are the whole, without overlap; without an end it goes until now."""
    pieces = list(ranges("2026-01-01", "2026-03-10T12:00:00Z"))
    assert pieces == [
        ("2026-01-01T00:00:00+00:00", "2026-02-01T00:00:00+00:00"),
        ("2026-02-01T00:00:00+00:00", "2026-03-04T00:00:00+00:00"),
        ("2026-03-04T00:00:00+00:00", "2026-03-10T12:00:00+00:00"),
    ]
    ((_, end),) = ranges((datetime.now(UTC) - timedelta(hours=1)).isoformat(), "")
    assert datetime.now(UTC) - datetime.fromisoformat(end) < timedelta(minutes=5)
    with pytest.raises(LocalError, match="Not a date or time"):
        list(ranges("yesterday", ""))


def test_what_is_missing_is_named_with_an_example() -> None:
    """Before anybody is asked."""
    operator = AdminApi(api_url="http://127.0.0.1:1", token="t", trust_env=False)
    with operator, pytest.raises(LocalError, match=r"QUEUE is missing. make redrive QUEUE=payloads-dlq"):
        redrive(operator, {}, io.StringIO())


@pytest.mark.parametrize("environment", [{"API_URL": "https://api.example.com/api/v1"}])
def test_a_deployment_needs_a_token(environment: Mapping[str, str]) -> None:
    """It is named, and so is its scope."""
    with pytest.raises(LocalError, match=r"ACCESS_TOKEN is missing.*marketflow/admin"):
        AdminApi.from_environment(environment)
