"""The live status below a running stack: rewritten in place on a terminal, one line for each delivery elsewhere."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from typing import TextIO

import httpx

from local.processes import LocalError
from local.stack import LocalStack
from local.status import SourceStatus, read_status

ASK_SECONDS = 10.0
"""Each question is an invocation in the API's log, among those of the person who looks at it."""

CHECK_SECONDS = 0.5


class Display:
    """Shows statuses on `out`."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._rewrites = out.isatty()
        self._lines = 0
        self._shown: dict[str, tuple[datetime | None, str | None]] = {}

    def say(self, text: str) -> None:
        """Print a message that stays."""
        self._out.write(f"{text}\n")
        self._lines = 0

    def show(self, statuses: list[SourceStatus], now: datetime) -> None:
        """Bring the display up to date."""
        if self._rewrites:
            back = f"\x1b[{self._lines}F" if self._lines else ""
            # Each line is cut at the terminal's edge by switching its wrapping off: a wrapped line cannot be rewritten.
            lines = "".join(f"\x1b[2K{status.line(now)}\n" for status in statuses)
            self._out.write(f"\x1b[?7l{back}{lines}\x1b[?7h")
            self._lines = len(statuses)
        else:
            for status in statuses:
                news = (status.delivered_at, status.trouble)
                if self._shown.get(status.source) != news:
                    self._shown[status.source] = news
                    self._out.write(f"{status.line(now)}\n")
        self._out.flush()


def watch(stack: LocalStack) -> None:
    """Show the status until a part of the stack dies that cannot be revived: raises LocalError with the reason then."""
    display, statuses, asked = Display(sys.stdout), [], 0.0
    while True:
        if news := stack.revive_database():
            display.say(news)
        stack.check()
        if time.monotonic() - asked > ASK_SECONDS:
            asked = time.monotonic()
            try:
                statuses = read_status(stack.facts.api_url)
            except (httpx.HTTPError, LocalError, ValueError):
                # Whether a part has died is for `check` to say; anything else is over at the next question.
                continue
        display.show(statuses, datetime.now(UTC))
        time.sleep(CHECK_SECONDS)
