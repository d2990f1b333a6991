"""What fetchers report of their source."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketflow.domain.fetching import FetchReport
from marketflow.persistence.connection import Database
from marketflow.persistence.loader import Loader
from tests.integration.persistence.rows import START

pytestmark = pytest.mark.integration


def at(minute: int) -> datetime:
    """A moment."""
    return START + timedelta(minutes=minute)


def report(minute: int, **said: Any) -> FetchReport:  # noqa: ANN401 - the fields of a report
    """A run that ended at `minute`."""
    facts = {"requests": 1, "succeeded": 1, **said}
    return FetchReport(source="binance", started_at=at(minute), finished_at=at(minute), **facts)


def status(database: Database) -> list[Any]:
    """The stored status of the source."""
    (row,) = database.query(
        "SELECT last_fetch_at, last_success_at, next_due_at, last_error_at, last_error, budget_used, budget_limit"
        " FROM source_status WHERE source = 'binance'"
    )
    return row


def test_a_report_becomes_the_status(database: Database) -> None:
    """The first report of a source makes its row; a run without an answer or a budget erases neither."""
    loader = Loader(database)
    loader.record_report(report(1, last_success_at=at(1), next_due_at=at(2), budget_used=40, budget_limit=6000))
    assert status(database) == [at(1), at(1), at(2), None, None, 40, 6000]
    loader.record_report(report(2, next_due_at=at(9), last_error="Sent away.\0"))
    assert status(database) == [at(2), at(1), at(9), at(2), "Sent away.\N{REPLACEMENT CHARACTER}", 40, 6000]
    loader.record_report(report(3, last_success_at=at(3), next_due_at=at(4), budget_used=1, budget_limit=6000))
    assert status(database) == [
        at(3), at(3), at(4), at(2), "Sent away.\N{REPLACEMENT CHARACTER}", 1, 6000,
    ]  # fmt: skip


def test_a_report_does_not_touch_what_loads_say(database: Database) -> None:
    """Reports and loads share a row and each keeps to its own columns, whichever comes first."""
    database.query("INSERT INTO source_status (source, newest_data_at) VALUES ('binance', '2026-03-01Z')")
    Loader(database).record_report(report(1, last_success_at=at(1), next_due_at=at(2)))
    assert status(database)[:3] == [at(1), at(1), at(2)]
    assert database.query("SELECT newest_data_at FROM source_status") == [[START - timedelta(days=1)]]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "good": st.booleans(),
                "next_due_at": st.none() | st.integers(0, 9).map(at),
                "budget_used": st.none() | st.integers(0, 9),
                "last_error": st.none() | st.sampled_from("xyz"),
            }
        ),
        min_size=1,
        max_size=4,
    ).flatmap(lambda said: st.tuples(st.just(said), st.permutations(range(len(said)))))
)
def test_late_reports_move_nothing_backwards(database: Database, case: tuple[list[dict[str, Any]], list[int]]) -> None:
    """However late reports arrive, the newest good answer, the newest error and the newest run's due time stand."""
    said, order = case
    database.query("DELETE FROM source_status")
    reports = [
        report(
            minute,
            last_success_at=at(minute) if facts["good"] else None,
            next_due_at=facts["next_due_at"],
            budget_used=facts["budget_used"],
            budget_limit=None if facts["budget_used"] is None else 10,
            last_error=facts["last_error"],
        )
        for minute, facts in enumerate(said)
    ]
    for index in order:
        Loader(database).record_report(reports[index])
    fetched, succeeded, due, erred, error, *_ = status(database)
    assert fetched == reports[-1].finished_at
    assert due == reports[-1].next_due_at
    assert succeeded == max((one.last_success_at for one in reports if one.last_success_at), default=None)
    bad = [one for one in reports if one.last_error is not None]
    assert (erred, error) == ((bad[-1].finished_at, bad[-1].last_error) if bad else (None, None))
