"""The archive is the backup: loaded in any order, with duplicates, it gives the same tables to the byte."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from random import Random

import httpx
import pytest

from local.simulator.transport import transport
from local.simulator.world import World
from marketflow.domain.fetching import FetchTask
from marketflow.domain.loading import Delivery
from marketflow.domain.symbol import AssetType
from marketflow.etl.pipeline import Pipeline
from marketflow.etl.strategies import STRATEGIES
from marketflow.messaging.archive import RawArchive
from marketflow.persistence.connection import Database
from marketflow.persistence.fingerprint import fingerprint
from marketflow.persistence.loader import Loader
from marketflow.persistence.seeds import SEED_SYMBOLS
from marketflow.sources.catalog import CATALOG
from marketflow.sources.factory import create
from tests.cloud import Cloud
from tests.unit.simulator.support import clock_of, utc, world

pytestmark = pytest.mark.integration

TIMES = ("2026-01-02T15:00", "2026-01-02T15:01", "2026-01-02T22:00", "2026-01-05T17:30", "2026-01-06T15:00")
FAULTS = {
    # A split restates Monday's minutes and all the days; the other two give rows that are no data, and a corrected day.
    "yahoo.split": "2026-01-05T17:00Z/2026-01-05T17:01Z@AAPL",
    "binance.misaligned": "2026-01-05T16:00Z/2026-01-05T17:00Z",
    "yahoo.duplicate_last_date": "0.5",
}
SYMBOLS = {"binance": ("BTCUSDT", "ETHBTC"), "yahoo": ("AAPL", "THYAO.IS")}


def symbols_of(source: str) -> list[str]:
    """A few spellings that `source` has."""
    seeds = [str(seed["source_symbol"]) for seed in SEED_SYMBOLS if seed["source"] == source]
    return list(SYMBOLS.get(source, seeds[:3]))


def fill(
    archive: RawArchive, asked: World, *, sources: Sequence[str] = tuple(CATALOG), times: Sequence[str] = TIMES
) -> None:
    """Ask the sources for everything that is scheduled, at each of the times."""

    async def answers() -> None:
        async with httpx.AsyncClient(transport=transport(asked)) as client:
            for at in map(utc, times):
                clock_of(asked).set(at)
                for name in sources:
                    source = create(name)
                    for dataset in [one for schedule in source.spec.schedules for one in schedule.datasets]:
                        task = FetchTask(dataset=dataset)
                        for request in source.build_requests(task, symbols_of(name), now=at, since=None):
                            response = await source.fetch(client, request)
                            archive.put(request, response.model_copy(update={"received_at": at}))

    asyncio.run(answers())


def load(database: Database, archive: RawArchive, keys: list[str]) -> None:
    """What the ETL does with a message for each of `keys`, its body claimed from the archive."""
    loader = Loader(database)
    pipelines = {
        name: Pipeline(
            strategy=STRATEGIES[AssetType(spec.asset_type)], parser=create(name), archive=archive, loader=loader
        )
        for name, spec in CATALOG.items()
    }
    for key in keys:
        request, _ = archive.get(key)
        pipelines[request.source].run(Delivery(request=request, response=None, raw_key=key))


def test_the_whole_archive_gives_the_same_tables_in_any_order(
    cloud: Cloud, new_database: Callable[..., str], migrated_template: str
) -> None:
    """In order, shuffled with duplicates and backwards, into three empty databases: every table has one hash.

    Every source is in it, and so are a split, values that were corrected, and rows that are no data.
    """
    archive = RawArchive(bucket=cloud.bucket, client=cloud.s3)
    fill(archive, world(utc(TIMES[0]), faults=FAULTS))
    keys = cloud.keys("raw/")
    assert {key.split("/")[1] for key in keys} == {f"source={name}" for name in CATALOG}
    random = Random(11)
    shuffled = [*keys, *random.sample(keys, len(keys) // 2)]
    random.shuffle(shuffled)
    prints, counts = [], {}
    for order in (keys, shuffled, keys[::-1]):
        database = Database(new_database(migrated_template))
        load(database, archive, order)
        prints.append(fingerprint(database))
        counts = {table: database.query(f"SELECT count(*) FROM {table}")[0][0] for table in prints[0]}  # noqa: S608
        database.close()
    assert all(counts.values()), counts
    assert prints[1] == prints[0]
    assert prints[2] == prints[0]


def test_an_answer_that_is_no_data_is_in_the_archive_too(cloud: Cloud, database: Database) -> None:
    """A replay of it refuses it again, once: the quarantine counts what was refused and not how often."""
    archive = RawArchive(bucket=cloud.bucket, client=cloud.s3)
    broken = world(utc(TIMES[0]), faults={"yahoo.length_mismatch": "1.0"})
    fill(archive, broken, sources=("yahoo",), times=TIMES[:1])
    keys = cloud.keys("raw/source=yahoo/")
    load(database, archive, keys)
    before = fingerprint(database)
    load(database, archive, keys)
    assert fingerprint(database) == before
    assert database.query("SELECT count(*) > 0 FROM quarantine WHERE position = -1") == [[True]]
