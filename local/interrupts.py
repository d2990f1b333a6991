"""Ctrl-C and SIGTERM as an exception that never falls between the start of a process and the note to stop it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """Somebody asked this program to stop; like KeyboardInterrupt it is no error that an `except Exception` may eat."""


class _Interrupts:
    """`held` counts the sections that must not be cut; `pending` says that a signal came during one."""

    held = 0
    pending = False


def _receive(_signal: int, _frame: FrameType | None) -> None:
    if _Interrupts.held:
        _Interrupts.pending = True
    else:
        _stop()


def _stop() -> NoReturn:
    # Once is enough: a second signal must not cut the stopping short and leave something running.
    ignore()
    raise Stopped


def listen() -> None:
    """From now on the first signal that asks a program to stop raises Stopped in the main thread."""
    for sign in SIGNALS:
        signal.signal(sign, _receive)


def ignore() -> None:
    """From now on they do nothing: for the few seconds in which everything is being stopped."""
    for sign in SIGNALS:
        signal.signal(sign, signal.SIG_IGN)


@contextmanager
def held() -> Iterator[None]:
    """Put off Stopped until the end of the section."""
    _Interrupts.held += 1
    try:
        yield
    finally:
        _Interrupts.held -= 1
    if _Interrupts.pending and not _Interrupts.held:
        _Interrupts.pending = False
        _stop()
