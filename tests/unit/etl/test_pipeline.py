"""Extract, transform, load of one answer."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from marketflow.domain.fetching import FetchRequest, RawResponse
from marketflow.domain.interval import Interval
from marketflow.domain.loading import Delivery, LoadResult, Provenance
from marketflow.domain.records import ActionKind, Candle, CorporateAction, ParsedPayload, Price, Reject
from marketflow.domain.symbol import AssetType
from marketflow.errors import (
    DatabaseUnavailableError,
    MalformedPayloadError,
    MarketFlowError,
    RetryLaterError,
    SourceBlockedError,
)
from marketflow.etl.pipeline import SHOWN_CHARACTERS, Pipeline
from marketflow.etl.strategies import STRATEGIES

pytestmark = pytest.mark.unit

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
REQUEST = FetchRequest(source="binance", dataset="klines_1m", symbols=("BTCUSDT",), path="/x")
RESPONSE = RawResponse(
    status=200,
    headers={"date": "Mon, 02 Mar 2026 12:00:00 GMT"},
    received_at=NOON + timedelta(seconds=3),
    body=b"body",
)
GOOD = Candle(
    source_symbol="BTCUSDT",
    interval=Interval.M1,
    open_time=NOON - timedelta(minutes=1),
    open=Decimal("100.50"),
    high=Decimal(102),
    low=Decimal("99.99"),
    close=Decimal(101),
    volume=Decimal(0),
    final=True,
)
PRICE = Price("BTCUSDT", NOON, Decimal("101.10"), currency="USDT")


@dataclass
class FakeParser:
    """Reads every body as `payload`, or raises."""

    payload: ParsedPayload = field(default_factory=ParsedPayload)
    error: MarketFlowError | None = None
    seen: list[bytes] = field(default_factory=list)

    def parse(self, request: FetchRequest, response: RawResponse) -> ParsedPayload:
        """The rows of the response."""
        self.seen.append(response.body)
        if self.error is not None:
            raise self.error
        return self.payload


@dataclass
class FakeArchive:
    """Holds answers by key."""

    objects: dict[str, RawResponse] = field(default_factory=dict)

    def get(self, key: str) -> tuple[FetchRequest, RawResponse]:
        """What was asked and answered."""
        try:
            return REQUEST, self.objects[key]
        except KeyError:
            raise MalformedPayloadError(f"{key} cannot be read.", reason="bad_archive") from None


@dataclass
class FakeLoader:
    """Remembers what it stored; the last load is in `payload` and `provenance`."""

    error: MarketFlowError | None = None
    payload: ParsedPayload | None = None
    provenance: Provenance | None = None

    def load(self, payload: ParsedPayload, provenance: Provenance) -> LoadResult:
        """Store rows."""
        if self.error is not None:
            raise self.error
        self.payload, self.provenance = payload, provenance
        return LoadResult(candles_written=len(payload.candles), quarantined=len(payload.rejects))


def run(
    parser: FakeParser,
    *,
    loader: FakeLoader,
    archive: FakeArchive | None = None,
    response: RawResponse | None = RESPONSE,
) -> LoadResult:
    """Run the crypto pipeline over one delivery."""
    pipeline = Pipeline(
        strategy=STRATEGIES[AssetType.CRYPTO], parser=parser, archive=archive or FakeArchive(), loader=loader
    )
    return pipeline.run(Delivery(request=REQUEST, response=response, raw_key="raw/k"))


def test_good_rows_are_loaded_under_the_name_of_their_answer() -> None:
    """Rows reach the loader as parsed, with the archive key and the time at which the answer was received."""
    loader = FakeLoader()
    payload = ParsedPayload((GOOD,), (PRICE,), ())
    assert run(FakeParser(payload), loader=loader) == LoadResult(candles_written=1)
    assert loader.payload == payload
    assert loader.provenance == Provenance(
        raw_key="raw/k", source="binance", dataset="klines_1m", observed_at=RESPONSE.received_at
    )


def test_a_bad_row_is_refused_alone() -> None:
    """Each row that breaks a rule becomes a Reject with its reason, place and exact values; the rest is loaded."""
    loader = FakeLoader()
    broken = replace(GOOD, high=Decimal("1.10"), position=7)
    late = replace(PRICE, as_of=NOON + timedelta(hours=1), position=8)
    parsed = Reject("null_row", "No close.", 5, "[null]", "BTCUSDT")
    run(FakeParser(ParsedPayload((GOOD, broken), (late, PRICE), (parsed,))), loader=loader)
    assert loader.payload is not None
    assert (loader.payload.candles, loader.payload.prices) == ((GOOD,), (PRICE,))
    assert [(one.reason, one.position, one.source_symbol) for one in loader.payload.rejects] == [
        ("null_row", 5, "BTCUSDT"),
        ("high_low", 7, "BTCUSDT"),
        ("future", 8, "BTCUSDT"),
    ]
    assert json.loads(loader.payload.rejects[1].row)["high"] == "1.10"


def test_a_bad_action_is_refused_alone() -> None:
    """A dividend of nothing and a split into a million cost neither the good one nor the candles beside them."""
    loader = FakeLoader()
    good = CorporateAction("X", ActionKind.DIVIDEND, NOON, amount=Decimal("0.205"), currency="USD", position=-2)
    nothing = replace(good, amount=Decimal(0), position=-3)
    absurd = CorporateAction("X", ActionKind.SPLIT, NOON, numerator=Decimal(10**6), denominator=Decimal(1), position=-4)
    run(FakeParser(ParsedPayload((GOOD,), actions=(good, nothing, absurd))), loader=loader)
    assert loader.payload is not None
    assert (loader.payload.candles, loader.payload.actions) == ((GOOD,), (good,))
    assert [(one.reason, one.position) for one in loader.payload.rejects] == [
        ("not_positive", -3),
        ("absurd_ratio", -4),
    ]
    assert json.loads(loader.payload.rejects[1].row)["numerator"] == "1000000"


def test_the_sources_clock_judges_and_not_ours() -> None:
    """A candle that ends between the source's Date and our receipt is not final yet, whatever our clock says."""
    loader = FakeLoader()
    forming = replace(GOOD, open_time=NOON)
    early = RESPONSE.model_copy(update={"received_at": NOON + timedelta(minutes=5)})
    run(FakeParser(ParsedPayload((forming,))), loader=loader, response=early)
    assert loader.payload is not None
    assert [one.reason for one in loader.payload.rejects] == ["early_final"]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MalformedPayloadError("Half a document.", reason="truncated"), "truncated"),
        (SourceBlockedError("Blocked.", remedy="Move."), "not_an_answer"),
        (RetryLaterError("An outage page."), "not_an_answer"),
    ],
)
def test_a_payload_that_is_no_data_is_quarantined_whole(error: MarketFlowError, reason: str) -> None:
    """It becomes one row at position -1 with the beginning of the body, and counts as handled: it would not improve."""
    loader = FakeLoader()
    body = b"\xff" + b"x" * 5000
    result = run(FakeParser(error=error), loader=loader, response=RESPONSE.model_copy(update={"body": body}))
    assert result == LoadResult(quarantined=1)
    assert loader.payload is not None
    (reject,) = loader.payload.rejects
    assert (reject.reason, reject.position, reject.detail) == (reason, -1, str(error))
    assert reject.row == "\N{REPLACEMENT CHARACTER}" + "x" * (SHOWN_CHARACTERS - 1)
    assert reject.source_symbol == "BTCUSDT"


def test_a_claim_check_is_claimed_from_the_archive() -> None:
    """Without a body in the message, the archived answer is read, its own time of receipt included."""
    archived = RESPONSE.model_copy(update={"body": b"claimed", "received_at": NOON})
    parser, loader = FakeParser(ParsedPayload((GOOD,))), FakeLoader()
    run(parser, loader=loader, archive=FakeArchive({"raw/k": archived}), response=None)
    assert parser.seen == [b"claimed"]
    assert loader.provenance is not None
    assert loader.provenance.observed_at == NOON


def test_an_unreadable_archive_object_is_not_swallowed() -> None:
    """A claim that cannot be met raises, so that the message ends in the dead-letter queue and not in silence."""
    with pytest.raises(MalformedPayloadError, match="raw/k cannot be read"):
        run(FakeParser(), loader=FakeLoader(), response=None)


def test_a_database_that_is_away_is_the_callers_to_retry() -> None:
    """Errors of the loader pass through, so that the message is delivered again."""
    with pytest.raises(DatabaseUnavailableError):
        run(FakeParser(ParsedPayload((GOOD,))), loader=FakeLoader(error=DatabaseUnavailableError("Away.")))
