"""The auditor at the end of a run: it knows of every minute that is missing, and why."""

from __future__ import annotations

from datetime import datetime, timedelta

from local.simulation.checks import missing
from local.simulation.fetching import Scene
from marketflow.bootstrap import auditor_of
from marketflow.domain.auditing import Scope
from marketflow.domain.gaps import Reason
from marketflow.domain.jobs import Command
from marketflow.persistence.connection import Database

PATIENCE = timedelta(hours=2)
"""Later than this after the last answer nothing counts as still to come."""

_LEDGER = """
SELECT s.source_symbol, g.starts_at, g.ends_at, g.reason FROM gaps AS g JOIN symbols AS s ON s.id = g.symbol_id
WHERE g.interval = '1m' AND g.closed_at IS NULL
"""
_FIRST = """
SELECT s.source_symbol, min(c.open_time) FROM candles AS c JOIN symbols AS s ON s.id = c.symbol_id
WHERE c.interval = '1m' GROUP BY 1
"""


class _Nobody:
    """A look at all of the past begins nothing."""

    def give(self, command: Command) -> None:
        """Never called."""
        raise AssertionError(command)


def check(scene: Scene, database: Database) -> None:
    """Audit everything that is stored; every minute that is missing behind the first one has an entry with a reason."""
    later = scene.clock.now() + PATIENCE
    auditor = auditor_of(database, _Nobody(), lambda: later)
    auditor.run(Scope.DEEP, time_left=lambda: 3600.0)
    entries: dict[str, list[tuple[datetime, datetime, Reason]]] = {}
    for symbol, start, end, reason in database.query(_LEDGER):
        entries.setdefault(symbol, []).append((start, end, Reason(reason)))
    first = dict(database.query(_FIRST))
    for key in missing(scene):
        symbol, moment = key[1], key[3]
        if symbol not in first or moment < first[symbol]:
            continue
        if not any(start <= moment < end for start, end, _ in entries.get(symbol, ())):
            scene.log.violate(f"The ledger knows why {symbol} lacks its minute {moment}.", "an entry", "none")
