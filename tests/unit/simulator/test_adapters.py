"""MarketFlow's own sources read everything that a healthy simulated vendor serves."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import httpx
import pytest

from local.simulator.transport import transport
from marketflow.domain.fetching import FetchTask
from marketflow.persistence.seeds import SEED_SYMBOLS
from marketflow.sources.catalog import CATALOG
from marketflow.sources.factory import create
from tests.unit.simulator.support import utc, world
from tests.unit.sources.support import DATASETS

pytestmark = pytest.mark.unit

MORE = {
    "binance": ["VENBTC", "这是测试币456USDT"],
    "yahoo": ["VOD.L", "SAP.DE", "POLI.TA", "NPN.JO", "CBA.AX", "^GSPC", "BTC-USD", "EURUSD=X"],
    "exchangerate": ["TRY/IRR"],
    "ecb": ["ZAR/ISK"],
}


async def fetched(
    source_name: str, dataset: str, at: datetime, since: datetime | None
) -> tuple[int, int, list[object]]:
    """How many candles and prices the source reads at `at`, and every row that it refuses."""
    source = create(source_name)
    owner = CATALOG[source_name].supplies or source_name
    symbols = [seed["source_symbol"] for seed in SEED_SYMBOLS if seed["source"] == owner] + MORE[source_name]
    candles = prices = 0
    rejects: list[object] = []
    async with httpx.AsyncClient(transport=transport(world(at))) as client:
        for request in source.build_requests(FetchTask(dataset=dataset), symbols, now=at, since=since):
            response = (await source.fetch(client, request)).model_copy(update={"received_at": at})
            source.check(request, response)
            payload = source.parse(request, response)
            candles += len(payload.candles)
            prices += len(payload.prices)
            rejects += payload.rejects
            assert all(candle.volume is None or candle.volume >= 0 for candle in payload.candles)
    return candles, prices, rejects


@pytest.mark.parametrize(("source_name", "dataset"), DATASETS)
@pytest.mark.parametrize(
    "moment",
    [
        "2026-01-04T12:00:00",
        "2026-01-05T00:00:00",
        "2026-01-05T07:20:00",
        "2026-01-05T14:30:00",
        "2026-01-05T15:42:07",
        "2026-01-05T22:00:00",
        "2026-03-30T15:59:59",
    ],
)
def test_a_healthy_world_has_no_rejects(source_name: str, dataset: str, moment: str) -> None:
    """At any hour every symbol of a fresh installation, and every odd one besides, is read without a refused row."""
    at = utc(moment)
    candles, prices, rejects = asyncio.run(fetched(source_name, dataset, at, at - timedelta(minutes=7)))
    assert rejects == []
    assert candles + prices > 0


@pytest.mark.parametrize(("source_name", "dataset"), DATASETS)
def test_the_first_fetch_has_no_rejects(source_name: str, dataset: str) -> None:
    """A fresh installation, which asks for as much as one call gives, has no refused row either."""
    candles, prices, rejects = asyncio.run(fetched(source_name, dataset, utc("2026-01-05T15:42:07"), None))
    assert rejects == []
    assert candles + prices > 0


def test_candles_become_final() -> None:
    """What the source reads of a minute while it forms is not final, and is when it is over."""

    async def newest(at: datetime) -> list[tuple[datetime, bool]]:
        source = create("binance")
        (request,) = source.build_requests(FetchTask(dataset="klines_1m"), ["BTCUSDT"], now=at, since=at)
        async with httpx.AsyncClient(transport=transport(world(at))) as client:
            payload = source.parse(request, await source.fetch(client, request))
        return [(candle.open_time, candle.final) for candle in payload.candles]

    before = asyncio.run(newest(utc("2026-01-05T15:42:07")))
    after = dict(asyncio.run(newest(utc("2026-01-05T15:43:07"))))
    assert before[-1] == (utc("2026-01-05T15:42"), False)
    assert after[utc("2026-01-05T15:42")] is True
