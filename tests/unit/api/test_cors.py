"""Only the pages of the stage's origins may read answers."""

from __future__ import annotations

import pytest

from marketflow.api.app import build
from marketflow.services.convert import Converter
from marketflow.services.coverage import Coverages
from marketflow.services.market_data import MarketData
from tests.unit.api.market import KEY, NOON, FakeLog, FakeReader, event

pytestmark = pytest.mark.unit

HOME = "https://charts.example.com"


def headers(*origins: str, page: str | None, path: str = "/v1/health") -> dict[str, str]:
    """The answer's headers to a request of a page, when these origins are allowed."""
    app = build(
        market_data=MarketData(reader=FakeReader(), clock=lambda: NOON, sources=[]),
        converter=lambda: Converter(reader=FakeReader(), clock=lambda: NOON),
        coverages=lambda: Coverages(reader=FakeReader(), clock=lambda: NOON, supplies={}),
        gauges=FakeReader,
        cursor_key=KEY,
        log=FakeLog(),
        cors_origins=origins,
    )
    got = app(event(path, headers={} if page is None else {"Origin": page}))["headers"]
    return {name: value for name, value in got.items() if name.startswith("Access-Control-") or name == "Vary"}


def test_without_origins_nothing_is_said() -> None:
    """A stage for programs alone has no CORS headers."""
    assert headers(page=HOME) == {}


def test_a_star_lets_every_page_read() -> None:
    """Paging, caching and support work from a script: it may see Link, ETag and the request id."""
    got = headers("*", page=HOME)
    assert got["Access-Control-Allow-Origin"] == "*"
    assert {"Link", "ETag", "X-Adjustment", "X-Request-Id"} <= set(got["Access-Control-Expose-Headers"].split(", "))


@pytest.mark.parametrize("page", [f"{HOME}.evil.example", "http://charts.example.com", "null", None])
def test_another_origin_may_not_read(page: str | None) -> None:
    """Origins are compared whole; caches are told that the answer's headers depend on them."""
    assert headers(HOME, page=page) == {"Vary": "Origin"}


def test_a_known_origin_is_named() -> None:
    """The origin itself is repeated, never a list, for problems as well."""
    for path in ("/v1/health", "/v1/nothing"):
        got = headers(HOME, "https://other.example.com", page=HOME, path=path)
        assert (got["Access-Control-Allow-Origin"], got["Vary"]) == (HOME, "Origin")
