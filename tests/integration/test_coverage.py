"""Why candles are missing, from the simulated vendor over adapter, ETL and PostgreSQL to the API's answer."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.simulator.transport import transport
from marketflow.bootstrap import supply
from marketflow.domain.fetching import FetchReport, FetchRequest, FetchTask, RawResponse
from marketflow.domain.gaps import Coverage, Question
from marketflow.domain.interval import Interval
from marketflow.domain.loading import Delivery
from marketflow.domain.symbol import AssetType
from marketflow.errors import RefusedError
from marketflow.etl.pipeline import Pipeline
from marketflow.etl.strategies import STRATEGIES
from marketflow.messaging.archive import raw_key
from marketflow.persistence.connection import Database
from marketflow.persistence.coverage import CoverageRepository
from marketflow.persistence.coverage_sql import COVERAGE
from marketflow.persistence.loader import Loader
from marketflow.services.coverage import Coverages
from marketflow.sources.catalog import CATALOG
from marketflow.sources.factory import create
from tests.unit.simulator.support import utc, world
from tests.unit.sources.support import DATASETS

pytestmark = pytest.mark.integration

NOON = utc("2026-01-05T12:00:30")  # a Monday
MINUTE = timedelta(minutes=1)


class Flow:
    """A deployment in process: a simulated internet with these faults, and one database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.now = NOON
        self.faults: dict[str, str] = {}

    def fetch(
        self,
        dataset: str,
        symbols: Sequence[str],
        *,
        since: datetime | None = None,
        window: tuple[datetime, datetime] | None = None,
        broken: bytes | None = None,
    ) -> None:
        """One run of a fetcher and the ETL behind it; `broken` stands in place of the body that comes."""
        asyncio.run(self._fetch(dataset, symbols, since, window, broken))

    async def _fetch(
        self,
        dataset: str,
        symbols: Sequence[str],
        since: datetime | None,
        window: tuple[datetime, datetime] | None,
        broken: bytes | None,
    ) -> None:
        source = create(next(name for name, known in DATASETS if known == dataset))
        start, end = window or (None, None)
        task = FetchTask(dataset=dataset, start=start, end=end)
        asked = world(self.now, faults=self.faults)
        async with httpx.AsyncClient(transport=transport(asked)) as client:
            for request in source.build_requests(task, symbols, now=self.now, since=since):
                response = (await source.fetch(client, request)).model_copy(update={"received_at": self.now})
                if broken is not None:
                    response = response.model_copy(update={"body": broken})
                self.load(request, response)

    def load(self, request: FetchRequest, response: RawResponse) -> None:
        """What the ETL does with an answer."""
        source = create(request.source)
        pipeline = Pipeline(
            strategy=STRATEGIES[AssetType(source.spec.asset_type)],
            parser=source,
            archive=None,  # type: ignore[arg-type]  # nothing here is too large for a message
            loader=Loader(self.database),
            owner=source.spec.supplies,
        )
        pipeline.run(Delivery(request=request, response=response, raw_key=raw_key(request, response)))

    def coverage(self, name: str, **question: Any) -> Coverage:  # noqa: ANN401 - the fields of a question
        """The API's answer at this moment."""
        coverages = Coverages(
            reader=CoverageRepository(self.database),
            clock=lambda: self.now,
            supplies={spec.name: supply(spec) for spec in CATALOG.values()},
        )
        return coverages.coverage(Question(name=name, **{"interval": Interval.M1, **question}))

    def told(self, name: str, **question: Any) -> list[tuple[str, str, int, str, str]]:  # noqa: ANN401 - the same
        """The gaps of an answer: start and end, missing candles, reason, repair."""
        return [
            (f"{gap.start:%d %H:%M}", f"{gap.end:%d %H:%M}", gap.missing, gap.reason.value, gap.repair.value)
            for gap in self.coverage(name, **question).gaps
        ]


@pytest.fixture
def flow(database: Database) -> Flow:
    """A deployment that has done nothing yet."""
    return Flow(database)


def test_a_first_fetch_is_complete_until_the_minute_that_is_still_open(flow: Flow) -> None:
    """A thousand minutes are there; from then on what the next run fetches is missing, and comes by itself."""
    flow.fetch("klines_1m", ["BTCUSDT"])
    answer = flow.coverage("BTCUSDT")
    assert (answer.expected, answer.present, answer.complete, answer.gaps) == (999, 999, True, ())
    assert answer.start == utc("2026-01-04T19:21")
    flow.now += 5 * MINUTE
    assert flow.told("BTCUSDT") == [("05 12:00", "05 12:05", 5, "not_fetched", "automatic")]
    flow.fetch("klines_1m", ["BTCUSDT"], since=NOON)
    assert flow.coverage("BTCUSDT").complete


