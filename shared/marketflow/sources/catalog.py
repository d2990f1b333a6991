"""Every source as plain data: what it covers, how often and how fast it may be asked, and on what terms.

Nothing is imported here but the standard library, because the CDK app reads this file to give each source its
function, schedules, task queue and alarms.
"""

from __future__ import annotations

from dataclasses import dataclass

_DAY = 86_400
_ECB_CURRENCIES = (
    *("EUR", "USD", "JPY", "CZK", "DKK", "GBP", "HUF", "PLN", "RON", "SEK", "CHF", "ISK", "NOK", "TRY", "AUD", "BRL"),
    *("CAD", "CNY", "HKD", "IDR", "ILS", "INR", "KRW", "MXN", "MYR", "NZD", "PHP", "SGD", "THB", "ZAR"),
    *("BGN", "HRK", "RUB"),  # until they joined the euro at the end of 2025 and of 2022; suspended in March 2022
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """One EventBridge Scheduler schedule: when it fires (`cron(…)` or `rate(…)`, UTC) and what it fetches.

    `every_seconds` is the pause that `expression` means, for those who tell people when the next data is due.
    """

    name: str
    expression: str
    every_seconds: int
    datasets: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The candles of one interval that a source is asked for by schedule, so that a missing one can be explained.

    A run that follows an outage asks for `catches_up_seconds` at most. What a backfill gets beyond that is in the
    source's class, `Source.histories`.
    """

    interval: str
    catches_up_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSpec:
    """One source.

    `base_urls` are equivalent hosts, tried in order. `max_concurrency` requests run at once, and two never start less
    than `min_interval_seconds` apart. `freshness_target_seconds` is the age at which its newest data counts as stale; 0
    for a source without `schedules`, which is asked on request only and is never stale.
    `needs_user_agent` and the like do not belong here: they are wire facts and live in the source's module.
    `calendar` says when it has candles: `always`, in the `sessions` of exchanges, or `rates`, one a day (UTC) and no
    candles. With `flat_candles` it sends one for a time without trades too. `series` are its scheduled candles.
    With `tells_budget` its answers say how much of the requests that it allows are used.
    `optional_key` says that an API key, kept in Secrets Manager, unlocks more; with one, `keyed_base_urls` are asked.
    `supplies` names the source of whose symbols it delivers the past, of those between two of its `currencies` and from
    the day `since` on; it has no symbols of its own then.
    """

    name: str
    title: str
    asset_type: str
    base_urls: tuple[str, ...]
    schedules: tuple[Schedule, ...]
    max_concurrency: int
    min_interval_seconds: float
    timeout_seconds: float
    freshness_target_seconds: int
    attribution: str
    terms_url: str
    calendar: str
    series: tuple[Series, ...]
    flat_candles: bool = False
    tells_budget: bool = False
    optional_key: bool = False
    keyed_base_urls: tuple[str, ...] = ()
    supplies: str | None = None
    currencies: tuple[str, ...] = ()
    since: str | None = None


CATALOG: dict[str, SourceSpec] = {
    spec.name: spec
    for spec in (
        SourceSpec(
            name="binance",
            title="Binance spot",
            asset_type="crypto",
            base_urls=("https://data-api.binance.vision", "https://api.binance.com"),
            schedules=(
                Schedule(
                    name="minute",
                    expression="cron(* * * * ? *)",
                    every_seconds=60,
                    datasets=("klines_1m", "ticker_price"),
                ),
            ),
            max_concurrency=6,
            min_interval_seconds=0.05,
            timeout_seconds=10.0,
            freshness_target_seconds=180,
            attribution="Market data by Binance",
            terms_url="https://www.binance.com/en/terms",
            calendar="always",
            flat_candles=True,
            tells_budget=True,
            series=(Series(interval="1m", catches_up_seconds=997 * 60),),
        ),
        SourceSpec(
            name="yahoo",
            title="Yahoo Finance",
            asset_type="stock",
            base_urls=("https://query1.finance.yahoo.com", "https://query2.finance.yahoo.com"),
            schedules=(
                Schedule(name="minute", expression="cron(* * * * ? *)", every_seconds=60, datasets=("chart_1m",)),
                Schedule(
                    name="daily-bars", expression="cron(7/30 * * * ? *)", every_seconds=1800, datasets=("chart_1d",)
                ),
            ),
            max_concurrency=1,
            min_interval_seconds=0.5,
            timeout_seconds=10.0,
            freshness_target_seconds=1200,
            attribution="Market data by Yahoo Finance; for your own use, not for redistribution",
            terms_url="https://legal.yahoo.com/us/en/yahoo/terms/otos/index.html",
            calendar="sessions",
            series=(
                Series(interval="1m", catches_up_seconds=4 * _DAY),
                Series(interval="1d", catches_up_seconds=365 * _DAY),
            ),
        ),
        SourceSpec(
            name="exchangerate",
            title="ExchangeRate-API",
            asset_type="forex",
            base_urls=("https://open.er-api.com",),
            schedules=(
                Schedule(
                    name="publication", expression="cron(0/10 * * * ? *)", every_seconds=600, datasets=("latest",)
                ),
            ),
            max_concurrency=1,
            min_interval_seconds=1.0,
            timeout_seconds=10.0,
            freshness_target_seconds=93_600,
            attribution='<a href="https://www.exchangerate-api.com">Rates By Exchange Rate API</a>',
            terms_url="https://www.exchangerate-api.com/terms",
            calendar="rates",
            series=(Series(interval="1d", catches_up_seconds=0),),
            optional_key=True,
            keyed_base_urls=("https://v6.exchangerate-api.com",),
        ),
        SourceSpec(
            name="ecb",
            title="ECB reference rates",
            asset_type="forex",
            base_urls=("https://api.frankfurter.dev",),
            schedules=(),
            max_concurrency=1,
            min_interval_seconds=1.0,
            timeout_seconds=20.0,
            freshness_target_seconds=0,
            attribution="Euro foreign exchange reference rates of the European Central Bank, "
            'by <a href="https://frankfurter.dev">frankfurter.dev</a>',
            terms_url="https://www.ecb.europa.eu/services/using-our-site/disclaimer/html/index.en.html",
            calendar="rates",
            series=(),
            supplies="exchangerate",
            currencies=_ECB_CURRENCIES,
            since="1999-01-04",
        ),
    )
}


def suppliers(source: str) -> list[SourceSpec]:
    """The sources that deliver the past of the symbols of `source`."""
    return [spec for spec in CATALOG.values() if spec.supplies == source]
