"""The simulator's bodies have the keys of recorded ones, where recordings are at hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local.simulator.exchangerate import FREE_KEY, PRO_KEY
from tests.unit.simulator.support import ask, utc, world

pytestmark = pytest.mark.unit

RECORDINGS = Path(__file__).resolve().parents[3].parent / "shared" / "recordings"
CHART = "/yahoo/v8/finance/chart"
KEYED = f"/exchangerate/v6/{FREE_KEY}"

# recording -> (path and query of a request of the same kind, keys that only the simulator has, keys only recorded)
SAME_KIND: dict[str, tuple[str, set[str], set[str]]] = {
    "binance-klines-btcusdt-1m-2021.json": ("/binance/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=10", set(), set()),
    "binance-ticker24hr-full-docs.json": ("/binance/api/v3/ticker/24hr?symbol=BNBBTC", set(), set()),
    "binance-ticker24hr-venbtc-delisted.json": ("/binance/api/v3/ticker/24hr?symbol=VENBTC", set(), set()),
    "binance-ticker-price-multi-docs.json": ("/binance/api/v3/ticker/price", set(), set()),
    "binance-time.json": ("/binance/api/v3/time", set(), set()),
    "binance-error-1121-invalid-symbol.json": ("/binance/api/v3/klines?symbol=NOPE&interval=1m", set(), set()),
    "yahoo-chart-aapl-5m-mid-session-live-row.json": (
        f"{CHART}/AAPL?range=1d&interval=5m",
        {"meta.validRanges"},
        set(),
    ),
    "yahoo-chart-aapl-1h-5d.json": (f"{CHART}/AAPL?range=5d&interval=1h", {"meta.validRanges"}, set()),
    "yahoo-chart-aapl-1d-1mo-no-previousclose.json": (
        f"{CHART}/AAPL?range=1mo&interval=1d",
        {"meta.validRanges"},
        set(),
    ),
    "yahoo-chart-aapl-1m-closed-day-no-timestamp.json": (
        f"{CHART}/AAPL?interval=1m&period1=1767398400&period2=1767484800",
        {"meta.regularMarketChangePercent", "meta.fulldayPrice", "meta.fulldayChange", "meta.fulldayChangePercent"},
        set(),
    ),
    "yahoo-error-404-unknown-symbol.json": (f"{CHART}/NOPE", set(), set()),
    "yahoo-error-400-bad-interval.json": (f"{CHART}/AAPL?interval=1s", set(), set()),
    "yahoo-error-401-invalid-crumb.json": ("/yahoo/v7/finance/quote?symbols=AAPL", set(), set()),
    "er-open-v6-latest-cny-2023.json": ("/exchangerate/v6/latest/CNY", {"rates.CLF", "rates.XCG"}, set()),
    "er-v4-latest-cny-2023.json": ("/exchangerate/v4/latest/CNY", {"rates.CLF", "rates.XCG"}, set()),
    "er-v6-pair-amount-docs.json": (f"{KEYED}/pair/EUR/GBP/100", set(), set()),
    "er-v6-quota-docs.json": (f"{KEYED}/quota", set(), set()),
    "er-v6-codes-docs.json": (f"{KEYED}/codes", set(), set()),
    "er-error-unsupported-code.json": (f"{KEYED}/latest/QQQ", set(), set()),
    "er-error-invalid-key.json": ("/exchangerate/v6/wrong/latest/USD", set(), set()),
    "frankfurter-v1-date-eur-gbp.json": ("/frankfurter/v1/2025-12-30?symbols=GBP", set(), set()),
    "frankfurter-v1-latest-usd-inr.json": ("/frankfurter/v1/latest?base=USD&symbols=INR", set(), set()),
    "frankfurter-v1-error-404.json": ("/frankfurter/v1/latest?symbols=AED", set(), set()),
}
LOOSE = {
    # The examples of the documents have a few currencies only.
    "er-v6-history-usd-docs.json": f"/exchangerate/v6/{PRO_KEY}/history/USD/2024/3/15",
    "er-v6-history-amount-docs.json": f"/exchangerate/v6/{PRO_KEY}/history/USD/2024/3/15/100",
    "er-open-v6-latest-usd-2025-trimmed.json": "/exchangerate/v6/latest/USD",
    # Binance.US: another set of features, kept for the keys that both have.
    "frankfurter-v1-range-eur-usd-inr.json": "/frankfurter/v1/2025-12-29..2025-12-31?symbols=USD,INR",
}


def keys(value: object, path: str = "") -> set[str]:
    """Every path of keys in a document, list items as one; the envelope of charts is left out."""
    if isinstance(value, list):
        return set().union(*(keys(item, path) for item in value)) if value else set()
    if not isinstance(value, dict):
        return {path} if path else set()
    return set().union(*(keys(item, f"{path}.{key}" if path else key) for key, item in value.items()), {path} - {""})


def recorded(name: str) -> Any:  # noqa: ANN401 - it is JSON
    """The document of a recording."""
    if not RECORDINGS.exists():
        pytest.skip("no recorded bodies beside this checkout")
    return json.loads((RECORDINGS / name).read_text(encoding="utf-8"))


def simulated(path: str) -> Any:  # noqa: ANN401 - it is JSON
    """The document of a request at a time when New York is open."""
    path, _, query = path.partition("?")
    answer = world(utc("2026-01-05T15:42:07")).answer("GET", path, query, {"user-agent": "Mozilla/5.0"})
    return json.loads(answer.body)


def strip(found: set[str]) -> set[str]:
    """Key paths without the envelope of a chart."""
    return {path.removeprefix("chart.result.") for path in found}


@pytest.mark.parametrize("name", SAME_KIND)
def test_same_keys(name: str) -> None:
    """Every key that was recorded is there and no other, but for those that are known to be newer."""
    path, newer, older = SAME_KIND[name]
    ours, theirs = strip(keys(simulated(path))), strip(keys(recorded(name)))
    assert ours - theirs == newer
    assert theirs - ours == older


@pytest.mark.parametrize("name", LOOSE)
def test_same_head(name: str) -> None:
    """Where a recording was cut, the keys of its first level are the same."""
    assert simulated(LOOSE[name]).keys() == recorded(name).keys()


def test_klines_have_twelve_items() -> None:
    """Rows are as long as the recorded ones, their items of the same types."""
    theirs = recorded("binance-klines-btcusdt-1m-2021.json")[0]
    ours = simulated("/api/v3/klines?symbol=BTCUSDT&interval=1m")[0]
    assert [type(item) for item in ours] == [type(item) for item in theirs]


def test_exchange_info_has_the_recorded_fields() -> None:
    """Binance.US's fields are all there; the newer ones of Binance come on top."""
    ours, theirs = simulated("/api/v3/exchangeInfo"), recorded("binanceus-exchangeinfo-break-symbols-2025.json")
    assert ours.keys() == theirs.keys()
    assert ours["symbols"][0].keys() >= theirs["symbols"][0].keys()


