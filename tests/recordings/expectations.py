"""What has to become of every recorded body: a table from file to expectation. Facts are the recordings' own."""

from __future__ import annotations

from datetime import UTC, datetime

from marketflow.domain.interval import Interval
from marketflow.errors import MalformedPayloadError, SourceBlockedError, SymbolUnavailableError
from tests.recordings.kinds import (
    Expectation,
    NotSpoken,
    Reads,
    Refuses,
    chart,
    klines,
    rates,
    reference,
    refused_chart,
    tickers,
)

AUTUMN = datetime(2026, 10, 5, 17, 59, 16, tzinfo=UTC)
PAIRS = ("USD/EUR",)

BINANCE: dict[str, Expectation] = {
    "binance-klines-btcusdt-1m-2021.json": Reads(
        asked=klines("BTCUSDT", datetime(2021, 10, 22, 23, 12, 30, tzinfo=UTC)),
        candles=10,
        first=(
            "2021-10-22T23:03:00+00:00",
            "60685.22000000",
            "60729.84000000",
            "60670.90000000",
            "60719.27000000",
            "21.63272000",
        ),
        last=("2021-10-22T23:12:00+00:00", *["60739.85000000"] * 4, "0.04734000"),
        forming=("2021-10-22T23:12:00+00:00",),
    ),
    "binance-klines-1m-2025-zero-volume-runs.json": Reads(
        asked=klines("THINBTC", datetime(2025, 6, 21, 3, 53, tzinfo=UTC)),
        candles=5,
        first=("2025-06-21T03:49:00+00:00", *["0.02345000"] * 4, "0.00000000"),
        last=("2025-06-21T03:53:00+00:00", *["0.02343000"] * 4, "0.00000000"),
        forming=("2025-06-21T03:53:00+00:00",),
    ),
    "binance-klines-bnbbtc-first-ever.json": Reads(
        asked=klines("BNBBTC", datetime(2021, 1, 1, tzinfo=UTC)),
        candles=1,
        first=(
            "2017-07-14T04:00:00+00:00",
            "0.00005000",
            "0.00005300",
            "0.00001000",
            "0.00004790",
            "663152.00000000",
        ),
    ),
    "binance-ticker-price-multi-docs.json": Reads(
        asked=tickers("LTCBTC", "ETHBTC"), prices=2, quotes={"LTCBTC": "4.00000200", "ETHBTC": "0.07946600"}
    ),
    "binance-error-1100-starttime-chars.json": Refuses(
        asked=klines("BTCUSDT", AUTUMN, status=400), error=MalformedPayloadError, reason="request_refused"
    ),
    "binance-error-1100-symbol-chars.json": Refuses(
        asked=klines("btcusdt", AUTUMN, status=400), error=SymbolUnavailableError, symbols=("btcusdt",)
    ),
    "binance-error-1121-invalid-symbol.json": Refuses(
        asked=tickers("BTCUSDT", "NOPE", status=400), error=SymbolUnavailableError, symbols=("BTCUSDT", "NOPE")
    ),
    "binance-error-451-geo-block.json": Refuses(asked=tickers("BTCUSDT", status=451), error=SourceBlockedError),
    "binance-ping.json": Refuses(asked=tickers("BTCUSDT"), error=MalformedPayloadError, reason="wrong_shape"),
    "binance-time.json": Refuses(asked=tickers("BTCUSDT"), error=MalformedPayloadError, reason="wrong_shape"),
    "binanceus-exchangeinfo-break-symbols-2025.json": Refuses(
        asked=tickers("BTCUSD4"), error=MalformedPayloadError, reason="wrong_shape"
    ),
    # Tickers of a day name their price `lastPrice`: taken for last trades they have none, and nothing is stored.
    "binance-ticker24hr-full-docs.json": Reads(asked=tickers("BNBBTC"), rejects=("not_a_number",)),
    "binance-ticker24hr-venbtc-delisted.json": Reads(asked=tickers("VENBTC"), rejects=("not_a_number",)),
    "binance-tradingday-btcusdt.json": Reads(asked=tickers("BTCUSDT"), rejects=("not_a_number",)),
    "binanceus-ticker24hr-btcusdt.json": Reads(asked=tickers("BTCUSDT"), rejects=("not_a_number",)),
}

