"""The simulated ExchangeRate-API: the open endpoint, the keyed v6 and the legacy v4.

Wire facts: https://www.exchangerate-api.com/docs.
"""

from __future__ import annotations

import math
import re
import threading
from collections import Counter
from collections.abc import Callable
from datetime import date
from typing import Any

from local.simulator.assets import DAY, Market
from local.simulator.calendars import utc
from local.simulator.currencies import CURRENCIES
from local.simulator.faults import Faults
from local.simulator.noise import mix, salt
from local.simulator.wire import JSON_TYPE, Answer, Request, html_answer, json_answer, plain_number, with_numbers

FREE_KEY = "simulator-free-key"
PRO_KEY = "simulator-pro-key"
INACTIVE_KEY = "simulator-inactive-key"
"""The keys that the simulated vendor has given out: 1500 requests a month, 30000 and history, and one not confirmed."""

_PROVIDER = "https://www.exchangerate-api.com"
_DOCS = f"{_PROVIDER}/docs"
_TERMS = f"{_PROVIDER}/terms"
_QUOTA = {FREE_KEY: 1500, PRO_KEY: 30_000}
_REFRESH_DAY = 14
_CALM_MS = 20 * 60 * 1000  # how long a 429 lasts
_FIRST_PUBLICATION = 150  # seconds after midnight UTC: 00:02:30


class ExchangeRateError(Exception):
    """A refusal: the vendor's error-type and the HTTP status."""

    def __init__(self, error_type: str, status: int) -> None:
        super().__init__(error_type)
        self.error_type = error_type
        self.status = status

    def answer(self) -> Answer:
        """The error as the vendor sends it, with its hyphens."""
        document = {"result": "error", "documentation": _DOCS, "terms-of-use": _TERMS, "error-type": self.error_type}
        return json_answer(self.status, document)


