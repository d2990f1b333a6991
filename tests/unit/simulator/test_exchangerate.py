"""The simulated ExchangeRate-API."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.simulator.currencies import CURRENCIES
from local.simulator.exchangerate import FREE_KEY, INACTIVE_KEY, PRO_KEY
from local.simulator.world import World
from tests.unit.simulator.support import MONDAY, ask, body, clock_of, utc, world

pytestmark = pytest.mark.unit

OPEN = "/exchangerate/v6/latest"


def error(asked: World, path: str, **headers: str) -> tuple[int, str]:
    """Status and error-type of a refused request."""
    answer = ask(asked, f"/exchangerate{path}", headers)
    document: dict[str, Any] = json.loads(answer.body)
    assert document.keys() == {"result", "documentation", "terms-of-use", "error-type"}
    assert document["result"] == "error"
    return answer.status, document["error-type"]


def test_open_endpoint() -> None:
    """About 160 rates of the asked base, which is 1 itself, with the times of this and the next publication."""
    document = body(world(), f"{OPEN}/EUR")
    assert list(document) == [
        "result",
        "provider",
        "documentation",
        "terms_of_use",
        "time_last_update_unix",
        "time_last_update_utc",
        "time_next_update_unix",
        "time_next_update_utc",
        "time_eol_unix",
        "base_code",
        "rates",
    ]
    assert (document["result"], document["base_code"], document["time_eol_unix"]) == ("success", "EUR", 0)
    assert len(document["rates"]) == len(CURRENCIES) > 160
    assert document["rates"]["EUR"] == 1
    assert all(rate > 0 for rate in document["rates"].values())
    assert re.fullmatch(r"Mon, 05 Jan 2026 00:02:3\d \+0000", document["time_last_update_utc"])


def test_numbers_are_plain() -> None:
    """At most six decimals, no exponent, and no point in whole numbers."""
    text = ask(world(), f"{OPEN}/IRR").body.decode()
    numbers = re.findall(r'"[A-Z]{3}":([^,}]+)', text)
    assert len(numbers) == len(CURRENCIES)
    assert all(re.fullmatch(r"\d+(\.\d{0,5}[1-9])?", number) for number in numbers)
    dollar = ask(world(), f"{OPEN}/USD").body.decode()
    assert '"BBD":2,' in dollar
    assert '"LBP":89500,' in dollar


def test_pegs_and_crosses() -> None:
    """Pegged currencies do not move, and any rate is the quotient of two others."""
    asked = world()
    dollar, euro = (body(asked, f"{OPEN}/{code}")["rates"] for code in ("USD", "EUR"))
    assert (dollar["AED"], dollar["SAR"], euro["XOF"]) == (3.6725, 3.75, 655.957)
    assert dollar["BMD"] != dollar["USD"]
    assert euro["TRY"] == pytest.approx(dollar["TRY"] / dollar["EUR"], rel=1e-5)
    assert 35 < dollar["TRY"] < 50


@settings(deadline=None, max_examples=60)
@given(minutes=st.integers(0, 500_000))
def test_a_publication_a_day(minutes: int) -> None:
    """Rates appear just after 00:02 UTC; the next ones are announced for 00:03 to 00:30 of the day after."""
    now = MONDAY + timedelta(minutes=minutes)
    document = body(world(now), f"{OPEN}/USD")
    last = datetime.fromtimestamp(document["time_last_update_unix"], UTC)
    following = datetime.fromtimestamp(document["time_next_update_unix"], UTC)
    assert last <= now < last + timedelta(days=1, seconds=5)
    assert (last.hour, last.minute) == (0, 2)
    assert following.date() == last.date() + timedelta(days=1)
    assert (3, 0) <= (following.minute, following.hour) <= (30, 0)
    assert body(world(last), f"{OPEN}/USD") == document


def test_the_day_changes_at_its_publication() -> None:
    """Until the publication yesterday's rates are served, from then on today's."""
    asked = world(utc("2026-01-06T00:02:20"))
    before = body(asked, f"{OPEN}/USD")
    clock_of(asked).advance(seconds=15)
    after = body(asked, f"{OPEN}/USD")
    assert before["time_last_update_utc"].startswith("Mon, 05 Jan")
    assert after["time_last_update_utc"].startswith("Tue, 06 Jan")
    assert before["rates"] != after["rates"]


@pytest.mark.parametrize("headers", [{}, {"Authorization": f"Bearer {FREE_KEY}"}])
def test_keyed_endpoint(headers: dict[str, str]) -> None:
    """With a key, in the path or as a bearer token, rates are conversion_rates, updated at 00:00:01 every day."""
    path = "/exchangerate/v6/latest/USD" if headers else f"/exchangerate/v6/{FREE_KEY}/latest/USD"
    document = body(world(), path, headers)
    assert document["conversion_rates"]["USD"] == 1
    assert not document.keys() & {"rates", "provider", "time_eol_unix"}
    assert document["time_last_update_utc"] == "Mon, 05 Jan 2026 00:00:01 +0000"
    assert document["time_next_update_unix"] - document["time_last_update_unix"] == 86_400
    assert all(rate > 0 for rate in document["conversion_rates"].values())


def test_pair_codes_and_quota() -> None:
    """A pair, a pair with an amount, the list of codes, and a quota that counts down with every request."""
    asked = world()
    keyed = f"/exchangerate/v6/{FREE_KEY}"
    pair = body(asked, f"{keyed}/pair/EUR/GBP/100")
    assert pair["conversion_result"] == pytest.approx(100 * pair["conversion_rate"])
    assert body(asked, f"{keyed}/pair/EUR/GBP")["target_code"] == "GBP"
    assert ["TRY", "Turkish Lira"] in body(asked, f"{keyed}/codes")["supported_codes"]
    quota = body(asked, f"{keyed}/quota")
    assert (quota["plan_quota"], quota["requests_remaining"]) == (1500, 1497)
    clock_of(asked).advance(days=10)
    assert body(asked, f"{keyed}/quota")["requests_remaining"] == 1500


def test_history_is_for_the_paid_plan() -> None:
    """Pro has history by day, without time fields; free is told to upgrade."""
    asked = world()
    document = body(asked, f"/exchangerate/v6/{PRO_KEY}/history/USD/2024/3/15")
    assert (document["year"], document["month"], document["day"]) == (2024, 3, 15)
    assert not any(name.startswith("time_") for name in document)
    amounts = body(asked, f"/exchangerate/v6/{PRO_KEY}/history/USD/2024/3/15/100")
    assert amounts["requested_amount"] == 100
    assert amounts["conversion_amounts"]["AED"] == 367.25
    assert error(asked, f"/v6/{FREE_KEY}/history/USD/2024/3/15") == (403, "plan-upgrade-required")
    assert error(asked, f"/v6/{PRO_KEY}/history/USD/2024/03/15") == (400, "malformed-request")
    assert error(asked, f"/v6/{PRO_KEY}/history/USD/2030/1/1") == (404, "no-data-available")


def test_refusals() -> None:
    """Unknown code, malformed request, unknown key, unconfirmed account, quota spent."""
    asked = world()
    assert error(asked, "/v6/latest/QQQ") == (404, "unsupported-code")
    assert error(asked, "/v6/latest/DOLLAR") == (400, "malformed-request")
    assert error(asked, f"/v6/{FREE_KEY}/latest/QQQ") == (404, "unsupported-code")
    assert error(asked, f"/v6/{FREE_KEY}/latest") == (400, "malformed-request")
    assert error(asked, "/v6/stolen/latest/USD") == (403, "invalid-key")
    assert error(asked, "/v6/latest/USD", Authorization="Bearer stolen") == (403, "invalid-key")
    assert error(asked, f"/v6/{INACTIVE_KEY}/latest/USD") == (403, "inactive-account")
    for _ in range(1500):
        ask(asked, f"/exchangerate/v6/{FREE_KEY}/pair/EUR/USD")
    assert error(asked, f"/v6/{FREE_KEY}/pair/EUR/USD") == (403, "quota-reached")


def test_a_bad_amount_is_a_page_of_the_web_server() -> None:
    """A pair with an amount that is none is 404 as HTML."""
    answer = ask(world(), f"/exchangerate/v6/{FREE_KEY}/pair/EUR/USD/lots")
    assert (answer.status, answer.headers["content-type"]) == (404, "text/html")


def test_legacy_rounding() -> None:
    """v4 has two decimals, or three significant digits below 1, and no result field."""
    document = body(world(), "/exchangerate/v4/latest/CNY")
    assert "result" not in document
    assert (document["base"], document["date"]) == ("CNY", "2026-01-05")
    exact = body(world(), f"{OPEN}/CNY")["rates"]
    for code, rate in document["rates"].items():
        assert rate == pytest.approx(exact[code], rel=0.006)
        digits = str(rate).partition(".")[2].lstrip("0")
        assert len(digits) <= (2 if rate >= 1 else 3)