YAHOO: dict[str, Expectation] = {
    "yahoo-chart-aapl-1d-single-bar.json": Reads(
        asked=chart("AAPL", Interval.D1),
        candles=1,
        prices=1,
        first=("2020-01-02T05:00:00+00:00", "74.06", "75.15", "73.7975", "75.0875", "135480400"),
        quotes={"AAPL": "244.87"},
        currency="USD",
    ),
    "yahoo-chart-aapl-1d-split-and-dividend.json": Reads(
        asked=chart("AAPL", Interval.D1),
        candles=49,
        prices=1,
        actions=2,
        first=("2020-08-31T04:00:00+00:00", "127.58", "131", "126", "129.04", "225702700"),
        last=("2020-11-06T05:00:00+00:00", "118.32", "119.2", "116.13", "118.69", "114457900"),
        currency="USD",
    ),
    "yahoo-chart-aapl-1m-closed-day-no-timestamp.json": Reads(
        asked=chart("AAPL", Interval.M1), prices=1, quotes={"AAPL": "244.87"}, currency="USD"
    ),
    "yahoo-chart-btc-usd-1d.json": Reads(
        asked=chart("BTC-USD", Interval.D1),
        candles=3,
        prices=1,
        first=("2020-01-01T00:00:00+00:00", "7194.892", "7254.3306", "7174.9443", "7200.1743", "18565664997"),
        quotes={"BTC-USD": "97208.17"},
        currency="USD",
    ),
    "yahoo-chart-eurusd-1d.json": Reads(
        asked=chart("EURUSD=X", Interval.D1),
        candles=3,
        prices=1,
        first=("2020-01-01T00:00:00+00:00", "1.1220826", "1.1228385", "1.1159469", "1.1220826", "0"),
        currency="USD",
    ),
    "yahoo-chart-ocdo-l-gbp-pence.json": Reads(
        asked=chart("OCDO.L", Interval.D1),
        candles=1,
        prices=1,
        first=("2020-01-02T00:00:00+00:00", "12.795", "12.8657", "12.58", "12.595", "728520"),
        quotes={"OCDO.L": "3.053"},
        currency="GBP",
    ),
    "yahoo-chart-azt-ol-1d.json": Reads(asked=chart("AZT.OL", Interval.D1), candles=1, prices=1, currency="NOK"),
    "yahoo-chart-afraf-zero-volume.json": Reads(asked=chart("AFRAF", Interval.D1), candles=1, prices=1, currency="USD"),
    "yahoo-chart-0p000071w8-to-fund-cad.json": Reads(
        asked=chart("0P000071W8.TO", Interval.D1),
        candles=1,
        prices=1,
        first=("2020-01-02T05:00:00+00:00", *["73.72"] * 4, "0"),
        quotes={"0P000071W8.TO": "153.9"},
        currency="CAD",
    ),
    "yahoo-chart-all-ax-3mo-live-last-row.json": Reads(
        asked=chart("ALL.AX", Interval.D1, datetime(2022, 1, 13, 5, 10, 20, tzinfo=UTC)),
        candles=64,
        prices=1,
        forming=("2022-01-12T13:00:00+00:00",),
        quotes={"ALL.AX": "44.05"},
        currency="AUD",
    ),
    "yahoo-chart-muv2-de-6mo.json": Reads(
        asked=chart("MUV2.DE", Interval.D1, datetime(2025, 4, 24, 12, 45, tzinfo=UTC)),
        candles=124,
        prices=1,
        currency="EUR",
    ),
    "yahoo-chart-aapl-1m-close-row-volume-zero.json": Reads(
        asked=chart("AAPL", Interval.M1, datetime(2023, 7, 13, 20, 1, tzinfo=UTC)),
        candles=2,
        prices=1,
        first=("2023-07-13T13:30:00+00:00", "190.5", "190.505", "190.02", "190.06", "1504949"),
        last=("2023-07-13T13:31:00+00:00", "190.0401", "190.34", "189.99", "190.34", "291161"),
        quotes={"AAPL": "190.54"},
        currency="USD",
    ),
    "yahoo-chart-aapl-5m-mid-session-live-row.json": Reads(
        asked=chart("AAPL", Interval.M5, datetime(2026, 10, 5, 13, 58, 30, tzinfo=UTC)),
        candles=6,
        prices=1,
        forming=("2026-10-05T13:55:00+00:00",),
        quotes={"AAPL": "333.923"},
        currency="USD",
    ),
    "yahoo-chart-aapl-1h-5d.json": Reads(
        asked=chart("AAPL", Interval.H1, datetime(2026, 10, 5, 13, 59, 20, tzinfo=UTC)),
        candles=7,
        prices=1,
        forming=("2026-10-05T13:30:00+00:00",),
        currency="USD",
    ),
    "yahoo-chart-aapl-1d-1mo-no-previousclose.json": Refuses(
        asked=chart("AAPL", Interval.D1, AUTUMN), error=MalformedPayloadError, reason="length_mismatch"
    ),
    "yahoo-error-400-bad-interval.json": Refuses(
        asked=refused_chart(400), error=MalformedPayloadError, reason="request_refused"
    ),
    "yahoo-error-400-no-data-before-listing.json": Reads(asked=refused_chart(400)),
    "yahoo-error-401-invalid-crumb.json": Refuses(asked=refused_chart(401), error=SourceBlockedError),
    "yahoo-error-404-unknown-symbol.json": Refuses(
        asked=refused_chart(404), error=SymbolUnavailableError, symbols=("X",)
    ),
    "yahoo-error-422-1m-span-8-days.json": Refuses(
        asked=refused_chart(422), error=MalformedPayloadError, reason="window_refused"
    ),
    "yahoo-error-422-5m-older-than-60-days.json": Refuses(
        asked=refused_chart(422), error=MalformedPayloadError, reason="window_refused"
    ),
}
YAHOO |= {
    # Endpoints that are not asked: an answer of theirs in the place of a chart is not taken for one.
    name: Refuses(asked=refused_chart(200), error=MalformedPayloadError, reason="wrong_shape")
    for name in (
        "yahoo-quote-aapl-baba-multi.json",
        "yahoo-quote-aapl.json",
        "yahoo-quote-btc-usd.json",
        "yahoo-quote-delisted-empty-result.json",
        "yahoo-quote-delisted-type-none.json",
        "yahoo-quote-eurusd.json",
        "yahoo-quote-ocdo-l.json",
        "yahoo-quote-unknown-empty.json",
        "yahoo-spark-v7-msft-aapl.json",
    )
}

