"""Whether size matters: the same questions and the same loads with 20 million candles and with 1 million, in turns."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from bench import fill, handlers
from bench.database import connected, crypto_symbols, make_months
from bench.etl import START, load, pipeline, turn
from bench.fill import END, MINUTES, SYMBOLS, History
from bench.harness import BenchError, Samples, Turn, alternate, each, unheard
from bench.klines import ROWS, Answer
from bench.plan import Plan
from bench.reads import answered, bare_select, content
from bench.report import Measured
from marketflow.etl.pipeline import Pipeline

YEAR = 365


@dataclass(frozen=True, slots=True)
class Filled:
    """A database with its history."""

    url: str
    history: History


@dataclass(frozen=True, slots=True)
class Question:
    """What both databases are asked, and how many items each answer to it must have."""

    name: str
    items: int
    events: Callable[[Filled, Plan], list[dict[str, Any]]]


QUESTIONS = (
    Question("newest_page", ROWS, lambda filled, plan: _pages(filled, plan.pages, past=False)),
    Question("past_page", ROWS, lambda filled, plan: _pages(filled, plan.pages, past=True)),
    Question("latest_prices", 100, lambda filled, plan: [handlers.prices(_names(filled))] * plan.batches),
)


def reads(small: Filled, large: Filled, plan: Plan) -> Mapping[str, Measured]:
    """Pages of 1,000 candles, the newest ones and ones anywhere in the past, and the latest prices of 100 symbols.

    The figure is the ratio of the question that grows most.
    """
    sizes = {"small": small, "large": large}
    services = {size: handlers.load("functions.api.handler", filled.url) for size, filled in sizes.items()}
    ratios, detail = {}, _sizes(small, large)
    for question in QUESTIONS:
        turns = {size: _asking(services[size], question, filled, plan) for size, filled in sizes.items()}
        with unheard():
            samples = alternate(turns, rounds=plan.rounds)
        ratios[f"{question.name}_ratio"] = samples["large"].times_as_long_as(samples["small"])
        detail |= {f"{question.name}_{size}_ms": taken.spread() for size, taken in samples.items()}
    return {"scale_read_20m_vs_1m": Measured(value=max(ratios.values()), floor=1, detail=detail | ratios)}


def _asking(service: handlers.Handler, question: Question, filled: Filled, plan: Plan) -> Turn:
    events = question.events(filled, plan)
    for event in events:
        if (found := len(content(answered(service, event)))) != question.items:
            raise BenchError(f"{event['path']} {event['queryStringParameters']} has {found} of {question.items} items.")
    return each([partial(service, event, None) for event in events])


def ingest(small: Filled, large: Filled, plan: Plan) -> Mapping[str, Measured]:
    """The ETL's time for a row of what comes behind the history, with little and with much of it."""
    with connected(small.url) as less, connected(large.url) as more:
        turns = {}
        for size, database in (("small", less), ("large", more)):
            make_months(database, START, START + timedelta(minutes=ROWS * (plan.rounds + 2)))
            into = pipeline(database)
            turns[size] = turn(crypto_symbols(database)[: plan.scale_bodies], _loading(into))
        samples = alternate(turns, rounds=plan.rounds)
    detail = _sizes(small, large)
    detail |= {f"{size}_us_per_row": taken.spread(1e6) for size, taken in samples.items()}
    ratio = samples["large"].times_as_long_as(samples["small"])
    return {"scale_ingest_20m_vs_1m": Measured(value=ratio, floor=1, detail=detail)}


def year_of_days(large: Filled, plan: Plan) -> Mapping[str, Measured]:
    """A year of daily candles of a symbol of which minutes are stored, in the handler."""
    event = year_event(_names(large)[0])
    handler = handlers.load("functions.api.handler", large.url)
    body = answered(handler, event)
    if (found := len(content(body))) != YEAR:
        raise BenchError(f"A year of 1d candles over a one-minute base has {found} candles instead of {YEAR}.")
    with connected(large.url) as database, unheard():
        samples: dict[str, Samples] = alternate(
            {
                "marketflow": each([partial(handler, event, None)] * plan.batches),
                "select": each([bare_select(database, "year", body)] * plan.batches),
            },
            rounds=plan.rounds,
        )
    detail = {f"{name}_ms": taken.spread() for name, taken in samples.items()}
    value, floor = (samples[name].median * 1000 for name in ("marketflow", "select"))
    return {"year_of_days_ms": Measured(value=value, floor=floor, detail=detail)}


def year_event(symbol: str) -> dict[str, Any]:
    """The request for the last year of days."""
    start = END - timedelta(days=YEAR)
    return handlers.candles(symbol, interval="1d", start=f"{start:%Y-%m-%d}", end=f"{END:%Y-%m-%d}")


def _loading(into: Pipeline) -> Callable[[Answer], Callable[[], object]]:
    return lambda answer: partial(load, into, answer)


def _pages(filled: Filled, count: int, *, past: bool) -> list[dict[str, Any]]:
    """So many requests for pages, of one symbol after the other."""
    chance = random.Random(count)
    names, pages = _names(filled)[:SYMBOLS], []
    for at in range(count):
        query = {"interval": "1m", "limit": str(ROWS)}
        if past:
            back = chance.randint(ROWS, filled.history.days * MINUTES)
            query["start"] = f"{END - timedelta(minutes=back):%Y-%m-%dT%H:%M:%SZ}"
        pages.append(handlers.candles(names[at % len(names)], **query))
    return pages


def _names(filled: Filled) -> list[str]:
    with connected(filled.url) as database:
        return [name for _, name in crypto_symbols(database)]


def _sizes(small: Filled, large: Filled) -> dict[str, object]:
    counts: dict[str, object] = {}
    for size, filled in (("small", small), ("large", large)):
        with connected(filled.url) as database:
            counts[f"{size}_candles"] = fill.count(database)
    return counts