class ExchangeRate:
    """One vendor as one client address sees it."""

    name = "exchangerate"

    def __init__(self, market: Market, faults: Faults) -> None:
        self._market = market
        self._faults = faults
        self._key = salt(market.seed, "publication")
        self._lock = threading.Lock()
        self._limited_until_ms = 0
        self._spent: Counter[tuple[str, str]] = Counter()

    def answer(self, request: Request) -> Answer:
        """The answer to `/v6/...` (open, or with a key in the path or as a bearer token) and `/v4/latest/...`."""
        fault = self._fault(request)
        if fault is not None:
            return fault
        version, *parts = [part for part in request.path.split("/") if part] or [""]
        try:
            if version == "v4" and len(parts) == 2 and parts[0] == "latest":
                return self._legacy(request, parts[1])
            if version == "v6" and parts:
                return self._v6(request, parts)
        except ExchangeRateError as error:
            return error.answer()
        return html_answer(404, "404 Not Found", "nginx")

    def _v6(self, request: Request, parts: list[str]) -> Answer:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token:
            return self._keyed(request, token, parts)
        if parts[0] == "latest":
            return self._open(request, parts[1:])
        return self._keyed(request, parts[0], parts[1:])

    def _fault(self, request: Request) -> Answer | None:
        def hits(name: str) -> bool:
            return self._faults.hits(f"exchangerate.{name}", now=request.now)

        if hits("http_503"):
            return html_answer(503, "503 Service Temporarily Unavailable", "nginx")
        if hits("bare_403"):
            return Answer(403, {"content-type": "text/html"}, b"")
        if hits("error_with_200"):
            return ExchangeRateError("unsupported-code", 200).answer()
        if hits("http_429"):
            self._limited_until_ms = request.now_ms + _CALM_MS
        if request.now_ms < self._limited_until_ms:
            return Answer(429, {"content-type": "text/html"}, b"Too Many Requests")
        return None

    def _open(self, request: Request, parts: list[str]) -> Answer:
        if len(parts) != 1:
            raise ExchangeRateError("malformed-request", 400)
        base = _code(parts[0])
        last, following, day = self._publication(request)
        eol = following + 90 * DAY if self._faults.hits("exchangerate.end_of_life", now=request.now) else 0
        head = {
            "result": "success",
            "provider": _PROVIDER,
            "documentation": f"{_DOCS}/free",
            "terms_of_use": _TERMS,
            **_times(last, following),
            "time_eol_unix": eol,
            "base_code": base,
        }
        rates = self.rates(base, day, lambda value: plain_number(value, 6))
        return Answer(200, {"content-type": JSON_TYPE}, with_numbers(head, "rates", rates))

    def _legacy(self, request: Request, text: str) -> Answer:
        base = _code(text)
        last, _, day = self._publication(request)
        head = {
            "provider": _PROVIDER,
            "WARNING_UPGRADE_TO_V6": f"{_DOCS}/free",
            "terms": _TERMS,
            "base": base,
            "date": utc(day).date().isoformat(),
            "time_last_updated": last - last % DAY + 2,
        }
        rates = self.rates(base, day, _coarse)
        return Answer(200, {"content-type": JSON_TYPE}, with_numbers(head, "rates", rates))

    def _keyed(self, request: Request, key: str, parts: list[str]) -> Answer:
        if key == INACTIVE_KEY:
            raise ExchangeRateError("inactive-account", 403)
        if key not in _QUOTA:
            raise ExchangeRateError("invalid-key", 403)
        method, *rest = parts or [""]
        head: dict[str, Any] = {"result": "success", "documentation": _DOCS, "terms_of_use": _TERMS}
        month = _quota_month(utc(request.now).date())
        if method == "quota" and not rest:
            left = max(0, _QUOTA[key] - self._spent[key, month])
            quota = {"plan_quota": _QUOTA[key], "requests_remaining": left, "refresh_day_of_month": _REFRESH_DAY}
            return json_answer(200, head | quota)
        with self._lock:
            self._spent[key, month] += 1
            if self._spent[key, month] > _QUOTA[key]:
                raise ExchangeRateError("quota-reached", 403)
        period = 3600 if key == PRO_KEY else DAY
        at = request.now // period * period
        if method == "codes" and not rest:
            codes = [[currency.code, currency.name] for currency in CURRENCIES.values()]
            return json_answer(200, head | {"supported_codes": codes})
        if method == "latest" and len(rest) == 1:
            head |= {**_times(at + 1, at + period + 1), "base_code": _code(rest[0])}
            rates = self.rates(_code(rest[0]), at, _four_decimals)
            return Answer(200, {"content-type": JSON_TYPE}, with_numbers(head, "conversion_rates", rates))
        if method == "pair" and len(rest) in {2, 3}:
            return self._pair(head | _times(at + 1, at + period + 1), at, rest)
        if method in {"history", "enriched"}:
            if key != PRO_KEY or method == "enriched":
                raise ExchangeRateError("plan-upgrade-required", 403)
            return self._history(request, head, rest)
        raise ExchangeRateError("malformed-request", 400)

    def _pair(self, head: dict[str, Any], at: int, rest: list[str]) -> Answer:
        base, target = _code(rest[0]), _code(rest[1])
        rate = self._rate(base, target, at)
        head |= {"base_code": base, "target_code": target, "conversion_rate": float(_four_decimals(rate))}
        if len(rest) == 3:
            if not re.fullmatch(r"\d+(\.\d+)?", rest[2]):
                return html_answer(404, "404 Not Found", "nginx")
            head |= {"conversion_result": round(float(rest[2]) * head["conversion_rate"], 4)}
        return json_answer(200, head)

    def _history(self, request: Request, head: dict[str, Any], rest: list[str]) -> Answer:
        if len(rest) not in {4, 5} or not all(re.fullmatch(r"[1-9]\d*", part) for part in rest[1:4]):
            raise ExchangeRateError("malformed-request", 400)
        base = _code(rest[0])
        try:
            day = date(*(int(part) for part in rest[1:4]))
        except ValueError as error:
            raise ExchangeRateError("malformed-request", 400) from error
        at = (day.toordinal() - date(1970, 1, 1).toordinal()) * DAY
        if at > request.now or day.year < 1990:
            raise ExchangeRateError("no-data-available", 404)
        head |= {"year": day.year, "month": day.month, "day": day.day, "base_code": base}
        rates = self.rates(base, at, _four_decimals)
        if len(rest) == 4:
            return Answer(200, {"content-type": JSON_TYPE}, with_numbers(head, "conversion_rates", rates))
        if not re.fullmatch(r"\d+(\.\d+)?", rest[4]):
            return html_answer(404, "404 Not Found", "nginx")
        amount = float(rest[4])
        amounts = {code: plain_number(amount * float(rate), 4) for code, rate in rates.items()}
        head |= {"requested_amount": int(amount) if amount.is_integer() else amount}
        return Answer(200, {"content-type": JSON_TYPE}, with_numbers(head, "conversion_amounts", amounts))

    def rates(self, base: str, at: int, text: Callable[[float], str]) -> dict[str, str]:
        """How much of every currency one `base` buys at `at` (epoch seconds), through `text`; `base` comes first."""
        others = (code for code in CURRENCIES if code != base)
        return {base: "1"} | {code: text(self._rate(base, code, at)) for code in others}

    def _rate(self, base: str, target: str, at: int) -> float:
        return self._market.value(target, at) / self._market.value(base, at)

    def _publication(self, request: Request) -> tuple[int, int, int]:
        """When the newest rates were published, when the next ones are announced for, and the day they are of."""
        day = request.now // DAY * DAY
        if request.now < self._published(day):
            day -= DAY
        if self._faults.hits("exchangerate.late", now=request.now):
            day -= 2 * DAY if request.now < self._announced(day - DAY) else DAY
        return self._published(day), self._announced(day), day

    def _published(self, day: int) -> int:
        return day + _FIRST_PUBLICATION + mix(self._key ^ day) % 4

    def _announced(self, day: int) -> int:
        return day + DAY + 180 + mix(self._key ^ (day + 1)) % 1600


def _code(text: str) -> str:
    code = text.upper()
    if not re.fullmatch(r"[A-Z]{3}", code):
        raise ExchangeRateError("malformed-request", 400)
    if code not in CURRENCIES:
        raise ExchangeRateError("unsupported-code", 404)
    return code


def _times(last: int, following: int) -> dict[str, int | str]:
    return {
        "time_last_update_unix": last,
        "time_last_update_utc": _rfc1123(last),
        "time_next_update_unix": following,
        "time_next_update_utc": _rfc1123(following),
    }


def _rfc1123(epoch: int) -> str:
    return f"{utc(epoch):%a, %d %b %Y %H:%M:%S} +0000"


def _quota_month(day: date) -> str:
    """The name of the accounting month of `day`; it begins on the refresh day."""
    months = day.year * 12 + day.month - (1 if day.day < _REFRESH_DAY else 0)
    return str(months)


def _coarse(value: float) -> str:
    """Two decimals, or three significant digits below 1."""
    return plain_number(value, 2) if value >= 1 else _significant(value, 3)


def _four_decimals(value: float) -> str:
    """Four decimals, or four significant digits where that leaves too little."""
    return plain_number(value, 4) if value >= 0.1 else _significant(value, 4)


def _significant(value: float, digits: int) -> str:
    return plain_number(value, digits - 1 - math.floor(math.log10(value)))
