"""Old months on their way from PostgreSQL into the bucket: the real SQL, the real files, and crashes in between."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from marketflow.bootstrap import supply
from marketflow.domain.gaps import Question
from marketflow.domain.interval import Interval
from marketflow.domain.records import Price
from marketflow.domain.retention import Dataset, begins, ends
from marketflow.errors import RetryLaterError
from marketflow.persistence.connection import Database
from marketflow.persistence.coverage import CoverageRepository
from marketflow.persistence.jobs import JobBook
from marketflow.services.coverage import Coverages
from marketflow.sources.catalog import CATALOG
from tests.cloud import Cloud
from tests.integration.retirement import EVE, FEBRUARY, JANUARY, MINUTE, NOW, Pipeline, candle

pytestmark = pytest.mark.integration

ALL = (Dataset.CANDLES, Dataset.PRICES, Dataset.REVISIONS)


@pytest.fixture
def pipeline(database: Database, cloud: Cloud) -> Pipeline:
    """A month that is due, and the one behind it."""
    made = Pipeline(database, cloud)
    made.fill()
    return made


def january(pipeline: Pipeline) -> dict[Dataset, list[dict[str, Any]]]:
    """What the database has of January; all of it is to be in the export."""
    found = {dataset: pipeline.stored(dataset, JANUARY) for dataset in ALL}
    assert {dataset: len(rows) for dataset, rows in found.items()} == {
        Dataset.CANDLES: 8,
        Dataset.PRICES: 1,
        Dataset.REVISIONS: 2,
    }
    return found


def test_the_export_is_the_table_to_the_digit(pipeline: Pipeline) -> None:
    """Every column of every row of the month, what is held back and what was believed before included."""
    before = january(pipeline)
    assert [row["held"] for row in before[Dataset.CANDLES]].count(True) == 1
    assert before[Dataset.CANDLES][0]["volume"] == Decimal("12345678901.123456789012345678")
    done = pipeline.retire()
    assert (done.retired[-1], done.tidied[-1], done.failures, done.overdue) == (JANUARY, JANUARY, {}, 0)
    assert {dataset: pipeline.exported(dataset, JANUARY) for dataset in ALL} == before
    assert done.rows == 8 + 1 + 2


def test_a_retired_month_is_gone_and_nothing_else(pipeline: Pipeline) -> None:
    """Its partitions with the short roll-ups, its revisions, answers and raw objects; not one row of the next month."""
    database = pipeline.database
    february = {dataset: pipeline.stored(dataset, FEBRUARY) for dataset in ALL}
    hours = database.query("SELECT CAST(r AS text) FROM rollups_hours AS r ORDER BY 1")
    pipeline.retire()
    assert not {name for name in pipeline.tables() if name.endswith("2026_01")}
    assert {name for name in pipeline.tables() if name.endswith("2026_02")} == {
        f"{table}_2026_02" for table in ("candles_1m", "rollups", "prices")
    }
    assert {dataset: pipeline.stored(dataset, FEBRUARY) for dataset in ALL} == february
    assert database.query("SELECT CAST(r AS text) FROM rollups_hours AS r ORDER BY 1") == hours
    assert database.query("SELECT count(*) FROM revisions") == [[0]]
    assert database.query("SELECT min(lower(said)), count(*) FROM answers") == [[ends(JANUARY), 8]]
    named = database.query("SELECT o.key FROM raw_objects AS o ORDER BY 1")
    # The price of February was in an answer that was received in January: an hour's clock is not that slow.
    assert {row["raw_key"] for rows in february.values() for row in rows} <= {key for (key,) in named}
    assert [key for (key,) in named if "20260131" in key and "-11" not in key] == []


def test_what_something_else_names_stays_in_the_index(pipeline: Pipeline) -> None:
    """Of the answers of January those of a daily candle, a price of before 2026, and a refused row."""
    for row in (
        candle("SOLUSDT", EVE),
        candle("BTCUSDT", begins(JANUARY), interval=Interval.D1),
        Price("BTCUSDT", EVE - timedelta(days=60), Decimal(1)),
        candle("NOPE", EVE),
    ):
        pipeline.load(row, at=EVE)
    pipeline.retire()
    assert pipeline.database.query("SELECT key FROM raw_objects WHERE received_at = :at ORDER BY key", at=EVE) == [
        [f"raw/source=binance/20260131T235600-{number}"] for number in (13, 14, 15)
    ]


def test_a_crash_between_any_two_steps_loses_nothing(pipeline: Pipeline) -> None:
    """Each run ends one call later than the one before it; the rows are always here, or there and whole."""
    before = january(pipeline)
    for last in itertools.count(1):
        calls = itertools.count(1)

        def ends_here(name: str, last: int = last, calls: itertools.count[int] = calls) -> None:
            if next(calls) >= last and name != "release":
                raise KeyboardInterrupt

        pipeline.fails = ends_here
        pipeline.now += timedelta(days=1)
        pipeline.database.query("UPDATE retirements SET run_until = now() - interval '1 minute'")
        try:
            pipeline.retire()
        except KeyboardInterrupt:
            for dataset, rows in before.items():
                assert rows in (pipeline.stored(dataset, JANUARY), pipeline.exported(dataset, JANUARY)), (last, dataset)
        else:
            break
    assert last > 20
    assert {dataset: pipeline.exported(dataset, JANUARY) for dataset in ALL} == before
    assert {dataset: pipeline.stored(dataset, JANUARY) for dataset in ALL} == {dataset: [] for dataset in ALL}


LATE: dict[str, Callable[[Pipeline], object]] = {
    "a new minute": lambda it: it.load(candle("SOLUSDT", EVE, "5.5"), at=NOW),
    "a correction": lambda it: it.load(candle("BTCUSDT", EVE, "77.7"), at=NOW),
    "an older answer": lambda it: it.load(candle("ETHUSDT", EVE + MINUTE, "66.6"), at=EVE),
    "a price": lambda it: it.load(Price("ETHUSDT", EVE, Decimal("1.1")), at=NOW),
    "a verdict": lambda it: it.database.query("UPDATE candles SET held = true WHERE open_time = :at", at=EVE),
}


@pytest.mark.parametrize(
    ("step", "late"),
    [
        *(("retire", late) for late in LATE),
        *((step, "a correction") for step in ("watch", "begin", "write", "totals", "sweep")),
    ],
)
def test_what_comes_late_is_in_the_export(pipeline: Pipeline, late: str, step: str) -> None:
    """Whenever it comes: this run's export has it, or the month stays until the next one has exported it."""
    came: list[str] = []

    def comes(name: str) -> None:
        if name == step and not came and pipeline.database.query("SELECT FROM retirements WHERE month = '2026-01-01'"):
            came.append(late)
            LATE[late](pipeline)

    pipeline.fails = comes
    done = pipeline.retire()
    assert came
    before = {dataset: pipeline.stored(dataset, JANUARY) for dataset in ALL}
    if JANUARY in done.retired:
        before = {dataset: pipeline.exported(dataset, JANUARY) for dataset in ALL}
    else:
        assert done.overdue == 1
        assert pipeline.retire().retired == [JANUARY]
    exported = {dataset: pipeline.exported(dataset, JANUARY) for dataset in ALL}
    assert exported == before
    told = {
        "a new minute": lambda: [row for row in exported[Dataset.CANDLES] if row["symbol"] == "SOLUSDT"],
        "a correction": lambda: [row for row in exported[Dataset.CANDLES] if row["close"] == Decimal("77.7")],
        "an older answer": lambda: exported[Dataset.CANDLES],
        "a price": lambda: [row for row in exported[Dataset.PRICES] if row["price"] == Decimal("1.1")],
        "a verdict": lambda: [row for row in exported[Dataset.CANDLES] if row["held"] and row["open_time"] == EVE],
    }
    assert told[late]()


