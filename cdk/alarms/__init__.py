"""Every alarm as data, made from the stage and the source catalogue: a new source gets its alarms from its row."""

from __future__ import annotations

from collections.abc import Iterator

from cdk.alarms.alarm import Alarm
from cdk.alarms.sources import of_sources
from cdk.alarms.stores import of_database, of_retirement
from cdk.alarms.work import of_work
from cdk.metrics import api_metric, rows_metric
from cdk.stages import Stage


def alarms(stage: Stage) -> Iterator[Alarm]:
    """All alarms of the stage."""
    yield from of_work(stage)
    yield Alarm(
        name="api-server-errors",
        help="The API answered 5xx. Look for its request ids in the access log and the function's log.",
        metric=api_metric(stage, "5XXError"),
        threshold=stage.alarms.server_errors,
    )
    yield Alarm(
        name="absurd-move",
        help=(
            "A price too far from the one before it was held back and is not served; the ETL's log names it (absurd "
            "move held back). Wrong: nothing to do, a corrected answer takes its place, or a backfill fetches one. "
            "Real: raise max_moves in cdk.json, deploy, and replay its day. docs/runbook/absurd-move.md says how."
        ),
        metric=rows_metric("MovesHeld"),
    )
    yield from of_sources()
    if stage.history_months is not None:
        yield from of_retirement()
    if stage.database is not None:
        yield from of_database(stage, gigabytes=stage.database.storage)
