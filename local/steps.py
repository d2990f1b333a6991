"""How a start tells the terminal what it does: one line a step, with its time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class Note:
    """What a step has to say beside its time."""

    text: str = ""


@dataclass(slots=True)
class Steps:
    """The steps that were taken and how many seconds each took; `quiet` prints none of them."""

    quiet: bool = False
    taken: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[Note]:
        """Time what happens inside, and print it when it went well."""
        note, started = Note(), time.monotonic()
        yield note
        self.taken[name] = seconds = time.monotonic() - started
        if not self.quiet:
            print(f"  {name:<18} {seconds:6.1f} s   {note.text}".rstrip(), flush=True)

    @property
    def total(self) -> float:
        """Seconds of all steps together."""
        return sum(self.taken.values())
