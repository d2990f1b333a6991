"""`make cost`: the monthly bill of a stage, beside that of a cluster for the same work."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.cost.cases import cases
from bench.cost.prices import PriceError, Prices
from bench.cost.report import page
from bench.cost.templates import read_folder, synthesised
from bench.cost.usage import Demand
from bench.scaling.pages import write_between
from bench.scaling.settings import ROOT, Settings, read_stage
from bench.workload.asked import numbers_of
from bench.workload.measured import measured
from cdk.stages import StageError

SYMBOLS = (36, 500, 10_000)
SHARES = (70, 25, 5)
PAGE = ROOT / "docs" / "cost.md"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the bill; with --write put it into docs/cost.md. 2 when something cannot be priced, with its name."""
    options = _parser().parse_args(arguments)
    try:
        settings = _settings(options.stage)
        resources = read_folder(options.templates) if options.templates else synthesised(options.stage)
        prices, demand = Prices.load(), _demand(options)
        numbers = numbers_of(options.symbols, SYMBOLS)
        found = list(cases(resources, settings, numbers, demand, prices=prices, measured=measured()))
        text = page(options.stage, found, demand, prices, whole=not options.short)
    except (PriceError, StageError, ValueError) as error:
        print(f"The bill cannot be computed: {error}", file=sys.stderr)
        return 2
    print(text, end="")
    if options.write:
        write_between(PAGE, text)
    return 0


def _settings(name: str) -> Settings:
    """The settings of a stage that runs in AWS. Raises StageError, and PriceError for one that does not."""
    stage = read_stage(name)
    if stage.database is None:
        raise PriceError(f"The stage {name} has no database of its own: it is not one that runs in AWS.")
    return Settings.of(stage)


def _demand(options: argparse.Namespace) -> Demand:
    """What the command line says people ask. Raises ValueError for shares that are none."""
    kinds = list(measured().requests)
    shares = [float(share) for share in options.shares.split(",")] if options.shares else list(SHARES)
    if len(shares) != len(kinds) or min(shares) < 0 or not sum(shares):
        raise ValueError(f"--shares needs {len(kinds)} numbers with commas, for {', '.join(kinds)}.")
    return Demand(
        rate=options.rate,
        shares={kind: share / sum(shares) for kind, share in zip(kinds, shares, strict=True)},
        people=options.people,
        months=options.months,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make cost", description="The monthly bill of a stage, computed.")
    parser.add_argument("--stage", default="prod", help="a stage of cdk.json (default prod)")
    parser.add_argument("--symbols", default="", help=f"numbers with commas (default {','.join(map(str, SYMBOLS))})")
    parser.add_argument("--rate", type=float, default=10.0, help="requests a second when busy (default 10)")
    parser.add_argument("--shares", default="", help=f"of the kinds of request (default {','.join(map(str, SHARES))})")
    parser.add_argument("--people", type=int, default=100, help="who sign in within a month (default 100)")
    parser.add_argument("--months", type=int, default=12, help="that it has run, for what lies there (default 12)")
    parser.add_argument("--templates", type=Path, help="a cdk.out to read instead of synthesising")
    parser.add_argument("--short", action="store_true", help="without the items")
    parser.add_argument("--write", action="store_true", help="put the bill into docs/cost.md")
    return parser


if __name__ == "__main__":
    sys.exit(main())
