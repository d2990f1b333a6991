"""What happened in a run, line by line; its hash says whether two runs were the same."""

from __future__ import annotations

import hashlib
from collections import deque
from dataclasses import dataclass, field

from local.simulation.clock import VirtualClock

KEPT_LINES = 60


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was broken in the run of `seed`: after which step, what was expected and what was found."""

    seed: int
    step: int
    what: str
    expected: str
    found: str

    def __str__(self) -> str:
        return (
            f"seed {self.seed}, step {self.step}: {self.what}\n    expected: {self.expected}\n"
            f"    found:    {self.found}\n    replay:   make simulate SEED={self.seed}"
        )


@dataclass(slots=True)
class Log:
    """The steps of the run of `seed`. `tail` has the newest of them, all of them when `whole`."""

    seed: int
    clock: VirtualClock
    whole: bool = False
    step: int = 0
    violations: list[Violation] = field(default_factory=list)
    tail: deque[str] = field(default_factory=deque)
    _hash: hashlib._Hash = field(default_factory=hashlib.sha256)

    def note(self, event: str, detail: str = "") -> None:
        """Something happened."""
        self.step += 1
        line = f"{self.step:5} {self.clock.now():%Y-%m-%dT%H:%M:%S.%f} {event:<12} {detail}"
        self._hash.update(line.encode())
        self.tail.append(line)
        if not self.whole and len(self.tail) > KEPT_LINES:
            self.tail.popleft()

    def violate(self, what: str, expected: object, found: object) -> None:
        """A promise was broken."""
        self.note("VIOLATION", f"{what}: expected {expected}, found {found}")
        self.violations.append(Violation(self.seed, self.step, what, str(expected), str(found)))

    def digest(self) -> str:
        """The name of everything that happened."""
        return self._hash.hexdigest()
