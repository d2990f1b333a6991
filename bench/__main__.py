"""`python -m bench`: measure, show the table, write the file; the exit code says whether all promises are kept."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench import report
from bench.plan import FULL, QUICK
from bench.run import everything

OUT = Path("build") / "bench.json"


def main(arguments: list[str]) -> int:
    """0 when every figure was measured and meets its target, or with --no-gate when every one was measured."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the same figures from less data, in under a minute")
    parser.add_argument("--no-gate", action="store_true", help="succeed also when a target is missed")
    parser.add_argument("--out", type=Path, default=OUT, help="where to write the figures")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="show an earlier run's figures as Markdown")
    options = parser.parse_args(arguments)
    if options.markdown:
        print(report.markdown(*report.read(options.markdown)))
        return 0
    plan = QUICK if options.quick else FULL
    machine, outcomes = everything(plan)
    figures = report.figures(outcomes)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(report.document(machine, figures), encoding="utf-8")
    print(report.table(figures))
    print(f"\n{plan.mode} run: {plan.said()}. Written to {options.out}.")
    if warning := report.caveat(machine):
        print(warning)
    measured = all(figure["value"] is not None for figure in figures.values())
    return 0 if report.all_met(figures) or (options.no_gate and measured) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
