"""How a fetcher stands with its source after a run: pure rules from what happened to what it may do next."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from marketflow.domain.fetching import Verdict
from marketflow.domain.state import DatasetState, SourceState
from marketflow.errors import RetryLaterError, SourceBlockedError

FIRST_PAUSE = timedelta(minutes=1)
BLOCKED_PAUSE = timedelta(minutes=15)
LONGEST_PAUSE = timedelta(hours=6)
BACKGROUND_SHARE = 2
"""What is not urgent may take one part in so many of a source's rate and of its budget: the schedule has the rest."""

BUDGET_WINDOW = timedelta(minutes=1)
"""The time for which every budget that a source tells of counts."""

UNAVAILABLE_PAUSE = timedelta(hours=6)
"""A symbol that the source did not know is asked again after this: names come back after halts and renamings."""


@dataclass(slots=True)
class Outcome:
    """What one run saw of one source, gathered while it runs."""

    started_at: datetime
    complete: dict[str, bool] = field(default_factory=dict)
    asked: dict[str, frozenset[str]] = field(default_factory=dict)
    next_due: dict[str, datetime] = field(default_factory=dict)
    good_symbols: set[str] = field(default_factory=set)
    unavailable: set[str] = field(default_factory=set)
    stop: RetryLaterError | SourceBlockedError | None = None
    busy_until: datetime | None = None
    succeeded: int = 0

    def note_budget(self, verdict: Verdict, received_at: datetime) -> None:
        """Keep background work away until the source's next minute once the schedule's share would be touched."""
        used, limit = verdict.budget_used, verdict.budget_limit
        if used is not None and limit is not None and used * BACKGROUND_SHARE >= limit:
            until = received_at.replace(second=0, microsecond=0) + BUDGET_WINDOW
            self.busy_until = max(self.busy_until or until, until)


def next_state(state: SourceState, outcome: Outcome) -> SourceState:
    """The state after a run; commutes with the changes of a run of other datasets at the same time."""
    now = outcome.started_at
    datasets = dict(state.datasets)
    for name, complete in outcome.complete.items():
        before = state.dataset(name)
        asked = outcome.asked.get(name, before.symbols)
        # Who was unknown got no answer: the symbol joins anew when it is known again, and brings what it missed.
        answered = None if asked is None else asked - outcome.unavailable
        datasets[name] = DatasetState(
            last_complete_at=now if complete else before.last_complete_at,
            next_due_at=outcome.next_due.get(name, None if complete else before.next_due_at),
            symbols=answered if complete else before.symbols,
        )
    unavailable = {
        symbol: until
        for symbol, until in state.unavailable.items()
        if until > now and symbol not in outcome.good_symbols
    } | dict.fromkeys(outcome.unavailable, now + UNAVAILABLE_PAUSE)
    busy = [moment for moment in (state.busy_until, outcome.busy_until) if moment is not None]
    changed = state.model_copy(
        update={"datasets": datasets, "unavailable": unavailable, "busy_until": max(busy, default=None)}
    )
    if outcome.stop is not None:
        return _sent_away(changed, outcome.stop, now)
    if outcome.succeeded:
        return changed.model_copy(update={"not_before": None, "reason": None, "strikes": 0})
    return changed


def _sent_away(state: SourceState, error: RetryLaterError | SourceBlockedError, now: datetime) -> SourceState:
    """The source told us to go away: stay away for as long as it said, and twice as long each further time."""
    blocked = isinstance(error, SourceBlockedError)
    pause = min((BLOCKED_PAUSE if blocked else FIRST_PAUSE) * 2**state.strikes, LONGEST_PAUSE)
    until = now + pause
    if isinstance(error, RetryLaterError) and error.not_before is not None:
        until = max(until, error.not_before) if state.strikes else error.not_before
    return state.model_copy(update={"not_before": until, "reason": str(error), "strikes": min(state.strikes + 1, 10)})
