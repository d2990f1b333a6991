"""Binance's request weight of one client: counted by the minute, 429 above the limit, 418 for those who go on."""

from __future__ import annotations

import threading
from typing import NamedTuple

WEIGHT_LIMIT = 6000
PATIENCE = 20
"""How many requests are let off with another 429 before the address is banned."""
_FIRST_BAN_MS = 120_000
_LONGEST_BAN_MS = 3 * 86_400_000
_MINUTE_MS = 60_000


class Charge(NamedTuple):
    """The outcome of one request: weight used this minute, status (200, 429, 418), and when it ends (epoch ms)."""

    used: int
    status: int
    until_ms: int


class Limiter:
    """The books for one client address. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._minute = 0
        self._used = 0
        self._ignored = 0
        self._limited_until = 0
        self._banned_until = 0
        self._ban_ms = _FIRST_BAN_MS

    def charge(self, now_ms: int, weight: int) -> Charge:
        """Count one request of `weight`."""
        with self._lock:
            minute = now_ms // _MINUTE_MS
            if minute != self._minute:
                self._minute, self._used = minute, 0
            if now_ms < self._banned_until:
                return Charge(self._used, 418, self._banned_until)
            self._used += weight
            if self._used > WEIGHT_LIMIT:
                self._limited_until = (minute + 1) * _MINUTE_MS
            if now_ms >= self._limited_until:
                self._ignored = 0
                return Charge(self._used, 200, now_ms)
            self._ignored += 1
            if self._ignored > PATIENCE:
                return self._ban_now(now_ms)
            return Charge(self._used, 429, self._limited_until)

    def limit(self, now_ms: int) -> Charge:
        """Answer 429 from now to the end of the minute."""
        with self._lock:
            self._limited_until = (now_ms // _MINUTE_MS + 1) * _MINUTE_MS
            return Charge(self._used, 429, self._limited_until)

    def ban(self, now_ms: int) -> Charge:
        """Answer 418 for two minutes, the next time for four, and so on up to three days."""
        with self._lock:
            return self._ban_now(now_ms)

    def _ban_now(self, now_ms: int) -> Charge:
        self._banned_until = now_ms + self._ban_ms
        self._ban_ms = min(2 * self._ban_ms, _LONGEST_BAN_MS)
        self._ignored = 0
        return Charge(self._used, 418, self._banned_until)
