"""The read API over a real database, and a few rows to read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import pytest

from marketflow.api.app import build
from marketflow.bootstrap import supply
from marketflow.persistence.connection import Database
from marketflow.persistence.coverage import CoverageRepository
from marketflow.persistence.gauges import GaugeReader
from marketflow.persistence.reader import Reader
from marketflow.services.convert import Converter
from marketflow.services.coverage import Coverages
from marketflow.services.market_data import MarketData
from marketflow.sources.catalog import CATALOG
from tests.integration.rolled import roll
from tests.unit.api.market import BINANCE, KEY, NOON, PLANS, Client, FakeLog, source_facts

CATALOGUE = (
    BINANCE,
    source_facts("yahoo", "stock", 1200),
    source_facts("exchangerate", "forex", 93_600),
    source_facts("ecb", "forex", 0),
)


@dataclass
class RealClient(Client):
    """Calls the app that production has, over `database`."""

    database: Database | None = None

    def __post_init__(self) -> None:
        assert self.database is not None
        database = self.database
        reader = Reader(database)
        market_data = MarketData(reader=reader, clock=lambda: NOON, sources=CATALOGUE)
        self.log = FakeLog()
        converter = Converter(reader=reader, clock=lambda: NOON)
        coverages = Coverages(
            reader=CoverageRepository(self.database),
            clock=lambda: NOON,
            supplies={spec.name: supply(spec) for spec in CATALOG.values()},
        )
        self.app = build(
            market_data=market_data,
            converter=lambda: converter,
            coverages=lambda: coverages,
            gauges=lambda: GaugeReader(
                database,
                clock=lambda: NOON,
                freshness_seconds={facts.source: facts.freshness_target_seconds for facts in CATALOGUE},
                session_sources={"yahoo"},
            ),
            cursor_key=KEY,
            log=self.log,
            plans=PLANS,
        )


@pytest.fixture
def client(reader: Database) -> Client:
    """The API over this test's own database, seeds included; its clock stands at noon."""
    return RealClient(database=reader)


AddCandles = Callable[..., None]


@pytest.fixture
def add_candles(database: Database) -> AddCandles:
    """Puts plain candles of a symbol at these open times; the price is the number of the candle, from 1."""

    def add(symbol: str, times: Sequence[datetime], *, interval: str = "1m", final: bool = True) -> None:
        database.query(
            """insert into candles select s.id, cast(:interval as candle_interval), t.time, t.n, t.n, t.n, t.n, t.n,
                 null, null, :final, cast(:now as timestamptz), 1
               from symbols s, unnest(cast(:times as timestamptz[])) with ordinality as t(time, n)
               where s.symbol = :symbol""",
            symbol=symbol,
            interval=interval,
            times=list(times),
            final=final,
            now=NOON,
        )
        roll(database)

    return add


AddPrice = Callable[[str, str, datetime], None]


@pytest.fixture
def add_price(database: Database) -> AddPrice:
    """Puts one observed price."""

    def add(symbol: str, price: str, as_of: datetime) -> None:
        database.query(
            """insert into prices select id, cast(:as_of as timestamptz), cast(:price as numeric),
                 cast(:as_of as timestamptz), 1 from symbols where symbol = :symbol""",
            symbol=symbol,
            price=price,
            as_of=as_of,
        )

    return add
