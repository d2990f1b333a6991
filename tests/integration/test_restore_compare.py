"""Comparing a restored database with one that goes on loading: what is under way is waited for, the rest is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from local import drill
from local.processes import LocalError
from local.restore import Restore
from marketflow.messaging.archive import RawArchive
from marketflow.persistence.connection import Database
from tests.cloud import Cloud
from tests.integration.test_whole_archive import fill, load
from tests.unit.simulator.support import utc, world

pytestmark = pytest.mark.integration

AT = "2026-01-02T15:00"


@pytest.fixture
def running(cloud: Cloud, new_database: Callable[..., str], migrated_template: str) -> str:
    """The URL of a database that loaded the archive, with one run of candles not sorted yet."""
    archive = RawArchive(bucket=cloud.bucket, client=cloud.s3)
    fill(archive, world(utc(AT)), sources=("binance",), times=(AT,))
    url = new_database(migrated_template)
    database = Database(url)
    load(database, archive, cloud.keys("raw/"))
    database.query("UPDATE candles SET observed_at = observed_at + interval '1 minute' WHERE final")
    database.close()
    return url


@pytest.fixture
def restore(cloud: Cloud, new_database: Callable[..., str]) -> Iterator[Restore]:
    """A restore of the same archive into an empty database."""
    made = Restore(database_url=new_database(), bucket=cloud.bucket, s3=cloud.s3)
    made.prepare()
    yield made
    made.database.close()


def test_a_load_that_is_completed_meanwhile_makes_no_difference(
    restore: Restore, running: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its message comes again, and the tables are the same then."""
    paused = []

    def completes(seconds: float) -> None:
        paused.append(seconds)
        database = Database(running)
        database.query("UPDATE candles SET observed_at = observed_at - interval '1 minute' WHERE final")
        database.close()

    monkeypatch.setattr(drill.time, "sleep", completes)
    drill.compare(restore, running, set())
    assert len(paused) == 1


def test_tables_that_stay_different_are_named(restore: Restore, running: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often they are looked at."""
    monkeypatch.setattr(drill, "ROUNDS", 3)
    monkeypatch.setattr(drill, "PAUSE_SECONDS", 0)
    with pytest.raises(LocalError, match=r"not those of the running pipeline: candles differ"):
        drill.compare(restore, running, set())
