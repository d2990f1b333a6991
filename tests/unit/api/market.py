"""A market in memory: a reader that satisfies the service's Protocol, and the requests that tests send."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from marketflow.api.app import App, build
from marketflow.domain.coverage import Calendar, CoverageFacts, CoverageQuery, Reach, Supply
from marketflow.domain.gauges import Sample
from marketflow.domain.interval import Interval
from marketflow.domain.jobs import History
from marketflow.domain.plans import Limits
from marketflow.domain.reading import (
    ActionPage,
    ActionQuery,
    CandleBatch,
    CandlePage,
    CandleQuery,
    DatabaseStatus,
    HistoryPage,
    HistoryQuery,
    LatestPrice,
    Pair,
    SourceFacts,
    SymbolPage,
    SymbolQuery,
)
from marketflow.services.convert import Converter
from marketflow.services.coverage import Coverages
from marketflow.services.market_data import MarketData

NOON = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
KEY = b"a key that only tests know"
OPEN = ("/v1/health", "/v1/ready", "/v1/openapi.json")
PLANS = {
    "operator": Limits(rate=50, burst=100, quota_per_day=1_000_000),
    "free": Limits(rate=2, burst=5, quota_per_day=1_000),
}


def source_facts(source: str, asset_type: str, freshness_target_seconds: int) -> SourceFacts:
    """A source of a catalogue."""
    return SourceFacts(
        source=source,
        title=source.title(),
        asset_type=asset_type,
        freshness_target_seconds=freshness_target_seconds,
        attribution=f'<a href="https://{source}.example">{source}\'s data</a>',
        terms_url=f"https://{source}.example/terms",
    )


BINANCE = source_facts("binance", "crypto", 180)

MINUTES = History(dataset="minutes", page=timedelta(minutes=1000), since=datetime(2017, 1, 1, tzinfo=UTC))
DAYS = History(dataset="days", page=timedelta(days=3650), since=datetime(1962, 1, 1, tzinfo=UTC))

CRYPTO_SUPPLY = Supply(
    calendar=Calendar.ALWAYS,
    flat_candles=True,
    reach={Interval.M1: Reach(catches_up_seconds=60_000, history=MINUTES)},
)
STOCK_SUPPLY = Supply(
    calendar=Calendar.SESSIONS,
    flat_candles=False,
    reach={
        Interval.M1: Reach(catches_up_seconds=4 * 86_400, history=replace(MINUTES, reach=timedelta(days=29))),
        Interval.D1: Reach(catches_up_seconds=365 * 86_400, history=DAYS),
    },
)


@dataclass
class FakeReader:
    """Symbols with minute candles at the given open times; `failure` is raised by whatever is asked.

    `asked` keeps the names that reached the reader.
    """

    candle_times: dict[str, list[datetime]] = field(default_factory=dict)
    price_texts: dict[str, str] = field(default_factory=dict)
    exchange: list[Pair] = field(default_factory=list)
    asset_type: str = "crypto"
    final: bool = True
    revision: str | None = "head"
    failure: Exception | None = None
    asked: list[str] = field(default_factory=list)

    def symbols(self, query: SymbolQuery) -> SymbolPage:
        """The names behind `query.after`."""
        self._ask()
        names = [name for name in sorted(self.candle_times) if name > (query.after or "")]
        page = names[: query.limit]
        last = page[-1] if len(names) > len(page) else None
        return SymbolPage(body=json.dumps([{"symbol": name} for name in page]), last=last)

    def symbol(self, name: str) -> str | None:
        """A known name."""
        self._ask(name)
        return json.dumps({"symbol": name}) if name in self.candle_times else None

    def prices(
        self, names: Sequence[str], *, now: datetime, freshness_seconds: Mapping[str, int], quoted: bool
    ) -> list[LatestPrice]:
        """The price texts."""
        self._ask(*names)
        found = []
        for name in names:
            text = self.price_texts.get(name)
            price = f'"{text}"' if quoted else text
            body = None if text is None else f'{{"symbol":"{name}","price":{price}}}'
            found.append(LatestPrice(symbol=name, known=name in self.candle_times, body=body))
        return found

    def read(self) -> list[Sample]:
        """How many symbols there are."""
        self._ask()
        return [Sample("symbols", ("binance", "active"), len(self.candle_times))]

    def history(self, name: str, query: HistoryQuery) -> HistoryPage | None:
        """A price at each candle's time."""
        self._ask(name)
        if name not in self.candle_times:
            return None
        times = self._times(name, query)
        page = times[: query.limit]
        rows = [json.dumps({"as_of": f"{time:%Y-%m-%dT%H:%M:%SZ}"}) for time in page]
        return HistoryPage(body=f"[{','.join(rows)}]", last=page[-1] if len(times) > len(page) else None)

    def actions(self, name: str, query: ActionQuery) -> ActionPage | None:
        """Nothing ever happened."""
        self._ask(name)
        return ActionPage(body="[]", last=None) if name in self.candle_times else None

    def candles(self, name: str, query: CandleQuery) -> CandlePage | None:
        """The candles in the range, in order, at most `limit`."""
        self._ask(name)
        if name not in self.candle_times:
            return None
        times = self._times(name, query)
        page = times[: query.limit]
        return CandlePage(
            body=f"[{','.join(_row(name, time) for time in page)}]",
            count=len(page),
            oldest=min(page, default=None),
            newest=max(page, default=None),
            all_final=self.final,
            more=len(times) > len(page),
            asset_type=self.asset_type,
        )

    def candle_batch(self, names: Sequence[str], query: CandleQuery) -> CandleBatch:
        """The same for several symbols."""
        self._ask(*names)
        rows = []
        for name in sorted(set(names) & self.candle_times.keys()):
            if query.after_symbol is None or name > query.after_symbol:
                rows += [(name, time) for time in self._times(name, query, ignore_after=True)]
            elif name == query.after_symbol:
                rows += [(name, time) for time in self._times(name, query)]
        page = rows[: query.limit]
        return CandleBatch(
            rows=",".join(_row(name, time) for name, time in page),
            known=frozenset(set(names) & self.candle_times.keys()),
            last=page[-1] if len(rows) > len(page) else None,
        )

    def pairs(self, *, at: datetime | None) -> list[Pair]:
        """The exchange rates; those from behind `at` are not known yet."""
        self._ask()
        return [
            replace(pair, price=None, as_of=None) if at and pair.as_of and pair.as_of > at else pair
            for pair in self.exchange
        ]

    def sources(self, catalogue: Sequence[SourceFacts], *, now: datetime) -> str:
        """The facts; nothing was ever reported."""
        self._ask()
        return json.dumps([{**asdict(facts), "last_success_at": None} for facts in catalogue])

    def status(self, *, now: datetime, freshness_seconds: Mapping[str, int]) -> DatabaseStatus:
        """The revision; each source is on time."""
        self._ask()
        sources = json.dumps([{"source": name, "stale": False} for name in freshness_seconds])
        return DatabaseStatus(revision=self.revision, expected_revision="head", sources=sources)

    def coverage(self, query: CoverageQuery) -> CoverageFacts | None:
        """The candles of a crypto market; nobody wrote down what was asked and answered."""
        self._ask(query.name)
        if query.name not in self.candle_times:
            return None
        times = [int(time.timestamp()) for time in self.candle_times[query.name]]
        start = query.start or (self.candle_times[query.name] or [query.until])[0]
        inside = [time for time in times if start.timestamp() <= time < query.until.timestamp()]
        return CoverageFacts(
            symbol=query.name,
            source="binance",
            timezone="UTC",
            active=True,
            start=start,
            first=min(times, default=None),
            stored=[(time, time) for time in inside],
            fetched=[],
            refused=[],
            outages=[],
            fetched_until=None,
        )

    def _ask(self, *names: str) -> None:
        self.asked += names
        if self.failure is not None:
            raise self.failure

    def _times(self, name: str, query: CandleQuery | HistoryQuery, *, ignore_after: bool = False) -> list[datetime]:
        times = sorted(self.candle_times[name], reverse=query.descending)
        inside = [
            time
            for time in times
            if (query.start is None or time >= query.start) and (query.end is None or time < query.end)
        ]
        if query.after is None or ignore_after:
            return inside
        return [time for time in inside if (time < query.after if query.descending else time > query.after)]


