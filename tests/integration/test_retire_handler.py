"""The function from the event of its schedule to the bucket, and what it counts."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from pydantic import ValidationError

from marketflow.domain.retention import Dataset, begins, month_of, months_on
from marketflow.persistence.connection import Database
from tests.cloud import Cloud
from tests.handlers import Context, Handler, event, load
from tests.integration.retirement import Pipeline, candle

pytestmark = pytest.mark.integration


def handler(cloud: Cloud, writer_url: str, monkeypatch: pytest.MonkeyPatch, months: str = "2") -> Handler:
    """The handler over a database of its own."""
    settings = {"DATABASE_URL": writer_url, "DATA_BUCKET": cloud.bucket, "HISTORY_MONTHS": months}
    return load("retire", monkeypatch, settings)


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, float]:
    """The metrics of the run."""
    (numbers,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    return {name: value[0] for name, value in numbers.items() if isinstance(value, list)}


OLD = months_on(month_of(datetime.now(UTC)), -3)
"""With two months kept the newest that is due, whatever day it is."""


@pytest.fixture
def pipeline(database: Database, cloud: Cloud) -> Pipeline:
    """A database with one old row, and no other month that is due."""
    made = Pipeline(database, cloud)
    database.query("DELETE FROM months WHERE month < :month", month=OLD)
    made.load(candle("BTCUSDT", begins(OLD)), at=begins(OLD))
    return made


def test_a_month_is_retired_and_counted(
    pipeline: Pipeline, writer_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The old one is in the bucket, those ahead are in the database, and the metrics say so."""
    retire = handler(pipeline.cloud, writer_url, monkeypatch)
    assert retire(event("schedule_retire"), Context(seconds_left=600)) == {"retired": 1, "rows": 1, "overdue": 0}
    numbers = told(capsys)
    assert numbers == {"MonthsRetired": 1, "MonthsKept": 0, "MonthsOverdue": 0, "OverdueDays": 0, "RowsExported": 1}
    assert [row["symbol"] for row in pipeline.exported(Dataset.CANDLES, OLD)] == ["BTCUSDT"]
    months = pipeline.database.query("SELECT max(month) FROM months")
    assert months == [[months_on(month_of(datetime.now(UTC)), 2)]]


def test_a_month_that_cannot_be_exported_is_an_error_in_the_log(
    pipeline: Pipeline,
    writer_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """With its reason; the metric rings, and the run itself is no failure."""
    pipeline.load(candle("ETHUSDT", begins(OLD), volume=Decimal(10) ** 20), at=begins(OLD))
    retire = handler(pipeline.cloud, writer_url, monkeypatch)
    assert retire(event("schedule_retire"), Context(seconds_left=600)) == {"retired": 0, "rows": 0, "overdue": 1}
    numbers = told(capsys)
    assert (numbers["MonthsKept"], numbers["MonthsOverdue"]) == (1, 1)
    (error,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert (error.getMessage(), vars(error)["month"]) == ("month kept", str(OLD))
    assert "does not fit" in vars(error)["reason"]


def test_a_run_without_time_begins_nothing(
    pipeline: Pipeline, writer_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Less is left than a file takes."""
    retire = handler(pipeline.cloud, writer_url, monkeypatch)
    assert retire(event("schedule_retire"), Context(seconds_left=30)) == {"retired": 0, "rows": 0, "overdue": 1}


def test_without_a_number_of_months_everything_stays(
    pipeline: Pipeline, writer_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the months ahead are made."""
    retire = handler(pipeline.cloud, writer_url, monkeypatch, months="")
    assert retire(event("schedule_retire"), Context(seconds_left=600)) == {"retired": 0, "rows": 0, "overdue": 0}
    assert len(pipeline.stored(Dataset.CANDLES, OLD)) == 1


def test_an_event_that_is_no_order_is_refused(
    pipeline: Pipeline, writer_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says what is wrong with it."""
    with pytest.raises(ValidationError, match="month"):
        handler(pipeline.cloud, writer_url, monkeypatch)({"version": 1, "month": "2026-01"}, Context())
