"""Retention: nothing is ever lost, whatever goes wrong and wherever a run ends."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from marketflow.domain.retention import Dataset, ends, month_of, months_on
from marketflow.errors import RetryLaterError
from marketflow.services.retire import DROP_TRIES
from tests.unit.services.months import KEPT, NOW, OLD, OLDER, CrashError, World

pytestmark = pytest.mark.unit

CANDLES, PRICES, REVISIONS = Dataset.CANDLES, Dataset.PRICES, Dataset.REVISIONS


def full() -> World:
    """Two months that are due and one that is not, of five symbols."""
    world = World()
    for month in (OLDER, OLD, KEPT):
        for symbol in range(1, 6):
            world.put(CANDLES, month, symbol, 1, 2, 3)
        world.put(PRICES, month, 2, 7, 8)
        world.put(REVISIONS, month, 3, 9)
    return world


WHOLE = {
    (dataset, month): full().rows(dataset, month) for dataset in (CANDLES, PRICES, REVISIONS) for month in (OLDER, OLD)
}


def whole(world: World) -> bool:
    """Whether each month that is due is whole in the database or in the bucket."""
    return all(
        set(rows) <= set(world.rows(*key)) or set(rows) <= set(world.exported(*key)) for key, rows in WHOLE.items()
    )


def test_what_is_older_than_the_stage_keeps_leaves_and_the_rest_stays() -> None:
    """Two months are exported whole, in files of some symbols each, and dropped; of the others nothing is touched."""
    world = full()
    done = world.run()
    assert (done.retired, done.tidied, done.overdue, done.failures) == ([OLDER, OLD], [OLDER, OLD], 0, {})
    for (dataset, month), rows in WHOLE.items():
        assert world.rows(dataset, month) == []
        assert world.exported(dataset, month) == rows
    assert len(world.rows(CANDLES, KEPT)) == 15
    assert not [key for key in world.files if "2026-09" in key]
    assert done.rows == 2 * (15 + 2 + 1)
    assert [key for key in sorted(world.files) if "candles" in key and "2026-07" in key] == [
        "history/candles/interval=1m/month=2026-07/000001-0000.parquet",
        "history/candles/interval=1m/month=2026-07/000003-0001.parquet",
        "history/candles/interval=1m/month=2026-07/000005-0002.parquet",
    ]


def test_a_stage_that_keeps_everything_only_makes_months() -> None:
    """This one and the two behind it."""
    world = full()
    assert world.run(keep=None).retired == []
    assert {date(2026, 11, 1), date(2027, 1, 1)} <= world.in_use
    assert not world.files


def test_a_second_run_does_nothing() -> None:
    """Everything is done."""
    world = full()
    world.run()
    before = (dict(world.files), dict(world.manifests))
    done = world.run()
    assert (done.retired, done.tidied, done.files) == ([], [], 0)
    assert (world.files, world.manifests) == before


def crashes() -> int:
    """How many calls a whole run makes."""
    world = full()
    world.run()
    return world.steps


@pytest.mark.parametrize("step", range(1, crashes() + 1))
def test_a_crash_anywhere_loses_nothing_and_the_next_run_ends_the_work(step: int) -> None:
    """At each moment the rows are here or there; a day later the result is that of a run without a crash."""
    world = full()
    world.crash_at = step
    with pytest.raises(CrashError):
        world.run()
    assert whole(world)
    world.crash_at, world.now = None, NOW + timedelta(days=1)
    world.run()
    assert world.retired == {OLDER: True, OLD: True}
    assert {key: world.exported(*key) for key in WHOLE} == WHOLE


def test_a_row_that_comes_between_the_export_and_the_drop_is_exported_by_the_next_run() -> None:
    """The month stays, is told as due, and is written anew; no row is in the export twice."""
    world = full()
    world.before_drop = lambda: world.put(CANDLES, OLD, 4, "late") if OLDER in world.retired else None
    done = world.run()
    assert (done.retired, done.overdue) == ([OLDER], 1)
    assert "S4:late" in world.rows(CANDLES, OLD)
    world.before_drop = None
    assert world.run().retired == [OLD]
    assert world.exported(CANDLES, OLD).count("S4:late") == 1
    assert len(world.exported(CANDLES, OLD)) == 16


@pytest.mark.parametrize("step", range(1, crashes() + 1))
def test_a_row_that_comes_after_a_crash_is_never_lost(step: int) -> None:
    """The export of the run that ended is not trusted any more."""
    world = full()
    world.crash_at = step
    with pytest.raises(CrashError):
        world.run()
    if comes := OLD in world.in_use:
        world.put(CANDLES, OLD, 1, "late")
    world.crash_at, world.now = None, NOW + timedelta(days=1)
    world.run()
    assert world.exported(CANDLES, OLD).count("S1:late") == comes
    assert world.retired == {OLDER: True, OLD: True}
    assert whole(world)


def test_two_runs_at_once_do_not_export_the_same_month() -> None:
    """Who comes second leaves the month alone, and those behind it."""
    world = full()
    world.claims[OLDER] = ("another run", NOW + timedelta(minutes=5))
    assert world.run().retired == []
    assert not world.files
    world.now = NOW + timedelta(minutes=6)
    assert world.run().retired == [OLDER, OLD]


def test_a_run_out_of_time_goes_on_with_the_file_at_which_it_stopped() -> None:
    """Each run here has time for a few files; what is verified is not written again."""
    world = full()
    written: list[int] = []
    for _ in range(20):
        calls = iter([900.0] * 4 + [0.0] * 1000)
        done = world.run(seconds=lambda calls=calls: next(calls))  # type: ignore[misc]  # bound on purpose
        written.append(done.files)
    assert world.retired == {OLDER: True, OLD: True}
    assert sum(written) == 2 * (3 + 1 + 1)
    assert max(written) <= 3
    assert {key: world.exported(*key) for key in WHOLE} == WHOLE


def test_a_value_that_does_not_fit_keeps_its_month_and_those_behind_it() -> None:
    """It is told with the reason; what stays in the database has no hole."""
    world = full()
    world.put(CANDLES, OLDER, 4, "huge")
    done = world.run()
    assert done.failures == {OLDER: "A value does not fit."}
    assert (done.retired, done.overdue) == ([], 2)
    assert whole(world)
    assert len(world.rows(CANDLES, OLD)) == 15
    assert world.claims == {}


def test_an_export_that_differs_from_the_table_is_no_export() -> None:
    """What is read back is compared; the symbol is named."""
    world = full()
    world.put(CANDLES, OLDER, 4, "x")

    class Lossy(dict[str, list[str]]):
        def __setitem__(self, key: str, rows: list[str]) -> None:
            super().__setitem__(key, [row for row in rows if row != "S4:x"])

    world.files = Lossy()
    (reason,) = world.run().failures.values()
    assert "000003-0001.parquet does not hold what the table does: S4 differ" in reason
    assert OLDER in world.in_use


def test_who_reads_and_writes_goes_first() -> None:
    """The drop is tried again, and given up for this time when there is never a moment for it."""
    world = full()
    world.busy = DROP_TRIES - 1
    assert world.run().retired == [OLDER, OLD]
    world = full()
    world.busy = DROP_TRIES
    with pytest.raises(RetryLaterError):
        world.run()
    assert whole(world)
    assert world.run().retired == [OLDER, OLD]


def test_months_within_what_the_stage_keeps_come_back_into_use() -> None:
    """After `history_months` was raised they are made again, without rows, and may be loaded from the raw archive."""
    world = full()
    world.run()
    done = world.run(keep=4)
    assert (list(done.brought_back), world.retired) == ([OLDER, OLD], {})
    assert {OLDER, OLD} <= world.in_use
    world.put(CANDLES, OLD, 1, "replayed")
    world.run()
    assert world.exported(CANDLES, OLD) == ["S1:replayed"]
    assert world.exported(PRICES, OLD) == []


def test_files_of_an_export_before_are_swept() -> None:
    """A month that is written in fewer files has no row twice."""
    world = full()
    stale = "history/candles/interval=1m/month=2026-07/000005-0007.parquet"
    world.files[stale] = ["S5:1"]
    world.run()
    assert stale not in world.files


def test_a_manifest_that_is_gone_stops_the_tidying() -> None:
    """What was deleted in part could not be told from what never was: the bucket's last version says it."""
    world = full()
    world.crash_at = None
    world.run(seconds=lambda: 900.0 if OLDER not in world.retired else 0.0)
    assert world.retired == {OLDER: False}
    del world.manifests[OLDER]
    done = world.run()
    assert "manifest of 2026-07 is gone" in done.failures[OLDER]
    assert world.rows(REVISIONS, OLDER) == WHOLE[REVISIONS, OLDER]


def test_overdue_counts_from_the_day_on_which_a_month_was_due() -> None:
    """July is due when two months behind it are over and the third has begun."""
    world = full()
    world.claims = {OLDER: ("another run", NOW + timedelta(days=1))}
    done = world.run()
    assert (done.overdue, done.overdue_days) == (2, (NOW - datetime(2026, 10, 1, tzinfo=UTC)).days)
    world.now = datetime(2026, 10, 1, tzinfo=UTC)
    done = world.run()
    assert (done.overdue, done.overdue_days) == (1, 0)


def test_months_are_those_of_utc() -> None:
    """Whatever zone a time is in."""
    eve = datetime.fromisoformat("2027-01-01T01:00:00+03:00")
    assert month_of(eve) == date(2026, 12, 1)
    assert (months_on(date(2026, 12, 1), 2), months_on(date(2026, 1, 1), -25)) == (date(2027, 2, 1), date(2023, 12, 1))
    assert ends(date(2026, 12, 1)) == datetime(2027, 1, 1, tzinfo=UTC)
