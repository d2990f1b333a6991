"""A trial: something is done with a whole stack in a temporary folder, and nothing of it is left behind."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from local import interrupts
from local.interrupts import Stopped
from local.processes import LocalError


def trial(name: str, work: Callable[[Path], str]) -> int:
    """Do `work` in a folder of its own and print what it has to say. Returns the exit code: 0 when all went well."""
    interrupts.listen()
    started = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix=f"marketflow-{name}-", ignore_cleanup_errors=True) as folder:
            said = work(Path(folder))
    except Stopped:
        print("Stopped before the end.", file=sys.stderr)
        return 130
    except LocalError as error:
        print(f"\nFAILED: {error}", file=sys.stderr)
        return 1
    print(f"{said} All of it took {time.monotonic() - started:.1f} s.")
    return 0