def _row(name: str, time: datetime) -> str:
    return json.dumps({"symbol": name, "open_time": f"{time:%Y-%m-%dT%H:%M:%SZ}"})


def pair(
    base: str, quote: str, price: str | None, *, age: timedelta = timedelta(0), asset_type: str = "crypto"
) -> Pair:
    """A pair, and its price `age` before noon if it has one."""
    return Pair(
        symbol=base + quote,
        source="binance" if asset_type == "crypto" else "exchangerate",
        asset_type=asset_type,
        base=base,
        quote=quote,
        price=None if price is None else Decimal(price),
        as_of=None if price is None else NOON - age,
    )


def minutes(count: int, *, first: datetime = NOON) -> list[datetime]:
    """Open times, one a minute."""
    return [first + timedelta(minutes=number) for number in range(count)]


@dataclass
class FakeLog:
    """Keeps the lines."""

    lines: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)
    exceptions: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)

    def info(self, msg: str, *, extra: Mapping[str, object]) -> None:
        """Keep a line."""
        self.lines.append((msg, extra))

    def exception(self, msg: str, *, extra: Mapping[str, object]) -> None:
        """Keep the line of an exception."""
        self.exceptions.append((msg, extra))


@dataclass
class Client:
    """Calls the app as API Gateway would."""

    reader: FakeReader = field(default_factory=FakeReader)
    log: FakeLog = field(default_factory=FakeLog)

    def __post_init__(self) -> None:
        self.app: App = build(
            market_data=MarketData(reader=self.reader, clock=lambda: NOON, sources=[BINANCE]),
            converter=lambda: Converter(reader=self.reader, clock=lambda: NOON),
            coverages=lambda: Coverages(
                reader=self.reader, clock=lambda: NOON, supplies={"binance": CRYPTO_SUPPLY, "yahoo": STOCK_SUPPLY}
            ),
            gauges=lambda: self.reader,
            cursor_key=KEY,
            log=self.log,
            plans=PLANS,
        )

    def get(self, path: str, method: str = "GET", headers: Mapping[str, str] | None = None, **query: str) -> Answer:
        """One request to `path`, which is below the stage."""
        return self.send(event(path, method=method, query={k: [v] for k, v in query.items()}, headers=headers or {}))

    def send(self, event: Mapping[str, Any]) -> Answer:
        """One event."""
        return Answer(self.app(event, None))


