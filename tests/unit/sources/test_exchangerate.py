"""ExchangeRate-API: every pair crossed from one answer, and the next one asked for when it is due."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from marketflow.domain.fetching import FetchTask
from marketflow.errors import MalformedPayloadError, RefusedError, RetryLaterError, SourceBlockedError
from tests.unit.sources.support import Sample, sample

pytestmark = pytest.mark.unit


@pytest.fixture
def latest() -> Sample:
    """One publication of the open endpoint."""
    return sample("exchangerate", "latest")


def error_body(error_type: str) -> dict[str, str]:
    """An error as the vendor words it."""
    return {"result": "error", "terms-of-use": "https://www.exchangerate-api.com/terms", "error-type": error_type}


def test_all_pairs_are_crossed_from_one_strong_base(latest: Sample) -> None:
    """A pair with the base is the rate itself; another is the quotient, to ten digits."""
    payload = latest.source.parse(latest.request, latest.response())
    assert {price.source_symbol: str(price.price) for price in payload.prices} == {
        "USD/TRY": "43.912745",
        "EUR/TRY": "51.89938578",
        "EUR/USD": "1.181875234",
        "USD/LBP": "89500",
    }
    assert {price.as_of for price in payload.prices} == {datetime(2026, 3, 2, 0, 2, 31, tzinfo=UTC)}
    assert [price.currency for price in payload.prices] == ["TRY", "TRY", "USD", "LBP"]


def test_one_request_serves_every_pair(latest: Sample) -> None:
    """The strong base is asked for once, without parameters and without a credential."""
    [request] = latest.source.build_requests(latest.task, latest.symbols, now=latest.now, since=None)
    assert (request.path, request.params) == ("/v6/latest/USD", ())


def test_history_is_refused(latest: Sample) -> None:
    """The free plans have only the newest rates."""
    task = FetchTask(dataset="latest", start=latest.now - timedelta(days=1))
    with pytest.raises(RefusedError) as error:
        latest.source.build_requests(task, latest.symbols, now=latest.now, since=None)
    assert error.value.code == "window_not_available"


def test_the_keyed_endpoints_spelling_is_understood(latest: Sample) -> None:
    """With a key the same rates come as `conversion_rates`, without an end-of-life field."""
    body = copy.deepcopy(latest.body)
    body["conversion_rates"] = body.pop("rates")
    del body["time_eol_unix"]
    assert latest.source.check(latest.request, latest.response(body)).notice is None
    assert len(latest.source.parse(latest.request, latest.response(body)).prices) == 4


def test_the_next_fetch_is_due_minutes_after_the_publication(latest: Sample) -> None:
    """One to five minutes after the announced time, the same for every reading, another for another day."""
    publication = datetime(2026, 3, 3, 0, 16, 21, tzinfo=UTC)
    due = latest.source.check(latest.request, latest.response()).next_due
    assert due is not None
    assert timedelta(minutes=1) <= due - publication <= timedelta(minutes=5)
    assert latest.source.check(latest.request, latest.response()).next_due == due
    later = latest.body | {"time_next_update_unix": latest.body["time_next_update_unix"] + 1}
    other = latest.source.check(latest.request, latest.response(later)).next_due
    assert other is not None
    assert other - due != timedelta(seconds=1)


@pytest.mark.parametrize("announced", [1772409751, 0, -5, None, "soon", 1.5, 10**12, 10**40])
def test_an_overdue_or_unreadable_publication_is_tried_in_half_an_hour(latest: Sample, announced: object) -> None:
    """A time that is past, missing or absurd does not stop the source, nor does it hammer the vendor."""
    body = latest.body | {"time_next_update_unix": announced}
    verdict = latest.source.check(latest.request, latest.response(body))
    assert verdict.next_due == latest.now + timedelta(minutes=30)


@pytest.mark.parametrize(("announced", "day"), [(1798761600, "2027-01-01"), (10**30, str(10**30))])
def test_the_end_of_the_endpoint_is_announced(latest: Sample, announced: int, day: str) -> None:
    """A time of end of life becomes a notice for the operator, and the rates are still good."""
    response = latest.response(latest.body | {"time_eol_unix": announced})
    notice = latest.source.check(latest.request, response).notice
    assert notice is not None
    assert day in notice
    assert len(latest.source.parse(latest.request, response).prices) == 4


@pytest.mark.parametrize(
    ("rates", "reason"),
    [
        ({"TRY": None}, "not_a_number"),
        ({"TRY": 0}, "not_positive"),
        ({"TRY": -43.9}, "not_positive"),
        ({"TRY": "43.9"}, "not_a_number"),
        ({"TRY": float("nan")}, "not_a_number"),
        ({"TRY": 1e30}, "absurd_number"),
    ],
)
def test_a_bad_rate_costs_its_pairs_only(latest: Sample, rates: dict[str, Any], reason: str) -> None:
    """Every pair with the broken rate is rejected, the others are priced."""
    body = latest.body | {"rates": latest.body["rates"] | rates}
    payload = latest.source.parse(latest.request, latest.response(body))
    assert [(refused.reason, refused.source_symbol, refused.position) for refused in payload.rejects] == [
        (reason, "USD/TRY", 0),
        (reason, "EUR/TRY", 1),
    ]
    assert [price.source_symbol for price in payload.prices] == ["EUR/USD", "USD/LBP"]


def test_a_quotient_beyond_any_market_is_a_reject(latest: Sample) -> None:
    """Two rates that could just be may still make a pair that cannot."""
    body = latest.body | {"rates": latest.body["rates"] | {"EUR": 10**20, "TRY": 1e-20}}
    payload = latest.source.parse(latest.request, latest.response(body))
    assert ("absurd_number", "EUR/TRY") in {(refused.reason, refused.source_symbol) for refused in payload.rejects}


@pytest.mark.parametrize("pair", ["USD/XXX", "XXX/TRY", "USDTRY", "/", "USD/TRY/EUR"])
def test_an_unknown_code_is_a_reject_of_its_pair(latest: Sample, pair: str) -> None:
    """A pair that the answer cannot price is told, not passed over."""
    [request] = latest.source.build_requests(latest.task, ["USD/TRY", pair], now=latest.now, since=None)
    payload = latest.source.parse(request, latest.response())
    assert [(refused.reason, refused.source_symbol) for refused in payload.rejects] == [("missing_code", pair)]
    assert [price.price for price in payload.prices] == [Decimal("43.912745")]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"base_code": "EUR"}, "wrong_base"),
        ({"result": None}, "not_v6"),
        ({"rates": None}, "wrong_shape"),
        ({"rates": []}, "wrong_shape"),
        ({"rates": {"USD": 1.01, "TRY": 43.9}}, "bad_base_rate"),
        ({"rates": {"TRY": 43.9}}, "bad_base_rate"),
        ({"time_last_update_unix": None}, "bad_time"),
        ({"time_last_update_unix": 1772409751000}, "bad_time"),
        ({"time_last_update_unix": 1772496981 + 86_400}, "bad_time"),
    ],
)
def test_an_answer_that_cannot_be_trusted_is_refused(latest: Sample, change: dict[str, Any], reason: str) -> None:
    """Another base, a base that is not one, no rates, a time that cannot be: nothing of it is data."""
    for read in (latest.source.check, latest.source.parse):
        with pytest.raises(MalformedPayloadError) as error:
            read(latest.request, latest.response(latest.body | change))
        assert error.value.reason == reason


def test_the_rounded_rates_of_version_4_are_refused(latest: Sample) -> None:
    """v4 has no `result`; its three digits would be off by a thousandth."""
    body = {"base": "USD", "date": "2026-03-02", "time_last_updated": 1772409602, "rates": {"USD": 1, "TRY": 43.9}}
    with pytest.raises(MalformedPayloadError) as error:
        latest.source.check(latest.request, latest.response(body))
    assert error.value.reason == "not_v6"


@pytest.mark.parametrize(
    ("status", "error_type"), [(403, "quota-reached"), (429, "quota-reached"), (200, "quota-reached")]
)
def test_a_used_up_quota_is_left_for_a_day(latest: Sample, status: int, error_type: str) -> None:
    """The month's quota does not come back within minutes."""
    with pytest.raises(RetryLaterError) as error:
        latest.source.check(latest.request, latest.response(error_body(error_type), status=status))
    assert error.value.not_before == latest.now + timedelta(days=1)


