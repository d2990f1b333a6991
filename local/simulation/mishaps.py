"""What breaks between the parts: every kind by name, drawn from the seed, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from random import Random

MISHAPS: dict[str, str] = {
    "message_duplicated": "SQS delivers a message twice.",
    "message_delayed": "A message becomes visible only minutes later.",
    "message_reordered": "A receive takes its messages in another order than they were sent.",
    "message_lost_then_redelivered": "A receive is answered, the answer is lost; the messages come back.",
    "send_refused": "SendMessageBatch fails for one of its entries.",
    "send_refused_but_taken": "SendMessageBatch says that an entry failed, and took it.",
    "poison_message": "Something that is no message of ours stands in the queue.",
    "body_claimed": "A message travels without its body, which is claimed from the archive.",
    "partial_batch_failure": "The database gives up one statement of a batch.",
    "visibility_expired": "A worker takes longer than the visibility timeout, and another gets its messages.",
    "etl_crash_before_commit": "The ETL ends before its statement.",
    "etl_crash_after_commit": "The ETL ends between its statement and the delete.",
    "database_unavailable": "No connection is to be had for one message.",
    "database_session_killed": "The server ends the loader's session.",
    "database_reply_lost": "A statement is committed, its reply lost, and it is sent again.",
    "database_restarted": "The whole server is stopped and started.",
    "fetcher_crash_before_archive": "The fetcher ends with an answer in its hands.",
    "fetcher_crash_after_archive": "The fetcher ends when everything is archived and nothing published.",
    "fetcher_crash_after_publish": "The fetcher ends between the messages and its state.",
    "state_conflict": "S3 refuses the state because somebody else wrote it.",
    "no_answer": "A host of a vendor cannot be reached.",
    "slow_answer": "An answer takes many seconds.",
    "absurd_number": "One price of an answer is a hundred times too big or too small.",
    "tick_missed": "The schedule pauses for minutes.",
    "schedule_stopped": "The schedule stops for hours.",
    "tick_doubled": "The schedule fires twice.",
    "clock_forward": "The fetcher's clock steps forward.",
    "clock_back": "The fetcher's clock steps back a little.",
}
"""Each of them with what it does; the vendors' own faults are in local/simulator/fault_table.py."""


class Crash(BaseException):
    """The process ends here. Nothing in the pipeline may catch it."""


class Mishaps:
    """Draws from `seed` whether one happens. Each kind has a stream of its own: none shifts another."""

    def __init__(self, seed: int, rates: Mapping[str, float]) -> None:
        self._seed = seed
        self._rates = rates
        self._streams: dict[str, Random] = {}
        self.counts: Counter[str] = Counter()
        self.active = True

    def strikes(self, name: str) -> bool:
        """Whether `name` happens now; counted if so. Never once things are left to come to rest."""
        rate = self._rates.get(name, 0.0)
        if not self.active or rate == 0.0 or self._stream(name).random() >= rate:
            return False
        self.counts[name] += 1
        return True

    def between(self, name: str, low: float, high: float) -> float:
        """A number in [low, high) from the stream of `name`."""
        return self._stream(name).uniform(low, high)

    def below(self, name: str, count: int) -> int:
        """A whole number in [0, count) from the stream of `name`."""
        return self._stream(name).randrange(count)

    def crash_if(self, name: str) -> None:
        """Raise Crash when `name` happens now."""
        if self.strikes(name):
            raise Crash(name)

    def _stream(self, name: str) -> Random:
        stream = self._streams.get(name)
        if stream is None:
            stream = self._streams[name] = Random(f"{self._seed}:{name}")  # noqa: S311 - a simulation repeats itself
        return stream