def test_rows_of_a_retired_month_are_refused(pipeline: Pipeline) -> None:
    """They are counted; what else the answer has is loaded, and the month does not come back."""
    pipeline.retire()
    result = pipeline.load(candle("BTCUSDT", EVE, "5"), candle("BTCUSDT", EVE + 6 * MINUTE, "5"), at=NOW)
    assert (result.retired, result.candles_written) == (1, 1)
    assert pipeline.stored(Dataset.CANDLES, JANUARY) == []
    assert pipeline.retire().retired == []


def test_a_second_run_changes_nothing(pipeline: Pipeline) -> None:
    """Neither the files nor the tables."""
    pipeline.retire()
    files = pipeline.files()
    done = pipeline.retire()
    assert (done.retired, done.tidied, done.files) == ([], [], 0)
    assert pipeline.files() == files


def test_coverage_has_no_gap_where_months_were_retired(pipeline: Pipeline) -> None:
    """It begins where rows are kept, whatever was asked for; what is missing behind that is told as before."""
    pipeline.database.query("DELETE FROM candles WHERE open_time = :at", at=EVE + 6 * MINUTE)
    coverages = Coverages(
        reader=CoverageRepository(pipeline.database),
        clock=lambda: EVE + 9 * MINUTE,
        supplies={name: supply(spec) for name, spec in CATALOG.items()},
    )
    question = Question(
        name="BTCUSDT", interval=Interval.M1, start=EVE - timedelta(days=3), end=EVE + 8 * MINUTE, limit=10
    )
    assert coverages.coverage(question).expected == 3 * 1440 + 8
    pipeline.retire()
    answer = coverages.coverage(question)
    assert (answer.start, answer.expected, answer.present) == (ends(JANUARY), 4, 3)
    assert [gap.start for gap in answer.gaps] == [EVE + 6 * MINUTE]
    past = Question(name="BTCUSDT", interval=Interval.M1, start=EVE - timedelta(days=3), end=EVE, limit=10)
    assert coverages.coverage(past).expected == 0
    days = Question(name="BTCUSDT", interval=Interval.D1, start=begins(JANUARY), end=EVE, limit=10)
    assert coverages.coverage(days).expected == 31


