"""Every alarm as data, made from the stage and the source catalogue: a new source gets its alarms from its row.

An alarm is about a symptom that an operator has to act on. Each has a section in docs/runbook/alarms.md.
"""

from __future__ import annotations

from collections.abc import Iterator

from cdk.alarms.alarm import Alarm, CompositeAlarm
from cdk.alarms.api import of_api
from cdk.alarms.budgets import composites as composites
from cdk.alarms.budgets import of_budgets
from cdk.alarms.sources import of_sources
from cdk.alarms.stores import of_database, of_retirement
from cdk.alarms.work import of_work
from cdk.stages import Stage

__all__ = ["Alarm", "CompositeAlarm", "alarms", "composites"]


def alarms(stage: Stage) -> Iterator[Alarm]:
    """All alarms of the stage but those that are made of others (`composites`)."""
    yield from of_work(stage)
    yield from of_api(stage)
    yield from of_sources(stage)
    if stage.history_months is not None:
        yield from of_retirement(stage)
    if stage.database is not None:
        yield from of_database(stage, stage.database)
    yield from of_budgets(stage)