def test_a_flood_clears_after_twenty_minutes(latest: Sample) -> None:
    """The open endpoint's 429 has no body to rely on."""
    with pytest.raises(RetryLaterError) as error:
        latest.source.check(latest.request, latest.response(b"", status=429, content_type="text/html"))
    assert error.value.not_before == latest.now + timedelta(minutes=20)


@pytest.mark.parametrize("status", [200, 401, 403])
@pytest.mark.parametrize("error_type", ["invalid-key", "inactive-account", "plan-upgrade-required"])
def test_trouble_with_the_key_is_the_operators(latest: Sample, status: int, error_type: str) -> None:
    """Only the operator can mend a key; the vendor's word counts, whatever the status."""
    with pytest.raises(SourceBlockedError) as error:
        latest.source.check(latest.request, latest.response(error_body(error_type), status=status))
    assert error.value.remedy


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("body", [b"", b"<html>Forbidden</html>", b"[1]", b'{"error-type": ["x"]}'])
def test_a_bare_refusal_is_a_block(latest: Sample, status: int, body: bytes) -> None:
    """A bad key was seen to answer 403 without any JSON."""
    with pytest.raises(SourceBlockedError, match="API key"):
        latest.source.check(latest.request, latest.response(body, status=status, content_type="text/html"))


@pytest.mark.parametrize(
    ("status", "error_type"), [(404, "unsupported-code"), (400, "malformed-request"), (200, "new")]
)
def test_other_errors_are_our_own_mistake(latest: Sample, status: int, error_type: str) -> None:
    """The base is ours to choose, so that its refusal is no symbol's fault."""
    with pytest.raises(MalformedPayloadError) as error:
        latest.source.check(latest.request, latest.response(error_body(error_type), status=status))
    assert error.value.reason == "request_refused"
