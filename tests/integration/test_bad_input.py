"""Every kind of bad input for every source, through the whole pipeline: fetcher, archive, message, ETL, PostgreSQL.

Whatever a vendor sends instead of data is typed, counted and archived as it came, and never stored as data.
"""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from marketflow.domain.fetching import FetchReport, FetchRequest, RawResponse
from marketflow.domain.symbol import AssetType
from marketflow.etl.pipeline import Pipeline
from marketflow.etl.strategies import STRATEGIES
from marketflow.messaging.archive import RawArchive
from marketflow.messaging.envelope import Codec, decode
from marketflow.persistence.connection import Database
from marketflow.persistence.jobs import JobBook
from marketflow.persistence.loader import Loader, raw_id
from marketflow.services.ingest import Ingest, Manners
from marketflow.services.loading import Loaded, Loading
from marketflow.sources import factory
from tests.cloud import Cloud
from tests.fakes import FakeOutbox, FakeStates, FakeSymbols, symbol
from tests.unit.sources.support import DATASETS, Sample, sample

pytestmark = pytest.mark.integration

Spoil = Callable[[Any], object]
"""Makes a good body, which it may change, into a bad one; bytes are sent as they are."""

HTML = b"<!DOCTYPE html><html><body>Will be right back</body></html>"
ABSURD = 10**30


@dataclass(frozen=True)
class Outcome:
    """What became of one answer."""

    report: FetchReport
    loaded: list[Loaded]
    key: str


