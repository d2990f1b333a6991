"""Decides whether the vendors are asked or the simulator: one small request to each, all at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from marketflow.sources.catalog import CATALOG

PROBE_SECONDS = 4.0
USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
"""Yahoo sends clients away that do not look like a browser."""


@dataclass(frozen=True, slots=True)
class Question:
    """A cheap request to a source, and whether its JSON answer is a sensible one."""

    path: str
    sensible: Callable[[Any], bool]


QUESTIONS = {
    "binance": Question("/api/v3/ping", lambda body: body == {}),
    "yahoo": Question("/v8/finance/chart/AAPL?range=1d&interval=1d", lambda body: bool(body["chart"]["result"])),
    "exchangerate": Question("/v6/latest/USD", lambda body: body["result"] == "success"),
    "ecb": Question("/v1/latest?symbols=USD", lambda body: body["base"] == "EUR" and bool(body["rates"])),
}


async def _ask(client: httpx.AsyncClient, source: str) -> str | None:
    """Why `source` cannot be used; None when one of its hosts answers sensibly."""
    question, reason = QUESTIONS[source], ""
    for base_url in CATALOG[source].base_urls:
        host = httpx.URL(base_url).host
        try:
            answer = await client.get(base_url + question.path)
            if answer.status_code != 200:
                reason = f"{host} answers {answer.status_code}"
            elif question.sensible(answer.json()):
                return None
            else:
                reason = f"{host} answers something else"
        except httpx.HTTPError as error:
            reason = f"{host} does not answer ({type(error).__name__})"
        except (ValueError, KeyError, TypeError):
            reason = f"{host} answers something else"
    return reason


async def _ask_all(transport: httpx.AsyncBaseTransport | None) -> list[str]:
    headers = {"user-agent": USER_AGENT, "accept": "application/json"}
    async with httpx.AsyncClient(headers=headers, timeout=PROBE_SECONDS, transport=transport) as client:
        reasons = await asyncio.gather(*(_ask(client, source) for source in CATALOG))
    return [reason for reason in reasons if reason]


def unusable(transport: httpx.AsyncBaseTransport | None = None) -> list[str]:
    """One reason for each source that cannot be asked from here; none when all answer sensibly."""
    return asyncio.run(_ask_all(transport))
