"""`make load`, `make soak` and `make drills`: a pipeline of its own under stress, and what it is found to do."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from local.load.run import WORK
from local.trial import trial


def main(arguments: Sequence[str]) -> int:
    """`arguments` name the work. Returns the exit code: 0 when every figure is as it must be."""
    name = arguments[0] if arguments else ""
    if name not in WORK:
        print(f"Which? {', '.join(WORK)}.", file=sys.stderr)
        return 2
    work: Callable[[Path], str] = WORK[name]
    return trial(name, work)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