EXCHANGERATE: dict[str, Expectation] = {
    "er-open-v6-latest-usd-2025-trimmed.json": Reads(
        asked=rates("USD", "USD/CNY", "CHF/CNY", "BZD/USD", "USD/TRY"),
        prices=3,
        rejects=("missing_code",),
        quotes={"USD/CNY": "7.124079", "CHF/CNY": "8.944903571", "BZD/USD": "0.5"},
    ),
    "er-open-v6-latest-cny-2023.json": Reads(
        asked=rates("CNY", "USD/EUR", "CNY/USD", "USD/BMD"),
        prices=3,
        quotes={"CNY/USD": "0.141273", "USD/EUR": "0.9334055340", "USD/BMD": "1.000007078"},
    ),
    "er-v4-latest-cny-2023.json": Refuses(asked=rates("CNY", "CNY/USD"), error=MalformedPayloadError, reason="not_v6"),
    "er-v6-history-usd-docs.json": Refuses(asked=rates("USD", *PAIRS), error=MalformedPayloadError, reason="bad_time"),
    "er-v6-history-amount-docs.json": Refuses(
        asked=rates("USD", *PAIRS), error=MalformedPayloadError, reason="wrong_shape"
    ),
    "er-v6-pair-amount-docs.json": Refuses(
        asked=rates("EUR", "EUR/GBP"), error=MalformedPayloadError, reason="wrong_shape"
    ),
    "er-v6-codes-docs.json": Refuses(asked=rates("USD", *PAIRS), error=MalformedPayloadError, reason="wrong_base"),
    "er-v6-quota-docs.json": Refuses(asked=rates("USD", *PAIRS), error=MalformedPayloadError, reason="wrong_base"),
    "er-error-inactive-account.json": Refuses(asked=rates("USD", *PAIRS, status=403), error=SourceBlockedError),
    "er-error-invalid-key.json": Refuses(asked=rates("USD", *PAIRS, status=403), error=SourceBlockedError),
    "er-error-malformed-request.json": Refuses(
        asked=rates("USD", *PAIRS, status=400), error=MalformedPayloadError, reason="request_refused"
    ),
    "er-error-unsupported-code.json": Refuses(
        asked=rates("USD", *PAIRS, status=404), error=MalformedPayloadError, reason="request_refused"
    ),
}

OTHERS: dict[str, Expectation] = {
    "frankfurter-v1-date-eur-gbp.json": Reads(
        asked=reference("EUR/GBP", "GBP/EUR", "EUR/USD"),
        prices=2,
        quotes={"EUR/GBP": "0.84173", "GBP/EUR": "1.188029416"},
        as_of=("2025-03-18T15:00:00+00:00",) * 2,
    ),
    "frankfurter-v1-range-eur-usd-inr.json": Reads(
        asked=reference("EUR/USD", "USD/INR"),
        prices=6,
        quotes={"EUR/USD": "1.1225", "USD/INR": "96.32472160"},
        as_of=tuple(f"2026-{day}T14:00:00+00:00" for day in ("09-30", "09-30", "10-01", "10-01", "10-02", "10-02")),
    ),
    # Without a window nothing is settled; that there were no publications is an answer all the same.
    "frankfurter-v1-error-404.json": Reads(asked=reference("EUR/RUB", status=404)),
    # Another base than the euro is rounded, and is never asked for.
    "frankfurter-v1-latest-usd-inr.json": Refuses(
        asked=reference("USD/INR"), error=MalformedPayloadError, reason="wrong_base"
    ),
    # Version 2 blends the rates of many banks.
    "frankfurter-v2-rate-eur-gbp.json": Refuses(
        asked=reference("EUR/GBP"), error=MalformedPayloadError, reason="wrong_amount"
    ),
    "ecb-sdmx-csv-asof-saturday.json": NotSpoken(
        "the central bank's own CSV: MarketFlow asks Frankfurter for the same"
    ),
    "index.json": NotSpoken("the list of the recordings, no vendor's answer"),
}

EXPECTATIONS: dict[str, Expectation] = BINANCE | YAHOO | EXCHANGERATE | OTHERS
