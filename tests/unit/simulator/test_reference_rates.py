"""The euro reference rates: the simulated Frankfurter and the files of the simulated ECB."""

from __future__ import annotations

import io
import json
import re
import zipfile
from xml.etree import ElementTree as ET

import pytest

from tests.unit.simulator.support import ask, body, utc, world

pytestmark = pytest.mark.unit

API = "/frankfurter/v1"
FILES = "/ecb/stats/eurofxref"
CUBE = "{http://www.ecb.int/vocabulary/2002-08-01/eurofxref}Cube"


def message(path: str, **params: object) -> tuple[int, str]:
    """Status and message of a refused request."""
    answer = ask(world(), f"{API}{path}", **params)
    assert answer.headers["cache-control"] == "no-store"
    return answer.status, json.loads(answer.body)["message"]


def test_a_day() -> None:
    """A day has the rates of the asked symbols, never the base itself."""
    document = body(world(), f"{API}/2025-12-30", symbols="GBP,USD,EUR")
    assert list(document) == ["amount", "base", "date", "rates"]
    assert (document["amount"], document["base"], document["date"]) == (1.0, "EUR", "2025-12-30")
    assert list(document["rates"]) == ["GBP", "USD"]


@pytest.mark.parametrize(
    ("asked", "used"),
    [
        ("2025-12-25", "2025-12-24"),
        ("2026-01-04", "2026-01-02"),
        ("2026-04-06", "2026-01-05"),
        ("1999-01-04", "1999-01-04"),
    ],
)
def test_the_date_is_that_of_the_publication_used(asked: str, used: str) -> None:
    """A day without publication answers the one before; a day to come answers the newest."""
    assert body(world(), f"{API}/{asked}")["date"] == used


def test_latest_changes_at_four_in_frankfurt() -> None:
    """Before 16:00 in Frankfurt the newest rates are those of the business day before."""
    assert body(world(utc("2026-01-05T14:59")), f"{API}/latest")["date"] == "2026-01-02"
    assert body(world(utc("2026-01-05T15:00")), f"{API}/latest")["date"] == "2026-01-05"
    assert body(world(utc("2026-07-06T14:00")), f"{API}/latest")["date"] == "2026-07-06"


def test_a_range_lists_publication_days() -> None:
    """Weekends and holidays are missing; an open end is today; the bounds are those of the rows."""
    document = body(world(), f"{API}/2025-12-24..", symbols="USD,INR")
    assert list(document["rates"]) == [
        "2025-12-24",
        "2025-12-29",
        "2025-12-30",
        "2025-12-31",
        "2026-01-02",
        "2026-01-05",
    ]
    assert (document["start_date"], document["end_date"]) == ("2025-12-24", "2026-01-05")
    assert document["rates"]["2025-12-24"].keys() == {"INR", "USD"}
    assert body(world(), f"{API}/1990-01-01..1999-01-05", symbols="USD")["start_date"] == "1999-01-04"


def test_weekend_404() -> None:
    """A range without a publication day is 404, and so is Saturday to a Monday that is not out yet."""
    assert message("/2026-01-03..2026-01-04") == (404, "not found")
    assert ask(world(utc("2026-01-05T12:00")), f"{API}/2026-01-03..2026-01-05").status == 404


def test_other_bases_are_rounded_by_size() -> None:
    """The euro's own rates keep the ECB's digits; others are crossed and rounded by size."""
    asked = world()
    euro = body(asked, f"{API}/latest")["rates"]
    lira = body(asked, f"{API}/latest", base="TRY")["rates"]
    assert lira["USD"] == pytest.approx(euro["USD"] / euro["TRY"], abs=0.00001)
    assert "TRY" not in lira
    assert len(str(lira["JPY"]).partition(".")[2]) <= 4
    many = body(asked, f"{API}/latest", **{"from": "usd", "to": "IDR", "amount": "10"})
    assert many["amount"] == 10.0
    assert many["rates"]["IDR"] == round(many["rates"]["IDR"])


def test_refusals() -> None:
    """422 for a bad pair, amount or date; 404 for what the ECB does not quote."""
    assert message("/latest", base="USD", symbols="USD") == (422, "bad currency pair")
    assert message("/latest", amount="-1") == (422, "invalid amount")
    assert message("/2025-13-01") == (422, "invalid date")
    assert message("/latest", symbols="AED") == (404, "not found")
    assert message("/latest", to="EUR") == (404, "not found")
    assert message("/latest", base="AED") == (404, "not found")
    assert message("/1998-12-31") == (404, "not found")
    assert message("/2022-03-02", symbols="RUB") == (404, "not found")
    assert json.loads(ask(world(), f"{API}/nothing").body) == {"status": 404, "message": "not found"}


def test_the_old_address_redirects() -> None:
    """Without /v1 the answer is 301 to the same below it."""
    answer = ask(world(), "/frankfurter/latest", to="USD")
    assert (answer.status, answer.headers["location"]) == (301, "/frankfurter/v1/latest?to=USD")
    assert ask(world(), "/frankfurter/v1/latest", to="USD").status == 200


def test_caching() -> None:
    """A good answer may be kept for a day and has an ETag, which answers 304."""
    answer = ask(world(), f"{API}/latest")
    assert answer.headers["cache-control"] == "public, max-age=86400"
    again = ask(world(), f"{API}/latest", {"If-None-Match": answer.headers["etag"]})
    assert (again.status, again.body) == (304, b"")


def test_currencies() -> None:
    """About thirty, with names; those that joined the euro are gone."""
    names = body(world(), f"{API}/currencies")
    assert names["TRY"] == "Turkish Lira"
    assert 28 <= len(names) <= 32
    assert not names.keys() & {"BGN", "HRK", "RUB", "AED"}


def test_the_daily_file() -> None:
    """XML in two namespaces with single-quoted attributes, the digits of Frankfurter, trailing zeros and all."""
    asked = world()
    text = ask(asked, f"{FILES}/eurofxref-daily.xml").body.decode()
    assert "<Cube time='2026-01-05'>" in text
    (day,) = ET.fromstring(text).findall(f"{CUBE}/{CUBE}")  # noqa: S314 - the text is our own
    rates = {cube.get("currency"): cube.get("rate") or "" for cube in day}
    served = body(asked, f"{API}/latest")["rates"]
    assert {code: float(rate) for code, rate in rates.items()} == served
    assert all(re.fullmatch(r"\d+\.(\d{2}|\d{4,5})", rate) for rate in rates.values())


def test_the_history() -> None:
    """90 days, newest first, without weekends and holidays, double-quoted."""
    text = ask(world(), f"{FILES}/eurofxref-hist-90d.xml").body.decode()
    days = re.findall(r'<Cube time="([^"]+)">', text)
    assert days == sorted(days, reverse=True)
    assert days[0] == "2026-01-05"
    assert "2025-12-25" not in days
    assert 60 < len(days) < 66


def unzip(name: str) -> list[str]:
    """The lines of the only member of a zip file."""
    with zipfile.ZipFile(io.BytesIO(ask(world(), f"{FILES}/{name}").body)) as archive:
        (member,) = archive.namelist()
        return archive.read(member).decode().splitlines()


def test_the_tables() -> None:
    """CSV with spaces and a trailing comma; the daily date is spelled out, missing values are N/A."""
    header, row = unzip("eurofxref.zip")
    assert header.startswith("Date, USD, JPY, ")
    assert header.endswith(", ")
    assert row.startswith("5 January 2026, ")
    assert "N/A" in row
    history = unzip("eurofxref-hist.zip")
    assert history[1].startswith("2026-01-05, ")
    assert history[-1].startswith("1999-01-04, ")
