"""Readers over HTTP, through the emulated gateway: each with a key of its own, at a steady rate, whatever is answered.

The emulator adds about 50 ms to each invocation, so that these latencies say that things work and not how fast.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

import httpx

from local.load.figures import Sample
from local.load.mix import Ask

WIDTH = 8
TIMEOUT_SECONDS = 30.0
NO_ANSWER = 0


@dataclass(frozen=True, slots=True)
class Problem:
    """What a bad answer said: its status, its content type, and the beginning of its body."""

    status: int
    kind: str
    body: str


class Reader:
    """Asks in the background, `rate` times a second as long as its threads suffice; a context manager.

    `samples` count from when a request was due, `sends` say when each was sent (monotonic seconds) and its status.
    """

    def __init__(self, api_url: str, key: str, *, asks: Sequence[Ask], rate: float, name: str = "reader") -> None:
        self.name = name
        self.rate = rate
        self.samples: list[Sample] = []
        self.problems: list[Problem] = []
        self.sends: list[tuple[float, int]] = []
        self._asks = asks
        self._http = httpx.Client(
            base_url=api_url,
            headers={"x-api-key": key},
            timeout=TIMEOUT_SECONDS,
            trust_env=False,
            limits=httpx.Limits(max_connections=WIDTH),
        )
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(WIDTH, thread_name_prefix=name)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._etags: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        """Ask nothing more; what was asked is still waited for on leaving."""
        self._stop.set()

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._thread.join()
        self._pool.shutdown(wait=True)
        self._http.close()

    @property
    def seconds(self) -> float:
        """From the first request to the last."""
        return max(sample.due for sample in self.samples) - min(sample.due for sample in self.samples) or 1.0

    def faults(self, *allowed: int) -> list[str]:
        """A line for each bad answer with a status that is not allowed here, the first few of them."""
        bad = [one for one in self.problems if one.status not in allowed]
        return [f"{self.name}: {one.status} ({one.kind}) {one.body}" for one in bad[:5]]

    def _run(self) -> None:
        start, number = time.monotonic(), 0
        while not self._stop.wait(max(start + number / self.rate - time.monotonic(), 0.0)):
            self._pool.submit(self._ask, self._asks[number % len(self._asks)], start + number / self.rate)
            number += 1

    def _ask(self, ask: Ask, due: float) -> None:
        headers = {"If-None-Match": self._etags[ask.target]} if ask.target in self._etags and ask.unchanged else {}
        sent = time.monotonic()
        try:
            answer = self._http.get(ask.target, headers=headers)
        except httpx.TransportError:
            self.sends.append((sent, NO_ANSWER))
            self.samples.append(Sample(due, time.monotonic(), NO_ANSWER, expected=False))
            return
        if ask.unchanged and "etag" in answer.headers:
            self._etags[ask.target] = answer.headers["etag"]
        status = answer.status_code
        self.sends.append((sent, status))
        expected = status in (ask.status, 429) or (ask.unchanged and status == 200)
        self.samples.append(Sample(due, time.monotonic(), status, expected))
        if not expected:
            kind = answer.headers.get("content-type", "")
            self.problems.append(Problem(status, kind, answer.text[:200]))


def wait_for(condition: Callable[[], bool], *, seconds: float, pause: float = 0.25) -> bool:
    """Whether it became so before `seconds` passed."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return True
