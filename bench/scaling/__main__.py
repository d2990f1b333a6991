"""`make scale`: the limits, the simulation of a stage as it is, and of what it must be turned up to."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace

from bench.scaling.others import facts
from bench.scaling.pages import write_between
from bench.scaling.report import Row, page
from bench.scaling.settings import ROOT, Settings, read_stage
from bench.scaling.simulation import simulate
from bench.scaling.turning import turn_up
from bench.workload.asked import numbers_of
from bench.workload.measured import Measured, measured
from cdk.stages import StageError

SYMBOLS = (36, 500, 1000, 3000, 10_000, 30_000, 100_000)
PAGE = ROOT / "docs" / "scale.md"
SEED = 7


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the page; with --write put it into docs/scale.md."""
    options = _parser().parse_args(arguments)
    try:
        numbers = numbers_of(options.symbols, SYMBOLS)
        stage = read_stage(options.stage)
        settings = Settings.of(stage)
        figures = with_etl(measured(), options.etl_ms)
        rows = [_row(settings, number, figures, options.seed, options.minutes) for number in numbers]
    except (StageError, ValueError) as error:
        print(f"The scale cannot be computed: {error}", file=sys.stderr)
        return 2
    text = page(settings, rows, facts(stage, settings, figures), figures, seed=options.seed)
    print(text, end="")
    if options.write:
        write_between(PAGE, text)
    return 0


def with_etl(figures: Measured, milliseconds: float | None) -> Measured:
    """The same figures with another CPU time of the ETL for one message of a live minute."""
    if milliseconds is None:
        return figures
    kind = "binance.klines_1m"
    changed = replace(figures.messages[kind], function_ms=milliseconds)
    return replace(figures, messages={**figures.messages, kind: changed})


def _row(settings: Settings, symbols: int, figures: Measured, seed: int, minutes: int) -> Row:
    turned = turn_up(settings, symbols, figures)
    return Row(
        symbols,
        simulate(settings, symbols, figures, seed=seed, minutes=minutes),
        turned,
        simulate(turned.settings, symbols, figures, seed=seed, minutes=minutes),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make scale", description="Where the first limit is hit as symbols grow.")
    parser.add_argument("--stage", default="prod", help="a stage of cdk.json (default prod)")
    parser.add_argument("--symbols", default="", help=f"numbers with commas (default {','.join(map(str, SYMBOLS))})")
    parser.add_argument("--seed", type=int, default=SEED, help=f"of the simulation (default {SEED})")
    parser.add_argument("--minutes", type=int, default=10, help="that are simulated (default 10)")
    parser.add_argument("--etl-ms", type=float, help="CPU of the ETL for a live message, instead of the measured one")
    parser.add_argument("--write", action="store_true", help="put the page into docs/scale.md")
    return parser


if __name__ == "__main__":
    sys.exit(main())
