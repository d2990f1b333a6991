"""The whole simulated internet: every vendor behind one function, from a seed and a clock, without a socket."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC
from email.utils import format_datetime
from typing import Protocol
from urllib.parse import parse_qsl, unquote

from local.simulator.assets import Market
from local.simulator.binance import Binance
from local.simulator.clock import Clock, SystemClock
from local.simulator.ecb import Ecb
from local.simulator.exchangerate import ExchangeRate
from local.simulator.faults import Faults
from local.simulator.frankfurter import Frankfurter
from local.simulator.instruments import PRICE_BASES
from local.simulator.wire import JSON_TYPE, Answer, Request, html_answer
from local.simulator.yahoo import Yahoo

FAULTS_PATH = "/_faults"


class Vendor(Protocol):
    """One simulated vendor."""

    name: str

    def answer(self, request: Request) -> Answer:
        """The vendor's answer to `request`, whose path is below the vendor's prefix."""
        ...


# A path is enough to tell the vendors apart, so their prefixes may be left out.
_PATHS = {
    "/api/v3/": "binance",
    "/v8/": "yahoo",
    "/v7/": "yahoo",
    "/v6/": "exchangerate",
    "/v4/": "exchangerate",
    "/v1/": "frankfurter",
    "/stats/eurofxref/": "ecb",
}


class World:
    """Every vendor as one client address sees it. Safe to use from several threads.

    The same `seed` and time give the same bodies. `faults` maps names of switches to their settings, as
    `faults.parse` reads them; raises ValueError when one cannot be read.
    """

    def __init__(self, seed: int, clock: Clock | None = None, *, faults: Mapping[str, str] | None = None) -> None:
        self.clock = clock or SystemClock()
        self.faults = Faults(seed, faults)
        self.market = market = Market(seed, PRICE_BASES)
        self.binance = Binance(market, self.faults)
        self.yahoo = Yahoo(market, self.faults)
        self.exchangerate = ExchangeRate(market, self.faults)
        vendors: tuple[Vendor, ...] = (
            self.binance,
            self.yahoo,
            self.exchangerate,
            Frankfurter(market, self.faults),
            Ecb(market, self.faults),
        )
        self._vendors = {vendor.name: vendor for vendor in vendors}

    def answer(self, method: str, path: str, query: str, headers: Mapping[str, str]) -> Answer:
        """What a vendor answers to `method path?query`, `path` and `query` as they come over the wire.

        `/binance/...`, `/yahoo/...`, `/exchangerate/...`, `/frankfurter/...` and `/ecb/...` name the vendor; without
        such a prefix the vendor is known by its paths. `/_faults` shows and sets the switches.
        """
        now = self.clock.now().astimezone(UTC)
        if path == FAULTS_PATH:
            answer = self._switch(method, query)
        else:
            answer = self._ask(method, path, query, headers, int(now.timestamp() * 1000))
        date = format_datetime(now.replace(microsecond=0), usegmt=True)
        return answer._replace(headers={"date": date, **answer.headers})

    def _ask(self, method: str, path: str, query: str, headers: Mapping[str, str], now_ms: int) -> Answer:
        name, rest = self._route(path)
        if name is None:
            known = ", ".join(f"/{vendor}" for vendor in self._vendors)
            return html_answer(404, "404 Not Found", f"No vendor has {path}. Try {known} or {FAULTS_PATH}.")
        if method not in {"GET", "HEAD"}:
            return html_answer(405, "405 Method Not Allowed", f"{name} is asked with GET.")
        request = Request(
            path=unquote(rest),
            params=tuple(parse_qsl(query, keep_blank_values=True)),
            headers={header.lower(): value for header, value in headers.items()},
            now_ms=now_ms,
        )
        answer = self._vendors[name].answer(request)
        if answer.body and self.faults.hits(f"{name}.truncated", now=request.now):
            return answer._replace(body=answer.body[: len(answer.body) // 2])
        return answer

    def _route(self, path: str) -> tuple[str | None, str]:
        first, _, rest = path.lstrip("/").partition("/")
        if first in self._vendors:
            return first, f"/{rest}"
        return next((name for prefix, name in _PATHS.items() if path.startswith(prefix)), None), path

    def _switch(self, method: str, query: str) -> Answer:
        """GET lists every switch; PUT ?name=setting&... sets some; DELETE ?name&... takes back some, or all."""
        settings = dict(parse_qsl(query, keep_blank_values=True))
        if method == "PUT":
            if not settings:
                return _problem("Nothing to set. Write PUT /_faults?binance.http_429=0.05.")
            try:
                self.faults.set(settings)
            except ValueError as error:
                return _problem(str(error))
        elif method == "DELETE":
            self.faults.clear(*settings)
        elif method not in {"GET", "HEAD"}:
            return html_answer(405, "405 Method Not Allowed", f"{FAULTS_PATH} knows GET, PUT and DELETE.")
        body = json.dumps({"faults": self.faults.report()}, indent=1).encode()
        return Answer(200, {"content-type": JSON_TYPE}, body)


def _problem(detail: str) -> Answer:
    return Answer(400, {"content-type": JSON_TYPE}, json.dumps({"error": detail}).encode())
