"""The emulator's processes with functions in them: how many there are, what they use, and how one is killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress

import psutil

from local.stack import PREFIX, LocalStack

NAME = "AWS_LAMBDA_FUNCTION_NAME"


def processes(stack: LocalStack, function: str) -> Iterator[psutil.Process]:
    """The processes that hold the function `function` now; each serves one invocation at a time."""
    with suppress(psutil.NoSuchProcess):
        for child in psutil.Process(stack.emulator.process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                if child.environ().get(NAME) == f"{PREFIX}{function}":
                    yield child


def kill(stack: LocalStack, *functions: str) -> int:
    """Kill every process of these functions with SIGKILL; how many there were."""
    killed = 0
    for function in functions:
        for process in processes(stack, function):
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
                killed += 1
    return killed