def test_refusals_are_worded_as_recorded() -> None:
    """The texts of refusals are those that were seen on the wire."""
    pairs = {
        "binance-error-1100-symbol-chars.json": "/binance/api/v3/klines?symbol=btc&interval=1m",
        "binance-error-1100-starttime-chars.json": "/api/v3/klines?symbol=BTCUSDT&interval=1m&startTime=x",
        "binance-error-1121-invalid-symbol.json": "/api/v3/ticker/price?symbol=NOPE",
        "yahoo-error-404-unknown-symbol.json": f"{CHART}/NOPE",
        "yahoo-error-400-bad-interval.json": f"{CHART}/AAPL?range=3mo&interval=1s",
        "yahoo-error-401-invalid-crumb.json": "/yahoo/v7/finance/quote?symbols=AAPL",
        "er-error-unsupported-code.json": "/exchangerate/v6/latest/QQQ",
    }
    for name, path in pairs.items():
        document = recorded(name)
        ours = simulated(path)
        document.pop("documentation", None), ours.pop("documentation", None)
        assert ours == document, name
    body = world(faults={"binance.http_451": "on"}).answer("GET", "/api/v3/ping", "", {}).body
    assert json.loads(body) == recorded("binance-error-451-geo-block.json")
    assert ask(world(), "/binance/api/v3/ping").body == b"{}"
