"""The simulated Frankfurter v1, which serves the ECB's reference rates.

Wire facts: https://frankfurter.dev and its source, lib/versions/v1.rb.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import date, timedelta
from urllib.parse import urlencode

from local.simulator import fixings
from local.simulator.assets import Market
from local.simulator.calendars import utc
from local.simulator.currencies import CURRENCIES
from local.simulator.faults import Faults
from local.simulator.wire import JSON_TYPE, Answer, Request, html_answer, json_answer, plain_number

_CARRY_BACK_DAYS = 14
_DATE = r"\d{4}-\d{2}-\d{2}"


class FrankfurterError(Exception):
    """A refusal: HTTP status and message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status

    def answer(self) -> Answer:
        """The error as Frankfurter sends it."""
        return json_answer(self.status, {"message": str(self)}, {"cache-control": "no-store"})


class Frankfurter:
    """One deployment. Its `today` is UTC, whatever the ECB's clock says."""

    name = "frankfurter"

    def __init__(self, market: Market, faults: Faults) -> None:
        self._market = market
        self._faults = faults

    def answer(self, request: Request) -> Answer:
        """The answer to `/v1/...`; a path without it is the old address, which redirects."""
        if self._faults.hits("frankfurter.http_503", now=request.now):
            return html_answer(503, "503 Service Unavailable", "cloudflare")
        if not request.path.startswith("/v1/"):
            query = f"?{urlencode(request.params)}" if request.params else ""
            return Answer(301, {"location": f"/frankfurter/v1{request.path}{query}", "content-type": "text/html"}, b"")
        try:
            body = self._body(request, request.path.removeprefix("/v1/"))
        except FrankfurterError as error:
            return error.answer()
        if body is None:
            document = {"status": 404, "message": "not found"}
            return json_answer(404, document, {"cache-control": "no-store"})
        etag = f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
        headers = {"content-type": JSON_TYPE, "cache-control": "public, max-age=86400", "etag": etag}
        if request.headers.get("if-none-match") == etag:
            return Answer(304, headers, b"")
        return Answer(200, headers, body)

    def _body(self, request: Request, path: str) -> bytes | None:
        now = utc(request.now)
        newest = fixings.newest(now)
        if path == "currencies":
            names = {code: CURRENCIES[code].name for code in sorted(["EUR", *fixings.CODES])}
            living = {code: name for code, name in names.items() if code == "EUR" or fixings.quoted(code, newest)}
            return json_answer(200, living).body
        query = _Query(request)
        if path == "latest":
            return self._day(query, newest)
        if re.fullmatch(_DATE, path):
            return self._day(query, self._carried(_day(path), newest))
        match = re.fullmatch(rf"({_DATE})\.\.({_DATE})?", path)
        if match is None:
            return None
        end = min(_day(match[2]) if match[2] else now.date(), newest)
        return self._range(query, max(_day(match[1]), fixings.FIRST_DAY), end)

    def _carried(self, asked: date, newest: date) -> date:
        """The publication day used for `asked`: the same or, up to fourteen days, one before."""
        if asked < fixings.FIRST_DAY:
            raise FrankfurterError(404, "not found")
        used = fixings.on_or_before(min(asked, newest))
        if asked <= newest and (asked - used).days > _CARRY_BACK_DAYS:
            raise FrankfurterError(404, "not found")
        return used

    def _day(self, query: _Query, day: date) -> bytes:
        rates = self._rates(query, day)
        if not rates:
            raise FrankfurterError(404, "not found")
        return f'{{"amount":{query.amount!r},"base":"{query.base}","date":"{day}","rates":{_object(rates)}}}'.encode()

    def _range(self, query: _Query, start: date, end: date) -> bytes:
        days = (start + timedelta(days=offset) for offset in range((end - start).days + 1))
        found = {day: rates for day in days if fixings.published(day) and (rates := self._rates(query, day))}
        if not found:
            raise FrankfurterError(404, "not found")
        rows = _object({str(day): _object(rates) for day, rates in found.items()})
        first, last = min(found), max(found)
        head = f'"amount":{query.amount!r},"base":"{query.base}","start_date":"{first}","end_date":"{last}"'
        return f'{{{head},"rates":{rows}}}'.encode()

    def _rates(self, query: _Query, day: date) -> dict[str, str]:
        """The rates of `day` as JSON numbers, in the order of the alphabet; empty when the base has none."""
        values = {code: fixings.rate(self._market, code, day) for code in fixings.CODES if fixings.quoted(code, day)}
        values["EUR"] = 1.0
        if query.base not in values:
            return {}
        chosen = sorted(code for code in values if code != query.base and (not query.symbols or code in query.symbols))
        if query.base == "EUR" and query.amount == 1.0:
            return {code: plain_number(values[code], 6, point=True) for code in chosen}
        factor = query.amount / values[query.base]
        return {code: _rounded(values[code] * factor) for code in chosen}


class _Query:
    """The parameters that latest, day and range share; their old names are aliases."""

    def __init__(self, request: Request) -> None:
        explicit = request.param("base") or request.param("from")
        symbols = request.param("symbols") or request.param("to") or ""
        self.base = (explicit or "EUR").upper()
        self.symbols = frozenset(code.strip().upper() for code in symbols.split(",") if code.strip())
        if explicit and self.symbols == {self.base}:
            raise FrankfurterError(422, "bad currency pair")
        amount = request.param("amount") or "1"
        if not re.fullmatch(r"\d+(\.\d+)?", amount) or float(amount) <= 0:
            raise FrankfurterError(422, "invalid amount")
        self.amount = float(amount)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise FrankfurterError(422, "invalid date") from error


def _rounded(value: float) -> str:
    """Rounded by size, as lib/roundable.rb does."""
    if value > 5000:
        return plain_number(value, 0, point=True)
    for bound, digits in ((80, 2), (20, 3), (1, 4), (0.0001, 5)):
        if value > bound:
            return plain_number(value, digits, point=True)
    return plain_number(value, 6, point=True)


def _object(members: Mapping[str, str]) -> str:
    return "{" + ",".join(f'"{key}":{text}' for key, text in members.items()) + "}"
