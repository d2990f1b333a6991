"""What a series of runs says: how many, what was injected how often, and which promises were broken."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, fields

from local.simulation.mishaps import MISHAPS
from local.simulation.run import Result
from local.simulation.scenario import NEVER_ASKED, VENDORS
from local.simulator.fault_table import FAULTS, Kind

SHOWN_VIOLATIONS = 20


@dataclass(slots=True)
class Report:
    """The sum of the results so far."""

    seeds: int = 0
    steps: int = 0
    broken_seeds: int = 0
    violations: list[str] = field(default_factory=list)
    injected: Counter[str] = field(default_factory=Counter)

    def add(self, result: Result) -> None:
        """Count one run. Of each broken one the first promises are kept, the rest mostly follows from them."""
        self.seeds += 1
        self.steps += result.steps
        self.broken_seeds += bool(result.violations)
        self.violations += [str(violation) for violation in result.violations[:3]]
        self.injected += result.mishaps + result.faults

    def merge(self, other: Report) -> None:
        """Add the runs of another report."""
        self.seeds += other.seeds
        self.steps += other.steps
        self.broken_seeds += other.broken_seeds
        self.violations += other.violations
        self.injected += other.injected

    def to_json(self) -> str:
        """The report for another process."""
        return json.dumps({one.name: getattr(self, one.name) for one in fields(self)})

    @classmethod
    def from_json(cls, text: str) -> Report:
        """The inverse of `to_json`."""
        found = json.loads(text)
        return cls(**{**found, "injected": Counter(found["injected"])})

    def text(self, seconds: float) -> str:
        """The report for a terminal."""
        lines = self.violations[:SHOWN_VIOLATIONS]
        lines += ["", "injected between the parts"]
        lines += [_line(self.injected[name], name, explanation) for name, explanation in MISHAPS.items()]
        lines += ["", "injected by the vendors (an outage or a split counts each answer that it changed)"]
        lines += [
            _line(self.injected[name], name, FAULTS[name].explanation) for name in applicable(Kind.REQUEST, Kind.TIME)
        ]
        lines += [_line(self.injected[name], name, FAULTS[name].explanation) for name in applicable(Kind.MOMENT)]
        lines += ["", f"always there: {', '.join(applicable(Kind.ALWAYS))}"]
        sums = f"{self.broken_seeds} with violations, {self.injected.total()} faults injected, {self.steps} steps"
        return "\n".join([*lines, "", f"{self.seeds} seeds, {sums}, {seconds:.0f} s"])

    def missing(self) -> list[str]:
        """What was never injected."""
        names = [*MISHAPS, *applicable(Kind.REQUEST, Kind.TIME, Kind.MOMENT)]
        return [name for name in names if not self.injected[name]]


def applicable(*kinds: Kind) -> list[str]:
    """The vendors' faults of these kinds that a fetcher of ours can meet."""
    return [
        fault.name
        for fault in FAULTS.values()
        if fault.kind in kinds and fault.name.partition(".")[0] in VENDORS and fault.name not in NEVER_ASKED
    ]


def _line(count: int, name: str, explanation: str) -> str:
    return f"  {count:>8}  {name:<32} {explanation}"
