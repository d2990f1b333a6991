"""A split from the vendor to the API: whatever was seen before and after it, there is one traded price."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import httpx
import pytest

from local.simulator.transport import transport
from local.simulator.world import World
from marketflow.domain.fetching import FetchTask
from marketflow.domain.loading import Delivery
from marketflow.domain.symbol import AssetType
from marketflow.errors import MalformedPayloadError
from marketflow.etl.pipeline import Pipeline
from marketflow.etl.strategies import STRATEGIES
from marketflow.messaging.archive import raw_key
from marketflow.persistence.connection import Database
from marketflow.persistence.loader import Loader
from marketflow.sources.factory import create
from tests.integration.api.conftest import RealClient
from tests.unit.simulator.support import clock_of, utc, world

pytestmark = pytest.mark.integration

FRIDAY = utc("2026-01-02T22:00")
# In the middle of Monday's session: Tuesday's, at 14:30 UTC, is the first in the new shares.
SPLIT = {"yahoo.split": "2026-01-05T17:00Z/2026-01-05T17:01Z@AAPL"}


class NoArchive:
    """Nothing is claimed here: every answer is in its message."""

    def get(self, key: str) -> tuple[object, object]:
        raise MalformedPayloadError(f"{key} is not archived.", reason="bad_archive")


def fetch(asked: World, database: Database, at: datetime, dataset: str, since: datetime | None) -> None:
    """What the fetcher and the ETL do at `at`."""
    clock_of(asked).set(at)
    source = create("yahoo")
    pipeline = Pipeline(
        strategy=STRATEGIES[AssetType.STOCK],
        parser=source,
        archive=NoArchive(),  # type: ignore[arg-type]  # it never answers
        loader=Loader(database),
    )

    async def answers() -> None:
        async with httpx.AsyncClient(transport=transport(asked)) as client:
            for request in source.build_requests(FetchTask(dataset=dataset), ["AAPL"], now=at, since=since):
                response = (await source.fetch(client, request)).model_copy(update={"received_at": at})
                source.check(request, response)
                delivery = Delivery(request=request, response=response, raw_key=raw_key(request, response))
                assert pipeline.run(delivery).quarantined == 0

    asyncio.run(answers())


def closes(database: Database, interval: str, adjustment: str) -> dict[str, Decimal]:
    """The close of each candle by its open time."""
    answer = RealClient(database=database).get(
        "/v1/candles/AAPL", interval=interval, adjustment=adjustment, numbers="string", limit="10000"
    )
    return {candle["open_time"]: Decimal(candle["close"]) for candle in answer.json}


def test_the_traded_price_stays_what_it_was(database: Database) -> None:
    """Days and minutes, seen before the split, in the middle of its night, and after it: raw never changes by it."""
    asked = world(FRIDAY, faults=SPLIT)
    fetch(asked, database, FRIDAY, "chart_1d", None)
    fetch(asked, database, FRIDAY, "chart_1m", None)
    days, minutes = (closes(database, interval, "raw") for interval in ("1d", "1m"))
    assert len(days) > 200
    assert len(minutes) > 390
    for at in ("2026-01-05T22:00", "2026-01-06T08:00", "2026-01-06T15:00", "2026-01-07T22:00"):
        for dataset in ("chart_1d", "chart_1m"):
            fetch(asked, database, utc(at), dataset, FRIDAY)
    for interval, before in (("1d", days), ("1m", minutes)):
        after = closes(database, interval, "raw")
        assert len(after) > len(before)
        assert all(abs(after[time] - close) <= Decimal("0.0001") for time, close in before.items())
    split = closes(database, "1d", "split")
    assert split["2026-01-02T05:00:00Z"] == pytest.approx(days["2026-01-02T05:00:00Z"] / 4, rel=Decimal("1e-6"))
    assert database.query("SELECT numerator, effective FROM actions WHERE kind = 'split'") == [
        [Decimal(4), utc("2026-01-06T05:00")]
    ]


def test_the_split_shows_in_raw_prices_alone(database: Database) -> None:
    """From Monday to Tuesday raw falls to a quarter, and split-adjusted prices go on as if nothing had been."""
    asked = world(FRIDAY, faults=SPLIT)
    fetch(asked, database, FRIDAY, "chart_1d", None)
    fetch(asked, database, utc("2026-01-07T22:00"), "chart_1d", FRIDAY)
    raw, split, everything = (closes(database, "1d", adjustment) for adjustment in ("raw", "split", "all"))
    falls = [later for earlier, later in pairwise(sorted(raw)) if raw[later] < raw[earlier] / 2]
    assert falls == ["2026-01-06T05:00:00Z"]
    assert all(abs(split[b] / split[a] - 1) < Decimal("0.2") for a, b in pairwise(sorted(split)))
    # Four dividends of 0.26 a share, seen before the split.
    assert 0 < 1 - everything[min(split)] / split[min(split)] < Decimal("0.02")
    newest = max(split)
    assert raw[newest] == split[newest] == everything[newest]


def test_a_backfill_of_long_ago_knows_of_the_splits_since(database: Database) -> None:
    """NVIDIA in 2019 was traded at forty times of what the chart says: two splits came later, one of them in 2024."""
    asked = world(FRIDAY)
    source = create("yahoo")
    start = utc("2019-03-04T00:00")
    task = FetchTask(dataset="chart_1d", start=start, end=start + timedelta(days=5))
    clock_of(asked).set(FRIDAY)
    (request,) = source.build_requests(task, ["NVDA"], now=FRIDAY, since=None)

    async def answer() -> None:
        async with httpx.AsyncClient(transport=transport(asked)) as client:
            response = (await source.fetch(client, request)).model_copy(update={"received_at": FRIDAY})
            payload = source.parse(request, response)
            assert len(payload.candles) == 5
            assert [str(action.numerator) for action in payload.actions] == ["4", "10"]

    asyncio.run(answer())
