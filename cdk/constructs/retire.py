"""What exports old months and drops them: a function on a daily schedule."""

from __future__ import annotations

from constructs import Construct

from cdk.access import DatabaseAccess, DatabaseRole
from cdk.constructs.code import Code
from cdk.constructs.function import Function
from cdk.constructs.queue import secure_queue
from cdk.constructs.ticks import TICK_MAX_AGE, Ticks
from cdk.stages import Stage

DAILY = "cron(41 4 * * ? *)"
"""When the look at all gaps is over (UTC)."""


class Retire(Construct):
    """`retire` keeps this month and `months` before it in the database; older ones go into `bucket`."""

    def __init__(  # noqa: PLR0913 - each is a fact of its own
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        code: Code,
        database: DatabaseAccess,
        bucket: str,
        months: int,
    ) -> None:
        super().__init__(scope, construct_id)
        self.missed = secure_queue(self, "Missed", stage=stage, name="retire-dlq")
        self.retire = Function(
            self,
            "Retire",
            stage=stage,
            code=code,
            folder="retire",
            name="retire",
            size=stage.functions.retire,
            layers=("core", "parquet"),
            environment={
                "DATABASE_URL": database.url(DatabaseRole.WRITER),
                "DATA_BUCKET": bucket,
                "HISTORY_MONTHS": str(months),
            },
            network=database.network,
            # What a run leaves the next one goes on with.
            background={"dead_letter_queue": self.missed, "retry_attempts": 0, "max_event_age": TICK_MAX_AGE},
        )
        database.grant_connect(self.retire.role, DatabaseRole.WRITER)
        Ticks(self, function=self.retire, missed=self.missed).add(
            "Schedule",
            name=stage.resource("retire"),
            description="Months ahead are made, old ones exported and dropped",
            expression=DAILY,
            order={},
        )