def test_before_the_first_fetch_a_backfill_is_needed(flow: Flow) -> None:
    """What lies before the first thousand minutes was never asked for."""
    flow.fetch("klines_1m", ["BTCUSDT"])
    start = utc("2026-01-04T19:00")
    assert flow.told("BTCUSDT", start=start) == [("04 19:00", "04 19:21", 21, "not_fetched", "on_request")]
    flow.fetch("klines_1m", ["BTCUSDT"], window=(start, utc("2026-01-04T19:30")))
    assert flow.coverage("BTCUSDT", start=start).complete


@pytest.mark.parametrize("closed", [True, False])
def test_a_range_that_ends_before_the_first_candle_is_empty(flow: Flow, closed: bool) -> None:
    """Without a start it would begin with the first candle: nothing is expected before that, and nothing goes wrong."""
    flow.fetch("klines_1m", ["BTCUSDT"])
    answer = flow.coverage("BTCUSDT", end=utc("2025-06-01T04:00:00"), closed=closed)
    assert (answer.expected, answer.missing_by_reason, answer.gaps) == (0, answer.missing_by_reason, ())


def test_a_minute_that_binance_itself_does_not_have_is_an_outage(flow: Flow) -> None:
    """The exchange was down for half an hour: it answered, and has no candle of it, not even a flat one."""
    flow.faults = {"binance.outage": "2026-01-05T11:00:00Z/2026-01-05T11:30:00Z"}
    flow.fetch("klines_1m", ["BTCUSDT"])
    assert flow.told("BTCUSDT") == [("05 11:00", "05 11:30", 30, "source_outage", "not_needed")]


def test_a_window_before_the_listing_had_no_trades(flow: Flow) -> None:
    """Binance was asked and has nothing that early: there was nothing to trade."""
    flow.fetch("klines_1m", ["BTCUSDT"])
    early = (utc("2010-01-01T00:00"), utc("2010-01-01T01:00"))
    flow.fetch("klines_1m", ["BTCUSDT"], window=early)
    assert flow.told("BTCUSDT", start=early[0], end=early[1]) == [
        ("01 00:00", "01 01:00", 60, "no_trades", "not_needed")
    ]


def test_a_window_that_comes_as_rubbish_is_in_the_quarantine(flow: Flow) -> None:
    """A truncated answer is stored as refused, and so the gap says; a good answer later on heals it."""
    window = (utc("2026-01-03T10:00"), utc("2026-01-03T10:30"))
    flow.fetch("klines_1m", ["BTCUSDT"], window=window, broken=b'[[1767434400000,"1"')
    ask = {"start": window[0], "end": window[1]}
    assert flow.told("BTCUSDT", **ask) == [("03 10:00", "03 10:30", 30, "quarantined", "on_request")]
    flow.fetch("klines_1m", ["BTCUSDT"], window=window)
    assert flow.coverage("BTCUSDT", **ask).complete


def test_one_refused_row_is_quarantined_and_its_neighbours_are_not(flow: Flow, database: Database) -> None:
    """A kline with a negative price is no data: of the window just that minute is in the quarantine."""
    source = create("binance")
    start = utc("2026-01-05T10:00")
    (request,) = source.build_requests(
        FetchTask(dataset="klines_1m", start=start, end=start + 4 * MINUTE), ["BTCUSDT"], now=NOON, since=None
    )
    rows = []
    for number, price in enumerate(("10", "-1", "nonsense")):
        opened = int(start.timestamp()) * 1000 + number * 60_000
        rows.append(f'[{opened},"{price}","{price}","{price}","{price}","1",{opened + 59_999},"1",1,"0","0","0"]')
    flow.load(request, RawResponse(status=200, headers={}, received_at=NOON, body=f"[{','.join(rows)}]".encode()))
    assert flow.told("BTCUSDT", start=start, end=start + 4 * MINUTE) == [
        ("05 10:01", "05 10:03", 2, "quarantined", "on_request"),
        ("05 10:03", "05 10:04", 1, "source_outage", "not_needed"),
    ]
    assert database.query("SELECT count(*) FROM quarantine") == [[2]]


def test_another_currency_settles_nothing(flow: Flow, database: Database) -> None:
    """An answer in the wrong currency is refused by the database: all of its range is in the quarantine."""
    flow.now = utc("2026-01-05T22:00")
    database.query("UPDATE symbols SET quote_currency = 'EUR' WHERE symbol = 'AAPL'")
    flow.fetch("chart_1m", ["AAPL"])
    answer = flow.coverage("AAPL", start=utc("2026-01-05T14:00"))
    assert answer.missing_by_reason["quarantined"] == answer.expected == 390  # type: ignore[index]


