"""The ETL on one core: raw klines bodies to rows, against raw COPY and against the ORM idiom."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from itertools import islice
from typing import Any, NoReturn

import pg8000.native  # type: ignore[import-untyped]  # pg8000 ships no types
from sqlalchemy import Engine

from bench.database import Server, connected, crypto_symbols, make_months
from bench.fill import END
from bench.harness import BenchError, Turn, alternate
from bench.klines import ROWS, Answer, answers
from bench.peers.copy_load import load as copying
from bench.peers.orm_load import load as orm
from bench.plan import Plan
from bench.report import Measured
from local import postgres
from marketflow import bootstrap
from marketflow.etl.pipeline import Pipeline
from marketflow.persistence.connection import Database
from marketflow.persistence.loader import Loader, raw_id
from marketflow.persistence.url import parse_database_url

START = END + timedelta(days=1)
SEED = 20261101

SAME_ROWS = """
SELECT count(*), md5(string_agg(CAST(ROW(
    symbol_id, interval, open_time, open, high, low, close, volume, quote_volume, trades, final, observed_at, raw_id
) AS text), '|' ORDER BY symbol_id, open_time))
FROM candles WHERE symbol_id = ANY(CAST(:ids AS integer[]))
"""


class NoArchive:
    """The archive of answers that all came with their bodies."""

    def get(self, key: str) -> NoReturn:
        """Nothing lies here."""
        raise BenchError(f"The ETL asked the archive for {key}, whose body it was given.")


def pipeline(database: Database) -> Pipeline:
    """The ETL of Binance into `database`, as the function wires it."""
    return bootstrap.pipelines(archive=NoArchive(), loader=Loader(database))["binance"]


def load(into: Pipeline, answer: Answer) -> None:
    """Load one answer. Raises BenchError unless every row of it is written."""
    result = into.run(answer.delivery)
    if result.candles_written != len(answer.rows):
        raise BenchError(f"The ETL wrote {result.candles_written} rows of {len(answer.rows)}: {result}.")


def measure(server: Server, plan: Plan) -> Mapping[str, Measured]:
    """Every loader's rate, each into a database of its own with the identical table."""
    names = ("etl", "copy", "orm", "orm_values")
    urls = {name: server.database(f"load_{name}") for name in names}
    with connected(urls["etl"]) as ours:
        symbols = crypto_symbols(ours)[: plan.bodies]
        for url in urls.values():
            with connected(url) as database:
                make_months(database, START, START + timedelta(minutes=ROWS * (plan.rounds + 2)))
        few = symbols[: plan.orm_bodies]
        copier = pg8000.native.Connection(postgres.SUPERUSER, **_place(urls["copy"]))
        engines = [orm.engine(urls[name]) for name in ("orm", "orm_values")]
        into = pipeline(ours)
        turns = {
            "etl": turn(symbols, lambda answer: partial(load, into, answer)),
            "copy": turn(symbols, lambda answer: partial(copying.load, copier, copying.text(answer.rows))),
            "orm": turn(few, partial(_orm, engines[0])),
            "orm_values": turn(few, partial(_orm, engines[1], several=True)),
        }
        samples = alternate(turns, rounds=plan.rounds)
        for name in names[1:]:
            check(ours, urls[name], symbols if name == "copy" else few)
        copier.close()
        for engine in engines:
            engine.dispose()
    for name in names:
        server.drop(f"load_{name}")
    etl, copy, slow = samples["etl"], samples["copy"], samples["orm"]
    detail: dict[str, object] = {f"{name}_us_per_row": taken.spread(1e6) for name, taken in samples.items()}
    detail |= {"rows_a_turn": plan.bodies * ROWS, "rows_a_turn_orm": plan.orm_bodies * ROWS, "rounds": plan.rounds}
    detail["orm_with_1000_rows_a_statement_vs_etl"] = round(samples["orm_values"].times_as_long_as(etl), 2)
    return {
        "etl_rows_per_s": Measured(value=1 / etl.median, floor=1 / copy.median, detail=detail),
        "etl_vs_copy": Measured(value=copy.times_as_long_as(etl), floor=1, detail=detail),
        "etl_vs_orm": Measured(value=slow.times_as_long_as(etl), floor=slow.times_as_long_as(copy), detail=detail),
    }


def turn(symbols: Sequence[tuple[int, str]], prepare: Callable[[Answer], Callable[[], object]]) -> Turn:
    """A turn that loads the next window of each symbol, prepared before the clock starts; its unit is a row."""
    windows = answers(symbols, start=START, seed=SEED)

    def take() -> float:
        loads = [prepare(answer) for answer in islice(windows, len(symbols))]
        started = time.perf_counter()
        for one in loads:
            one()
        return (time.perf_counter() - started) / (len(loads) * ROWS)

    return take


def _orm(engine: Engine, answer: Answer, *, several: bool = False) -> Callable[[], object]:
    request, response = answer.delivery.request, answer.delivery.response
    assert response is not None  # noqa: S101 - every answer has its body
    raw = {
        "id": raw_id(answer.delivery.raw_key),
        "key": answer.delivery.raw_key,
        "source": request.source,
        "dataset": request.dataset,
        "received_at": response.received_at,
    }
    return partial(
        orm.load,
        engine,
        answer.body,
        source_symbol=request.symbols[0],
        raw=raw,
        clock=response.source_time,
        several_rows_a_statement=several,
    )


def _place(url: str) -> dict[str, Any]:
    """pg8000's arguments for the database at `url`."""
    settings = parse_database_url(url)
    return {"database": settings.database, "unix_sock": settings.unix_socket}


def check(ours: Database, theirs: str, symbols: Sequence[tuple[int, str]]) -> None:
    """Raises BenchError unless the database at `theirs` has the very rows that ours has, digit for digit."""
    ids = [number for number, _ in symbols]
    with connected(theirs) as other:
        if (expected := ours.query(SAME_ROWS, ids=ids)) != (found := other.query(SAME_ROWS, ids=ids)):
            raise BenchError(f"After the same answers {theirs} has other candles: {found} instead of {expected}.")
