"""The simulated ECB website: the daily and historical files of the euro reference rates.

Wire facts: https://www.ecb.europa.eu/stats/policy_and_exchange_rates/euro_reference_exchange_rates.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import date, timedelta

from local.simulator import fixings
from local.simulator.assets import Market
from local.simulator.calendars import utc
from local.simulator.faults import Faults
from local.simulator.wire import Answer, Request, html_answer

_FOLDER = "/stats/eurofxref/"
_ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" '
    'xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">\n'
    "\t<gesmes:subject>Reference rates</gesmes:subject>\n"
    "\t<gesmes:Sender><gesmes:name>European Central Bank</gesmes:name></gesmes:Sender>\n"
)


class Ecb:
    """The files below /stats/eurofxref."""

    name = "ecb"

    def __init__(self, market: Market, faults: Faults) -> None:
        self._market = market
        self._faults = faults

    def answer(self, request: Request) -> Answer:
        """eurofxref-daily.xml, eurofxref-hist-90d.xml, eurofxref-hist.xml, eurofxref.zip and eurofxref-hist.zip."""
        if self._faults.hits("ecb.http_503", now=request.now):
            return html_answer(503, "503 Service Unavailable", "ECB")
        newest = fixings.newest(utc(request.now))
        if self._faults.hits("ecb.stale", now=request.now):
            newest = fixings.on_or_before(newest - timedelta(days=1))
        name = request.path.removeprefix(_FOLDER)
        if name == "eurofxref-daily.xml":
            # The live daily file quotes with apostrophes, unlike the samples and the history.
            return _xml(self._cube(newest, quote="'"))
        if name in {"eurofxref-hist-90d.xml", "eurofxref-hist.xml"}:
            first = newest - timedelta(days=90) if name == "eurofxref-hist-90d.xml" else fixings.FIRST_DAY
            return _xml("".join(self._cube(day, quote='"') for day in _days(newest, first)))
        if name == "eurofxref.zip":
            return _zip("eurofxref.csv", newest, self._table([newest], f"{newest.day} {newest:%B %Y}"))
        if name == "eurofxref-hist.zip":
            return _zip("eurofxref-hist.csv", newest, self._table(_days(newest, fixings.FIRST_DAY)))
        return html_answer(404, "404 Not Found", "Page not found")

    def _rates(self, day: date) -> dict[str, str]:
        """The rates of `day` in the ECB's digits, trailing zeros and all."""
        rates = {code: fixings.rate(self._market, code, day) for code in fixings.CODES if fixings.quoted(code, day)}
        return {code: f"{value:.{fixings.decimals(code, value)}f}" for code, value in rates.items()}

    def _cube(self, day: date, *, quote: str) -> str:
        rates = "".join(
            f"\t\t\t<Cube currency={quote}{code}{quote} rate={quote}{rate}{quote}/>\n"
            for code, rate in self._rates(day).items()
        )
        return f"\t\t<Cube time={quote}{day}{quote}>\n{rates}\t\t</Cube>\n"

    def _table(self, days: Iterator[date] | list[date], label: str | None = None) -> str:
        """A CSV, newest day first, with a trailing comma; `label` replaces the ISO date."""
        rows = [f"Date, {', '.join(fixings.CODES)}, "]
        for day in days:
            rates = self._rates(day)
            rows.append(f"{label or day}, {', '.join(rates.get(code, 'N/A') for code in fixings.CODES)}, ")
        return "\n".join(rows) + "\n"


def _days(newest: date, first: date) -> Iterator[date]:
    day = newest
    while day >= first:
        if fixings.published(day):
            yield day
        day -= timedelta(days=1)


def _xml(cubes: str) -> Answer:
    body = f"{_ENVELOPE}\t<Cube>\n{cubes}\t</Cube>\n</gesmes:Envelope>"
    return Answer(200, {"content-type": "text/xml"}, body.encode())


def _zip(name: str, day: date, text: str) -> Answer:
    buffer = io.BytesIO()
    member = zipfile.ZipInfo(name, date_time=(day.year, day.month, day.day, 16, 0, 0))
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, text, zipfile.ZIP_DEFLATED)
    return Answer(200, {"content-type": "application/zip"}, buffer.getvalue())
