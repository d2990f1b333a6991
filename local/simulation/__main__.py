"""`make simulate`: many seeds and a report, or one seed with everything that happened in it."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from local.simulation.report import Report
from local.simulation.run import Ground, Run

PROGRESS_SECONDS = 10.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate; 1 when a promise was broken."""
    options = _parser().parse_args(arguments)
    with (
        tempfile.TemporaryDirectory(prefix="marketflow-simulation-") as folder,
        closing(Ground(Path(folder))) as ground,
    ):
        if options.seed is not None:
            return _replay(options.seed, ground)
        return _many(range(options.first, options.first + options.seeds), ground)


def _replay(seed: int, ground: Ground) -> int:
    """One seed, step by step."""
    result = Run(seed, ground, whole_log=True).execute()
    print("\n".join(result.lines))
    for violation in result.violations:
        print(violation)
    print(f"seed {seed}: {result.steps} steps, {len(result.violations)} violations, digest {result.digest}")
    return 1 if result.violations else 0


def _many(seeds: range, ground: Ground) -> int:
    """A range of seeds; Ctrl-C ends it with the report so far."""
    report, started = Report(), time.monotonic()
    told = started
    try:
        for seed in seeds:
            result = Run(seed, ground).execute()
            report.add(result)
            for violation in result.violations[:1]:
                print(violation, flush=True)
            if time.monotonic() - told > PROGRESS_SECONDS:
                told = time.monotonic()
                pace = (told - started) / report.seeds
                left = pace * (len(seeds) - report.seeds)
                print(
                    f"{report.seeds} of {len(seeds)} seeds, {report.broken_seeds} broken, {left:.0f} s left", flush=True
                )
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    print(report.text(time.monotonic() - started))
    return 1 if report.broken_seeds else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make simulate", description="Simulate the pipeline, seed by seed.")
    parser.add_argument("--seeds", type=int, default=300, help="how many (default 300)")
    parser.add_argument("--first", type=int, default=1, help="the first of them (default 1)")
    parser.add_argument("--seed", type=int, help="replay this one and print everything that happened")
    return parser


if __name__ == "__main__":
    sys.exit(main())
