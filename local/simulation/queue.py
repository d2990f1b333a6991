"""An SQS standard queue in memory, with its dead-letter queue and everything that it may do to a message.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/standard-queues.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from local.simulation.clock import SECOND, VirtualClock
from local.simulation.mishaps import Mishaps

VISIBILITY_SECONDS = 60
MAX_RECEIVES = 5
LONGEST_DELAY_SECONDS = 300.0


@dataclass(slots=True)
class Letter:
    """A message where it lies: hidden until `visible_at` (microseconds), handed out `receives` times."""

    number: int
    body: str
    visible_at: int
    receives: int = 0


@dataclass(frozen=True, slots=True)
class Received:
    """A message as a consumer has it: `receives` is its receipt, which a later receive makes stale."""

    number: int
    body: str
    receives: int


class MemoryQueue:
    """At least once, in any order. A message that was received too often moves to `dead`."""

    def __init__(self, clock: VirtualClock, mishaps: Mishaps) -> None:
        self._clock = clock
        self._mishaps = mishaps
        self._sent = 0
        self.letters: list[Letter] = []
        self.dead: list[Letter] = []
        self.accepted: list[str] = []

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        """SendMessageBatch: the entries that failed are named, and some of those were taken all the same."""
        del QueueUrl
        failed: list[dict[str, Any]] = []
        for entry in Entries:
            if self._mishaps.strikes("send_refused"):
                failed.append({"Id": entry["Id"], "SenderFault": False, "Code": "InternalError"})
                continue
            self.put(entry["MessageBody"], float(entry.get("DelaySeconds", 0)))
            if self._mishaps.strikes("send_refused_but_taken"):
                failed.append({"Id": entry["Id"], "SenderFault": False, "Code": "InternalError"})
        return {"Failed": failed}

    def put(self, body: str, delay: float = 0.0) -> None:
        """Take a message, perhaps twice, hidden for `delay` seconds and perhaps for a while longer."""
        self.accepted.append(body)
        for _ in range(2 if self._mishaps.strikes("message_duplicated") else 1):
            if self._mishaps.strikes("message_delayed"):
                delay += self._mishaps.between("message_delayed", 1.0, LONGEST_DELAY_SECONDS)
            self._sent += 1
            self.letters.append(Letter(self._sent, body, self._clock.micros + int(delay * SECOND)))

    def receive(self, limit: int = 10) -> list[Received]:
        """Hand out up to `limit` visible messages and hide them for the visibility timeout."""
        now = self._clock.micros
        visible = [letter for letter in self.letters if letter.visible_at <= now]
        if len(visible) > 1 and self._mishaps.strikes("message_reordered"):
            visible.sort(key=lambda letter: (self._mishaps.below("message_order", 1 << 30), letter.number))
        for letter in [one for one in visible if one.receives >= MAX_RECEIVES]:
            visible.remove(letter)
            self.letters.remove(letter)
            self.dead.append(letter)
        taken = visible[:limit]
        for letter in taken:
            letter.receives += 1
            letter.visible_at = now + VISIBILITY_SECONDS * SECOND
        if taken and self._mishaps.strikes("message_lost_then_redelivered"):
            return []
        return [Received(letter.number, letter.body, letter.receives) for letter in taken]

    def delete(self, received: Received) -> None:
        """Delete a message, unless somebody received it again since: then the receipt is stale and nothing happens."""
        held = next((letter for letter in self.letters if letter.number == received.number), None)
        if held is not None and held.receives == received.receives:
            self.letters.remove(held)

    def redrive(self) -> int:
        """Send every dead letter back, as an operator does; how many there were."""
        back, self.dead = self.dead, []
        self.letters += [replace(letter, receives=0, visible_at=self._clock.micros) for letter in back]
        return len(back)

    def seconds_to_next(self) -> float | None:
        """Until the next message is visible; None when the queue is empty."""
        if not self.letters:
            return None
        return max(0, min(letter.visible_at for letter in self.letters) - self._clock.micros) / SECOND
