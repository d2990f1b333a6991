"""The same seed and time give the same bytes, for every vendor."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.simulator.assets import Market
from local.simulator.instruments import PRICE_BASES, load_instruments
from local.simulator.pairs import load_pairs
from tests.unit.simulator.support import ask, body, chart, world

pytestmark = pytest.mark.unit

MARKET = Market(7, PRICE_BASES)
PAIRS = sorted(load_pairs(MARKET))
INSTRUMENTS = sorted(load_instruments(MARKET))
TIMES = st.datetimes(datetime(2026, 1, 1), datetime(2029, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone
REQUESTS = st.one_of(
    st.tuples(
        st.just("/binance/api/v3/klines"),
        st.fixed_dictionaries(
            {
                "symbol": st.sampled_from(PAIRS),
                "interval": st.sampled_from(["1s", "1m", "5m", "1h", "1d", "1w", "1M"]),
                "limit": st.just(20),
            }
        ),
    ),
    st.tuples(st.just("/binance/api/v3/ticker/24hr"), st.fixed_dictionaries({"symbol": st.sampled_from(PAIRS)})),
    st.tuples(st.just("/binance/api/v3/ticker/price"), st.just({})),
    st.tuples(st.just("/binance/api/v3/exchangeInfo"), st.just({})),
    st.tuples(
        st.sampled_from(INSTRUMENTS).map("/yahoo/v8/finance/chart/{}".format),
        st.sampled_from(
            (
                {"range": "1d", "interval": "1m"},
                {"range": "1mo", "interval": "1d", "events": "div,split"},
                {"range": "5d", "interval": "30m", "includePrePost": "true"},
            )
        ),
    ),
    st.tuples(st.sampled_from(("USD", "TRY")).map("/exchangerate/v6/latest/{}".format), st.just({})),
    st.tuples(st.just("/frankfurter/v1/latest"), st.just({"base": "USD"})),
    st.tuples(st.just("/ecb/stats/eurofxref/eurofxref-daily.xml"), st.just({})),
)


@settings(deadline=None, max_examples=40)
@given(request=REQUESTS, at=TIMES, seed=st.integers(0, 2**31))
def test_same_seed_and_time_same_bytes(request: tuple[str, dict[str, object]], at: datetime, seed: int) -> None:
    """Two worlds of one seed give byte-identical answers at one time, whatever was asked of them before."""
    path, params = request
    first, second = world(at, seed=seed), world(at, seed=seed)
    ask(second, "/yahoo/v8/finance/chart/THYAO.IS", range="5d", interval="5m")
    answer = ask(first, path, **params)
    assert answer.status == 200
    assert answer.body == ask(second, path, **params).body


@settings(deadline=None, max_examples=40)
@given(request=REQUESTS, at=TIMES)
def test_the_answer_does_not_wear_off(request: tuple[str, dict[str, object]], at: datetime) -> None:
    """The same world gives the same bytes again while its clock stands, and Date says its clock."""
    path, params = request
    asked = world(at)
    first = ask(asked, path, **params)
    assert first.body == ask(asked, path, **params).body
    assert first.headers["date"] == f"{at:%a, %d %b %Y %H:%M:%S} GMT"


@pytest.mark.parametrize(
    "path", ["/binance/api/v3/ticker/price", "/yahoo/v8/finance/chart/AAPL", "/exchangerate/v6/latest/EUR"]
)
def test_another_seed_is_another_market(path: str) -> None:
    """Prices depend on the seed."""
    assert ask(world(seed=1), path).body != ask(world(seed=2), path).body


def test_vendors_agree_about_the_market() -> None:
    """Bitcoin costs about the same at Binance and at Yahoo, and BTCTRY is about BTCUSDT times lira per dollar."""
    asked = world()
    prices = {item["symbol"]: float(item["price"]) for item in body(asked, "/binance/api/v3/ticker/price")}
    lira = body(asked, "/exchangerate/v6/latest/USD")["rates"]["TRY"]
    assert prices["BTCTRY"] == pytest.approx(prices["BTCUSDT"] * lira, rel=0.02)
    assert prices["ETHBTC"] == pytest.approx(prices["ETHUSDT"] / prices["BTCUSDT"], rel=0.05)
    assert chart(asked, "BTC-USD")["meta"]["regularMarketPrice"] == pytest.approx(prices["BTCUSDT"], rel=0.02)
    euro = body(asked, "/frankfurter/v1/latest", symbols="USD")["rates"]["USD"]
    assert chart(asked, "EURUSD=X")["meta"]["regularMarketPrice"] == pytest.approx(euro, rel=0.02)