@dataclass
class Answer:
    """What the gateway would get."""

    raw: dict[str, Any]

    @property
    def status(self) -> int:
        """The HTTP status."""
        return int(self.raw["statusCode"])

    @property
    def headers(self) -> dict[str, str]:
        """The headers, as they were written."""
        return dict(self.raw["headers"])

    @property
    def body(self) -> str:
        """The body as text."""
        return str(self.raw["body"])

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever the body says
        """The body as data."""
        return json.loads(self.body)


def event(
    path: str,
    *,
    method: str = "GET",
    query: Mapping[str, list[str]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A REST API proxy event, as far as the API reads it."""
    return {
        "path": path,
        "httpMethod": method,
        "headers": {"Host": "api.example.com", "X-Forwarded-Proto": "https", **(headers or {})},
        "multiValueQueryStringParameters": dict(query or {}) or None,
        "requestContext": {
            "requestId": "request-1",
            "path": f"/api{path}",
            "stage": "api",
            "identity": {} if path in OPEN else {"apiKey": "an-api-key-of-the-operator"},
        },
    }


def follow(link: str) -> tuple[str, dict[str, str]]:
    """The path below the stage and the query of a Link header's URL."""
    url = urlsplit(link.removeprefix("<").removesuffix('>; rel="next"'))
    return url.path.removeprefix("/api"), dict(parse_qsl(url.query))
