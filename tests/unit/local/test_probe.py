"""`SOURCES=auto` means live only where every vendor answers as itself."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from local.probe import unusable

pytestmark = pytest.mark.unit

GOOD = {
    "data-api.binance.vision": {},
    "query1.finance.yahoo.com": {"chart": {"result": [{"meta": {}}], "error": None}},
    "open.er-api.com": {"result": "success", "rates": {}},
    "api.frankfurter.dev": {"amount": 1.0, "base": "EUR", "date": "2026-11-20", "rates": {"USD": 1.16}},
}


def network(**overrides: Callable[[httpx.Request], httpx.Response]) -> httpx.MockTransport:
    """The vendors as they should be, but for the hosts in `overrides` (the first word of their name)."""

    def answer(request: httpx.Request) -> httpx.Response:
        if override := overrides.get(request.url.host.split(".")[0].split("-")[0]):
            return override(request)
        if request.url.host not in GOOD:
            raise httpx.ConnectError("nobody there", request=request)
        return httpx.Response(200, json=GOOD[request.url.host])

    return httpx.MockTransport(answer)


def fail(request: httpx.Request) -> httpx.Response:
    """A host that cannot be reached."""
    raise httpx.ConnectError("nobody there", request=request)


def test_all_answer() -> None:
    """When every vendor answers sensibly there is no reason not to ask them."""
    assert unusable(network()) == []


def test_second_host_counts() -> None:
    """A vendor is usable when any of its hosts is."""
    good = GOOD["query1.finance.yahoo.com"]
    assert unusable(network(query1=fail, query2=lambda _: httpx.Response(200, json=good))) == []


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (fail, "open.er-api.com does not answer (ConnectError)"),
        (lambda _: httpx.Response(451, json={}), "open.er-api.com answers 451"),
        (lambda _: httpx.Response(200, text="<html>sign in</html>"), "open.er-api.com answers something else"),
        (lambda _: httpx.Response(200, json=[]), "open.er-api.com answers something else"),
        (lambda _: httpx.Response(200, json={"result": "error"}), "open.er-api.com answers something else"),
    ],
)
def test_one_that_does_not_answer_sensibly(answer: Callable[[httpx.Request], httpx.Response], reason: str) -> None:
    """One vendor that is away, blocked or replaced by a portal's page is named with what it did."""
    assert unusable(network(open=answer)) == [reason]


def test_frankfurter_has_to_speak_of_the_euro() -> None:
    """An answer without rates, or about another base, is not the one that is asked for."""
    for body in ({"base": "USD", "rates": {"INR": 95.5}}, {"base": "EUR", "rates": {}}, {}):
        reasons = unusable(network(api=lambda _, body=body: httpx.Response(200, json=body)))  # type: ignore[misc]
        assert reasons == ["api.frankfurter.dev answers something else"]