def test_the_operators_api_knows_from_when_on_rows_are_kept(pipeline: Pipeline) -> None:
    """None before a month was retired, then the beginning of the one behind it."""
    book = JobBook(pipeline.database)
    assert book.retired_before() is None
    pipeline.retire()
    assert book.retired_before() == ends(JANUARY)


def test_a_number_that_does_not_fit_keeps_its_month(pipeline: Pipeline) -> None:
    """The month is whole in the database, served and told as kept; so are those behind it."""
    pipeline.load(candle("SOLUSDT", EVE, "1.5", volume=Decimal("1.0000000000000000001")), at=EVE)
    rows = pipeline.stored(Dataset.CANDLES, JANUARY)
    done = pipeline.retire()
    assert JANUARY not in done.retired
    assert "does not fit the export" in done.failures[JANUARY]
    assert pipeline.stored(Dataset.CANDLES, JANUARY) == rows
    assert done.overdue == 1


def test_a_month_comes_back_by_the_setting_and_a_replay(pipeline: Pipeline) -> None:
    """`history_months` is raised: the month is there, empty; the archive's answers make the same rows again."""
    before = {dataset: pipeline.stored(dataset, JANUARY) for dataset in ALL}
    pipeline.retire()
    pipeline.keep, pipeline.answers = 3, 0
    done = pipeline.retire()
    assert list(done.brought_back) == [JANUARY]
    assert JobBook(pipeline.database).retired_before() is None
    pipeline.fill()
    assert {dataset: pipeline.stored(dataset, JANUARY) for dataset in ALL} == before
    pipeline.keep = 2
    assert pipeline.retire().retired == [JANUARY]
    assert {dataset: pipeline.exported(dataset, JANUARY) for dataset in ALL} == before


def test_a_reader_is_never_the_victim(pipeline: Pipeline, reader_url: str, owner: Database) -> None:
    """It holds the prices and wants the candles, the drop the other way round: the drop gives up, and comes again."""
    reader = Database(reader_url)
    answers: list[object] = []
    tries: list[str] = []

    def read() -> None:
        statements = ("SELECT count(*) FROM prices", "SELECT pg_sleep(1)", "SELECT count(*) FROM candles")
        try:
            answers.extend(reader.together(*((statement, {}) for statement in statements)))
        except RetryLaterError as error:
            answers.append(error)

    reading = threading.Thread(target=read)
    asleep = "SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep'"

    def watched(name: str) -> None:
        if name == "retire":
            tries.append(name)
            if len(tries) == 1:
                reading.start()
                while not owner.query(asleep):
                    pass

    pipeline.fails = watched
    assert pipeline.retire().retired == [JANUARY]
    reading.join()
    reader.close()
    assert answers[::2] == [[[2]], [[16]]]
    assert len(tries) > 1


def test_a_drop_that_never_gets_its_moment_is_left_for_the_next_run(pipeline: Pipeline) -> None:
    """Nothing was dropped, and the export is not made again."""

    def busy(name: str) -> None:
        if name == "retire":
            raise RetryLaterError("Somebody reads.")

    pipeline.fails = busy
    with pytest.raises(RetryLaterError):
        pipeline.retire()
    pipeline.fails = lambda _: None
    done = pipeline.retire()
    assert (done.retired, done.files) == ([JANUARY], 1)
