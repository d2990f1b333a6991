"""The auditor of gaps: a function on two schedules."""

from __future__ import annotations

from constructs import Construct

from cdk.access import DatabaseAccess, DatabaseRole
from cdk.constructs.code import Code
from cdk.constructs.function import Function
from cdk.constructs.queue import secure_queue
from cdk.constructs.ticks import TICK_MAX_AGE, Ticks
from cdk.stages import Stage

SCHEDULES = {
    "recent": ("cron(* * * * ? *)", "Gaps of the last hours, and their repair"),
    "deep": ("cron(17 3 * * ? *)", "Gaps since the first candle, and what is forgotten"),
}
"""What each look is called, when it takes place (UTC), and what it is for."""


class Audit(Construct):
    """`audit` looks for gaps in the database and writes commands for their repair into the data bucket."""

    def __init__(
        self, scope: Construct, construct_id: str, *, stage: Stage, code: Code, database: DatabaseAccess, bucket: str
    ) -> None:
        super().__init__(scope, construct_id)
        self.missed = secure_queue(self, "Missed", stage=stage, name="audit-dlq")
        self.audit = Function(
            self,
            "Audit",
            stage=stage,
            code=code,
            folder="audit",
            name="audit",
            size=stage.functions.audit,
            environment={"DATABASE_URL": database.url(DatabaseRole.WRITER), "DATA_BUCKET": bucket},
            network=database.network,
            # The next tick does what this one could not; a second one beside it would only be in its way.
            background={"dead_letter_queue": self.missed, "retry_attempts": 0, "max_event_age": TICK_MAX_AGE},
        )
        database.grant_connect(self.audit.role, DatabaseRole.WRITER)
        ticks = Ticks(self, function=self.audit, missed=self.missed)
        for scope_name, (expression, description) in SCHEDULES.items():
            ticks.add(
                f"Schedule-{scope_name}",
                name=stage.resource("audit", scope_name),
                description=description,
                expression=expression,
                order={"scope": scope_name},
            )
