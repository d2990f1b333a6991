"""`make simulate`: many seeds and a report, or one seed with everything that happened in it."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from local.simulation.report import Report
from local.simulation.run import Ground, Run

PROGRESS_SECONDS = 15.0
WORTH_A_PROCESS = 50
"""Seeds for which it pays to start a server."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate; 1 when a promise was broken."""
    options = _parser().parse_args(arguments)
    started = time.monotonic()
    if options.seed is not None:
        return _replay(options.seed)
    jobs = min(options.jobs, max(1, options.seeds // WORTH_A_PROCESS))
    if jobs > 1:
        report = _side_by_side(options.first, options.seeds, jobs)
    else:
        report = _one_by_one(range(options.first, options.first + options.seeds * options.step, options.step))
    print(report.to_json() if options.json else report.text(time.monotonic() - started), flush=True)
    return 1 if report.broken_seeds else 0


def _replay(seed: int) -> int:
    """One seed, step by step."""
    with (
        tempfile.TemporaryDirectory(prefix="marketflow-simulation-") as folder,
        closing(Ground(Path(folder))) as ground,
    ):
        result = Run(seed, ground, whole_log=True).execute()
    print("\n".join(result.lines))
    for violation in result.violations:
        print(violation)
    print(f"seed {seed}: {result.steps} steps, {len(result.violations)} violations, digest {result.digest}")
    return 1 if result.violations else 0


def _one_by_one(seeds: range) -> Report:
    """A range of seeds on one server; Ctrl-C ends it with the report so far. Progress goes to the standard error."""
    report = Report()
    told = started = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="marketflow-simulation-") as folder,
        closing(Ground(Path(folder))) as ground,
    ):
        try:
            for seed in seeds:
                result = Run(seed, ground).execute()
                report.add(result)
                for violation in result.violations[:1]:
                    print(violation, file=sys.stderr, flush=True)
                if time.monotonic() - told > PROGRESS_SECONDS:
                    told = time.monotonic()
                    left = (told - started) / report.seeds * (len(seeds) - report.seeds)
                    print(f"{report.seeds} of {len(seeds)} seeds, {left:.0f} s left", file=sys.stderr, flush=True)
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr, flush=True)
    return report


def _side_by_side(first: int, seeds: int, jobs: int) -> Report:
    """The same seeds in processes of their own, each with a server; their reports together."""
    command = [sys.executable, "-m", "local.simulation", "--json", "--jobs", "1", "--step", str(jobs)]
    running = [
        subprocess.Popen(
            [*command, "--first", str(first + job), "--seeds", str(len(range(job, seeds, jobs)))],
            stdout=subprocess.PIPE,
            text=True,
        )
        for job in range(jobs)
    ]
    report = Report()
    for process in running:
        text = _wait(process)
        if not text:
            raise SystemExit(f"A part of the simulation ended with {process.returncode}; its error is above.")
        report.merge(Report.from_json(text))
    return report


def _wait(process: subprocess.Popen[str]) -> str:
    """What a part prints. Ctrl-C reaches the parts too: they end by themselves, with their reports so far."""
    while True:
        try:
            return process.communicate()[0]
        except KeyboardInterrupt:
            continue


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make simulate", description="Simulate the pipeline, seed by seed.")
    parser.add_argument("--seeds", type=int, default=300, help="how many (default 300)")
    parser.add_argument("--first", type=int, default=1, help="the first of them (default 1)")
    parser.add_argument("--step", type=int, default=1, help="take every so manieth (default 1)")
    parser.add_argument("--seed", type=int, help="replay this one and print everything that happened")
    parser.add_argument("--jobs", type=int, default=min(4, os.cpu_count() or 1), help="processes side by side")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