def test_while_a_source_is_down_its_silence_is_the_reason(flow: Flow, database: Database) -> None:
    """Runs without an answer leave an outage behind: it explains the minutes that were over meanwhile."""
    flow.fetch("klines_1m", ["BTCUSDT"])
    loader = Loader(database)
    for number in range(1, 31):
        begun = NOON + number * MINUTE
        loader.record_report(
            FetchReport(
                source="binance",
                started_at=begun,
                finished_at=begun + timedelta(seconds=9),
                requests=12,
                succeeded=0,
                failures={"no_answer": 12},
                next_due_at=begun + MINUTE,
                last_error="Binance did not answer.",
            )
        )
    flow.now = NOON + 30 * MINUTE
    assert flow.told("BTCUSDT") == [("05 12:00", "05 12:30", 30, "source_outage", "automatic")]
    flow.fetch("klines_1m", ["BTCUSDT"], since=NOON)
    assert flow.coverage("BTCUSDT").complete
    (row,) = database.query("SELECT CAST(outages AS text) FROM source_status WHERE source = 'binance'")
    assert row[0].count("[") == 1, "runs that follow one another are one outage"


def test_a_quiet_minute_of_a_share_had_no_trades(flow: Flow) -> None:
    """Yahoo's row is all null: it answered, and nobody traded; the share is complete all the same."""
    flow.now = utc("2026-01-05T22:30")
    flow.faults = {"yahoo.null_row": "1"}
    flow.fetch("chart_1m", ["AAPL"], since=flow.now)
    answer = flow.coverage("AAPL", start=utc("2026-01-05T00:00"))
    assert (answer.expected, answer.present, answer.complete) == (390, 389, True)
    (gap,) = answer.gaps
    assert (gap.missing, gap.reason.value, gap.repair.value) == (1, "no_trades", "not_needed")


def test_a_market_is_open_when_its_source_says_so(flow: Flow) -> None:
    """Five days of minutes around a weekend: the sessions are facts, and closed hours are told on request."""
    flow.now = utc("2026-01-05T22:30")
    flow.fetch("chart_1m", ["AAPL"])
    start = utc("2026-01-02T00:00")  # a Friday
    answer = flow.coverage("AAPL", start=start)
    assert (answer.expected, answer.present) == (780, 780)
    assert [(gap[0], gap[1], gap[3]) for gap in flow.told("AAPL", start=start, closed=True)] == [
        ("02 00:00", "02 14:30", "closed"),
        ("02 21:00", "05 14:30", "closed"),
        ("05 21:00", "05 22:30", "closed"),
    ]


def test_a_holiday_and_a_half_day_are_facts_of_the_exchange(flow: Flow) -> None:
    """Thanksgiving is no day of trade and the day after is a short one, for minutes and for days."""
    flow.now = utc("2025-11-28T22:30")  # the Friday after
    flow.fetch("chart_1m", ["AAPL"])
    flow.fetch("chart_1d", ["AAPL"])
    start = utc("2025-11-26T00:00")
    minutes = flow.coverage("AAPL", start=start)
    assert (minutes.expected, minutes.present) == (390 + 210, 390 + 210)
    days = flow.coverage("AAPL", start=utc("2025-11-24T00:00"), interval=Interval.D1)
    assert (days.expected, days.present, days.complete) == (3, 3, True)  # Friday is not over before its midnight
    # Nothing was fetched of this one, but the exchange is the same.
    other = flow.coverage("MSFT", start=start)
    assert (other.expected, other.present) == (600, 0)
    assert other.missing_by_reason["not_fetched"] == 600  # type: ignore[index]


def test_a_year_of_days_has_no_gap(flow: Flow) -> None:
    """Whatever was a holiday in a year, the daily candles of the exchange say so themselves."""
    flow.now = utc("2026-01-06T15:00")
    flow.fetch("chart_1d", ["AAPL", "THYAO.IS"])
    for name in ("AAPL", "THYAO.IS"):
        answer = flow.coverage(name, interval=Interval.D1)
        assert answer.present > 240
        assert (answer.missing, answer.gaps) == (0, ()), flow.told(name, interval=Interval.D1)


def test_a_rate_that_was_published_while_nobody_fetched_is_gone(flow: Flow) -> None:
    """A day is there with its rate; a day without a run cannot be had any more; the running one is not expected.

    The ECB may have a rate of it, and once it was asked for that Saturday, it has not.
    """
    for day, fetched in ((2, True), (3, False), (4, True), (5, True)):
        flow.now = utc(f"2026-01-{day:02}T06:00")
        if fetched:
            flow.fetch("latest", ["USD/TRY", "EUR/USD"])
    answer = flow.coverage("USDTRY", interval=Interval.D1)
    assert (answer.start, answer.expected, answer.present) == (utc("2026-01-02T00:00"), 3, 2)
    assert flow.told("USDTRY", interval=Interval.D1) == [("03 00:00", "04 00:00", 1, "not_fetched", "on_request")]
    flow.now = utc("2026-01-05T16:00")
    flow.fetch("rates_1d", ["USD/TRY"], window=(utc("2026-01-03T00:00"), utc("2026-01-06T00:00")))
    assert flow.told("USDTRY", interval=Interval.D1) == [("03 00:00", "04 00:00", 1, "not_fetched", "not_possible")]


