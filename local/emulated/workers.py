"""Processes of functions that fail alone.

When a process of a function does not start, MiniStack ends every other one of the function too, those at work and those
that are being started, which then fail in the same way: under load a function that failed once never came back. An
execution environment of AWS fails alone, and so it does here.
"""

from __future__ import annotations

import shutil
import sys
from typing import Any

from ministack.core import lambda_runtime as runtime
from ministack.services import lambda_svc

_end_all = lambda_svc.invalidate_worker


def install() -> None:
    """Replace what MiniStack does when an invocation fails."""
    lambda_svc.invalidate_worker = end_failed


def end_failed(name: str, **scope: Any) -> None:  # noqa: ANN401 - MiniStack has no types
    """While an invocation fails, take out the function's processes that are not there; else end all, as told."""
    if sys.exc_info()[0] is None:
        _end_all(name, **scope)
        return
    with runtime._lock:
        for workers in runtime._workers.values():
            gone = [worker for worker in workers if worker.func_name == name and is_gone(worker)]
            workers[:] = [worker for worker in workers if worker not in gone]
            for worker in gone:
                shutil.rmtree(worker._tmpdir, ignore_errors=True)


def is_gone(worker: Any) -> bool:  # noqa: ANN401 - the same
    """Whether a process was started and has ended; one that is being started, or at work, holds its lock."""
    tried = worker._tmpdir is not None and not worker._lock.locked()
    return tried and (worker._proc is None or worker._proc.poll() is not None)