def spoiled(case: Sample, kind: str) -> bytes | object:
    """The fixture's body with what `kind` says wrong with it, in every row."""
    body = copy.deepcopy(case.body)
    if kind == "truncated":
        text = json.dumps(body).encode()
        return text[: len(text) // 2]
    if kind == "html":
        return HTML
    return BODIES[case.task.dataset][kind](body)


# ── The bodies, by kind ─────────────────────────────────────────────────────────────────────────────────────────────


def numbers(put: Callable[[Any, object], object], *, text: bool) -> dict[str, Spoil]:
    """The kinds of bad numbers; `put` puts one into every price of a body, as text where the vendor writes text."""
    kinds = {"null": None, "nan": float("nan"), "infinity": float("inf"), "negative": -1, "absurd": ABSURD}
    if text:
        kinds |= {"nan": "NaN", "infinity": "Infinity", "negative": "-1.00000000", "absurd": str(ABSURD)}
    return {kind: lambda body, value=value: put(body, value) for kind, value in kinds.items()}


def kline_prices(body: list[list[object]], value: object) -> object:
    return [[row[0], *[value] * 4, *row[5:]] for row in body]


def kline_hours(body: list[list[Any]]) -> object:
    return [[*row[:6], row[0] + 3_599_999, *row[7:]] for row in body]


def ticker_prices(body: list[dict[str, object]], value: object) -> object:
    return [{**row, "price": value} for row in body]


def chart(change: Callable[[dict[str, Any]], object]) -> Spoil:
    """Changes the chart's one result."""

    def spoil(body: dict[str, Any]) -> object:
        change(body["chart"]["result"][0])
        return body

    return spoil


def chart_prices(body: dict[str, Any], value: object) -> object:
    """In every row that has a price, and in the last price beside them. A null close is no row: there lows are null."""
    result = body["chart"]["result"][0]
    quote = result["indicators"]["quote"][0]
    for name in ("low",) if value is None else ("open", "high", "low", "close"):
        quote[name] = [None if price is None else value for price in quote[name]]
    result["meta"]["regularMarketPrice"] = value
    return body


def rates(body: dict[str, Any], value: object) -> object:
    return {**body, "rates": {code: 1 if code == "USD" else value for code in body["rates"]}}


def reference_rates(body: dict[str, Any], value: object) -> object:
    return {**body, "rates": {day: dict.fromkeys(rates, value) for day, rates in body["rates"].items()}}


CHART: dict[str, Spoil] = {
    "other_symbol": chart(lambda result: result["meta"].update(symbol="GARAN.IS")),
    "other_granularity": chart(lambda result: result["meta"].update(dataGranularity="5m")),
    "lengths": chart(lambda result: result["indicators"]["quote"][0]["close"].pop()),
    **numbers(chart_prices, text=False),
}
BODIES: dict[str, dict[str, Spoil]] = {
    # Klines do not say of which symbol they are.
    "klines_1m": {
        "other_granularity": kline_hours,
        "lengths": lambda body: [row[:11] for row in body],
        **numbers(kline_prices, text=True),
    },
    "ticker_price": {
        "other_symbol": lambda body: [{**row, "symbol": f"X{row['symbol']}"} for row in body],
        "lengths": lambda _: [],
        **numbers(ticker_prices, text=True),
    },
    "chart_1m": CHART,
    "chart_1d": CHART,
    "latest": {
        "other_symbol": lambda body: {**body, "base_code": "EUR"},
        "lengths": lambda body: {**body, "rates": {"USD": 1}},
        **numbers(rates, text=False),
    },
    # A day may well lack currencies: some came later, some went.
    "rates_1d": {
        "other_symbol": lambda body: {**body, "base": "USD"},
        "other_granularity": lambda body: {**body, "rates": {"2026-04": body["rates"]["2026-04-09"]}},
        **numbers(reference_rates, text=False),
    },
}
CASES = [(source, dataset, kind) for source, dataset in DATASETS for kind in ("truncated", "html", *BODIES[dataset])]

# ── What becomes of them ────────────────────────────────────────────────────────────────────────────────────────────

EVERYWHERE = {
    "truncated": {"malformed_truncated", "truncated"},  # a failed fetch, and a row in the quarantine
    "html": {"retry_later"},  # a page of a gateway says nothing about the data: it is asked for again
    "null": {"not_a_number"},
    "nan": {"not_a_number"},
    "infinity": {"not_a_number"},
    "negative": {"not_positive"},
    "absurd": {"absurd_number"},
}
OF_CHARTS = {
    **EVERYWHERE,
    "other_symbol": {"malformed_wrong_symbol", "wrong_symbol"},
    "other_granularity": {"malformed_wrong_granularity", "wrong_granularity"},
    "lengths": {"malformed_length_mismatch", "length_mismatch"},
    "null": {"incomplete_row"},
}
EXPECTED: dict[str, dict[str, set[str]]] = {
    "klines_1m": {
        **EVERYWHERE,
        "other_granularity": {"wrong_granularity"},
        "lengths": {"wrong_shape"},
        "absurd": {"not_a_number"},  # more digits than Binance writes
    },
    "ticker_price": {
        **EVERYWHERE,
        "other_symbol": {"wrong_symbol", "missing_symbol"},
        "lengths": {"missing_symbol"},
        "absurd": {"not_a_number"},
    },
    "chart_1m": OF_CHARTS,
    "chart_1d": OF_CHARTS,
    "latest": {**EVERYWHERE, "other_symbol": {"malformed_wrong_base", "wrong_base"}, "lengths": {"missing_code"}},
    "rates_1d": {
        **EVERYWHERE,
        "other_symbol": {"malformed_wrong_base", "wrong_base"},
        "other_granularity": {"malformed_bad_time", "bad_time"},
    },
}


@pytest.fixture
def pipeline(cloud: Cloud, database: Database) -> Callable[[Sample, object], Outcome]:
    """Has an answer fetched, archived, sent and loaded; what became of it."""

    def run(case: Sample, body: object) -> Outcome:
        know_symbols(database, case)
        archive, outbox = RawArchive(bucket=cloud.bucket, client=cloud.s3), FakeOutbox()
        content = "text/html" if body is HTML else "application/json"

        async def fetch(_: FetchRequest) -> RawResponse:
            return case.response(body, content_type=content)

        ingest = Ingest(
            source=case.source,
            fetch=fetch,
            manners=Manners(max_concurrency=1, min_interval_seconds=0, timeout_seconds=1, cadence=timedelta(minutes=1)),
            archive=archive,
            codec=Codec(),
            outbox=outbox,
            symbols=FakeSymbols([symbol(name, case.source.name) for name in case.symbols]),
            states=FakeStates(),
            clock=lambda: case.now,
        )
        report = asyncio.run(ingest.run([case.task], correlation_id="tick", time_left=lambda: 60.0))
        loader = Loader(database)
        strategy = STRATEGIES[AssetType(case.source.spec.asset_type)]
        one = Pipeline(strategy=strategy, parser=factory.create(case.source.name), archive=archive, loader=loader)
        loading = Loading(
            decode=decode, pipelines={case.source.name: one}, reports=loader, jobs=JobBook(database), archive=archive
        )
        loaded = [loading.load(text) for text in outbox.sent]
        key = cloud.keys()[-1]
        return Outcome(report=report, loaded=loaded, key=key)

    return run


def know_symbols(database: Database, case: Sample) -> None:
    """Put the fixture's symbols beside the seeds."""
    good = case.source.parse(case.request, case.response())
    for row in (*good.candles, *good.prices):
        database.query(
            "INSERT INTO symbols (symbol, source, source_symbol, asset_type, quote_currency, price_unit)"
            " VALUES (:name, :source, :name, :kind, :currency, :currency) ON CONFLICT DO NOTHING",
            name=row.source_symbol,
            source=case.source.name,
            kind=case.source.spec.asset_type,
            currency=row.currency or "USDT",
        )


def count(database: Database, table: str) -> int:
    return int(database.query(f"SELECT count(*) FROM {table}")[0][0])  # noqa: S608 - a table of this test


@pytest.mark.parametrize(("source", "dataset"), DATASETS)
def test_the_good_answer_is_stored(
    pipeline: Callable[[Sample, object], Outcome], database: Database, source: str, dataset: str
) -> None:
    """What the others are made from is data, all of it."""
    case = sample(source, dataset)
    outcome = pipeline(case, case.body)
    assert outcome.report.failures == {}
    assert count(database, "quarantine") == 0
    assert count(database, "candles") + count(database, "prices") >= case.rows


@pytest.mark.parametrize(("source", "dataset", "kind"), CASES)
def test_bad_input_is_typed_counted_archived_and_no_data(
    pipeline: Callable[[Sample, object], Outcome],
    cloud: Cloud,
    database: Database,
    source: str,
    dataset: str,
    kind: str,
) -> None:
    """Nothing of it is in a table of data; its body is in the archive; a reason counts it, and names its object."""
    case = sample(source, dataset)
    body = spoiled(case, kind)
    outcome = pipeline(case, body)
    assert (count(database, "candles"), count(database, "prices")) == (0, 0)

    assert cloud.keys() == [outcome.key]
    kept = RawArchive(bucket=cloud.bucket, client=cloud.s3).get(outcome.key)[1]
    assert kept.body == case.response(body).body

    refused = database.query("SELECT reason, raw_key, raw_id FROM quarantine")
    counted = sum(one.result.quarantined for one in outcome.loaded if one.result is not None)
    assert counted == len(refused)
    assert all((key, number) == (outcome.key, raw_id(outcome.key)) for _, key, number in refused)
    reasons = {reason for reason, _, _ in refused} | set(outcome.report.failures)
    assert reasons == EXPECTED[dataset][kind]


def a_hundred_times(dataset: str, body: Any) -> object:  # noqa: ANN401 - any JSON
    """The body with its last prices a hundred times too big."""
    if dataset == "klines_1m":
        return [*body[:-1], [body[-1][0], *(str(100 * Decimal(text)) for text in body[-1][1:5]), *body[-1][5:]]]
    if dataset == "ticker_price":
        return [{**row, "price": str(100 * Decimal(row["price"]))} for row in body]
    if dataset == "latest":
        return {**body, "rates": {**body["rates"], "TRY": 100 * body["rates"]["TRY"]}}
    if dataset == "rates_1d":
        last = max(body["rates"])
        return {
            **body,
            "rates": {**body["rates"], last: {code: 100 * rate for code, rate in body["rates"][last].items()}},
        }
    result = body["chart"]["result"][0]
    quote = result["indicators"]["quote"][0]
    for name in ("open", "high", "low", "close"):
        quote[name][-2:] = [100 * price for price in quote[name][-2:]]
    return body


@pytest.mark.parametrize(("source", "dataset"), DATASETS)
def test_an_absurd_move_is_kept_and_counted_and_not_served(
    pipeline: Callable[[Sample, object], Outcome], database: Database, source: str, dataset: str
) -> None:
    """A hundred times the last price: the row is stored for the record, held back, and told with its object's key."""
    case = sample(source, dataset)
    pipeline(case, case.body)
    later = replace(case, now=case.now + timedelta(hours=1))
    if dataset in {"ticker_price", "latest"}:
        database.query("UPDATE prices SET as_of = as_of - interval '1 day'")
    outcome = pipeline(later, a_hundred_times(dataset, copy.deepcopy(case.body)))
    moves = [move for one in outcome.loaded if one.result is not None for move in one.result.moves]
    (held,) = database.query(
        "SELECT (SELECT count(*) FROM candles WHERE held) + (SELECT count(*) FROM prices WHERE held)"
    )
    assert moves
    assert held == [len(moves)]
    assert all(move.price > 50 * move.reference and move.raw_key.startswith("raw/") for move in moves)
    assert count(database, "quarantine") == 0