def test_answers_in_any_order_and_number_come_to_the_same(flow: Flow, database: Database, owner: Database) -> None:
    """What is known is a union: replays, duplicates and late messages change nothing."""

    def known() -> list[list[Any]]:
        ranges = database.query("SELECT f::text FROM fetched_ranges f ORDER BY 1")
        return ranges + database.query("SELECT s::text FROM sessions s ORDER BY 1")

    def run(order: Sequence[int]) -> list[list[Any]]:
        owner.query("TRUNCATE fetched_ranges, sessions, candles, quarantine")
        for number in order:
            flow.now = utc("2026-01-05T15:00") + number * 7 * MINUTE
            flow.fetch("klines_1m", ["BTCUSDT"], since=flow.now - number * MINUTE)
            flow.fetch("chart_1m", ["AAPL"], since=flow.now)
            flow.fetch("chart_1d", ["AAPL"], since=flow.now)
        return known()

    once = run([0, 1, 2, 3])
    assert once == run([3, 0, 2, 1]) == run([1, 1, 3, 2, 0, 3, 0])
    assert len(once) == 4


def test_a_session_is_as_short_as_anybody_said(flow: Flow, database: Database) -> None:
    """A half day that is told late shortens the session that was known; a longer one never lengthens it again."""
    flow.now = utc("2026-01-05T16:00")
    flow.fetch("chart_1m", ["AAPL"], since=flow.now)
    (before,) = database.query("SELECT closes_at FROM sessions")
    database.query("UPDATE sessions SET closes_at = closes_at + interval '2 hours'")
    flow.fetch("chart_1m", ["MSFT"], since=flow.now)
    assert database.query("SELECT closes_at FROM sessions") == [before]
    database.query("UPDATE sessions SET closes_at = closes_at - interval '3 hours'")
    flow.fetch("chart_1m", ["NVDA"], since=flow.now)
    assert database.query("SELECT closes_at FROM sessions") == [[before[0] - timedelta(hours=3)]]


def test_a_question_reads_no_table_from_end_to_end(database: Database) -> None:
    """However many candles there are, those of one symbol and range are found by the primary key."""
    database.query(
        """insert into candles select s.id, '1m', t, 1, 1, 1, 1, 1, 1, 1, true, now(), 1
           from symbols s, generate_series(timestamptz '2026-01-01', '2026-01-02', '1 minute') t"""
    )
    database.query("insert into prices select symbol_id, open_time, 1, now(), 1 from candles")
    database.query("analyze")
    values = {
        "name": "BTCUSDT",
        "interval": "1m",
        "start": utc("2026-01-01T00:00"),
        "until": utc("2026-01-01T02:00"),
        "earliest": utc("2025-01-01T00:00"),
        "floor": utc("2026-01-01T00:00"),
        "step": 60,
        "piece": 86_400,
        "rate_sources": "exchangerate",
    }
    plan = "\n".join(row[0] for row in database.query(f"explain {COVERAGE}", **values))
    assert "candles_1m_2026_01_pkey" in plan
    assert not re.search(r"Seq Scan on (candles_1m|prices_)", plan)
    assert set(re.findall(r"candles_1m_\d+_\d+", plan)) == {"candles_1m_2026_01"}


@pytest.mark.parametrize("name", ["BTCUSDT", "AAPL", "THYAO.IS", "USDTRY"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    interval=st.sampled_from(list(Interval)),
    start=st.none() | st.datetimes(timezones=st.just(UTC)),
    length=st.none() | st.timedeltas(min_value=timedelta(microseconds=1), max_value=timedelta(days=20_000)),
    closed=st.booleans(),
)
def test_any_range_is_answered_or_refused(
    flow: Flow, name: str, interval: Interval, start: datetime | None, length: timedelta | None, closed: bool
) -> None:
    """From the year 1 to 9999: what is answered adds up, and what is not is the caller's range or interval."""
    try:
        end = None if start is None or length is None else start + length
    except OverflowError:
        end = None
    refused, answer = None, None
    try:
        answer = flow.coverage(name, interval=interval, start=start, end=end, closed=closed, limit=10)
    except RefusedError as error:
        refused = error
    if answer is None:
        assert refused is not None
        assert (refused.status, refused.parameter in {"start", "end", "interval"}) == (400, True)
        return
    assert answer.expected == answer.present + sum(answer.missing_by_reason.values())
    assert all(gap.start < gap.end for gap in answer.gaps)
    assert [gap.start for gap in answer.gaps] == sorted(gap.start for gap in answer.gaps)
