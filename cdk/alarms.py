"""Every alarm as data, made from the stage and the source catalogue: a new source gets its alarms from its row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from aws_cdk import Duration
from aws_cdk.aws_cloudwatch import ComparisonOperator, Metric, TreatMissingData

from cdk.stages import Stage
from marketflow.sources.catalog import CATALOG, SourceSpec

MINUTE, FIVE_MINUTES, HOUR, DAY = Duration.minutes(1), Duration.minutes(5), Duration.hours(1), Duration.days(1)
SECONDS_A_HOUR = 3600
BACKFILL_AGE = 24 * SECONDS_A_HOUR
"""How many seconds a task may wait: a backfill takes what the schedule leaves of its source, and that may be hours."""


OVERDUE_DAYS = 5
"""A month of many symbols takes some days, one run after the other."""


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """Rings when `metric` is above (`below`: under) `threshold` in each of `periods` periods; `help` says what to do.

    `silence_rings`: no data at all is what the alarm is for.
    """

    name: str
    help: str
    metric: Metric
    threshold: float = 0
    below: bool = False
    periods: int = 1
    silence_rings: bool = False

    @property
    def comparison(self) -> ComparisonOperator:
        """The comparison as CloudWatch names it."""
        return ComparisonOperator.LESS_THAN_THRESHOLD if self.below else ComparisonOperator.GREATER_THAN_THRESHOLD

    @property
    def missing_data(self) -> TreatMissingData:
        """What a period without data counts as."""
        return TreatMissingData.BREACHING if self.silence_rings else TreatMissingData.NOT_BREACHING


def functions(stage: Stage) -> list[str]:
    """The deployed functions, without the stage's prefix."""
    return [
        *(f"fetch-{name}" for name in CATALOG),
        "etl",
        "migrate",
        "api",
        "admin",
        "keys",
        "token",
        "dispatch",
        "audit",
        *_retires(stage),
    ]


def _retires(stage: Stage) -> list[str]:
    """The function that retires months, where the stage does not keep all of them."""
    return [] if stage.history_months is None else ["retire"]


def work_queues() -> list[str]:
    """The queues that a function reads, without the stage's prefix."""
    return ["payloads", "commands", *_task_queues()]


def _task_queues() -> list[str]:
    """The queues in which backfills wait by intention."""
    return [f"tasks-{name}" for name in CATALOG]


def dead_letter_queues(stage: Stage) -> list[str]:
    """The queues that ought to be empty, without the stage's prefix."""
    ticked = (*(f"fetch-{name}" for name in CATALOG), "migrate", "audit", *_retires(stage))
    return [f"{name}-dlq" for name in (*work_queues(), *ticked)]


def function_metric(stage: Stage, name: str, metric: str, statistic: str = "Sum") -> Metric:
    """A metric that Lambda keeps for one function."""
    dimensions = {"FunctionName": stage.resource(name)}
    return _metric("AWS/Lambda", metric, dimensions, statistic=statistic)


def queue_metric(stage: Stage, name: str, metric: str) -> Metric:
    """A metric that SQS keeps for one queue: the largest value in five minutes."""
    return _metric("AWS/SQS", metric, {"QueueName": stage.resource(name)}, statistic="Maximum")


def api_metric(stage: Stage, metric: str, statistic: str = "Sum") -> Metric:
    """A metric that API Gateway keeps for the API."""
    return _metric("AWS/ApiGateway", metric, {"ApiName": stage.resource("api")}, statistic=statistic)


def database_metric(stage: Stage, metric: str, statistic: str = "Average") -> Metric:
    """A metric that RDS keeps for the instance."""
    dimensions = {"DBInstanceIdentifier": stage.resource("database")}
    return _metric("AWS/RDS", metric, dimensions, statistic=statistic)


def source_metric(source: SourceSpec, metric: str, period: Duration = FIVE_MINUTES) -> Metric:
    """A metric that the fetcher of `source` writes into its log (marketflow.observability)."""
    dimensions = {"service": f"fetch-{source.name}", "source": source.name}
    return _metric("MarketFlow", metric, dimensions, statistic="Sum", period=period)


def gaps_metric(source: SourceSpec, metric: str) -> Metric:
    """A number that the auditor writes into its log at each look (marketflow.observability)."""
    return _metric("MarketFlow", metric, {"service": "audit", "source": source.name}, statistic="Maximum")


def rows_metric(metric: str) -> Metric:
    """A metric that the ETL function writes into its log (marketflow.observability)."""
    return _metric("MarketFlow", metric, {"service": "etl"}, statistic="Sum")


def retire_metric(metric: str) -> Metric:
    """A number that each run of the retirement writes into its log (marketflow.observability), a day's largest."""
    return _metric("MarketFlow", metric, {"service": "retire"}, statistic="Maximum", period=DAY)


def _metric(
    namespace: str, name: str, dimensions: dict[str, str], *, statistic: str, period: Duration = FIVE_MINUTES
) -> Metric:
    return Metric(namespace=namespace, metric_name=name, dimensions_map=dimensions, statistic=statistic, period=period)


def alarms(stage: Stage) -> Iterator[Alarm]:
    """All alarms of the stage."""
    for name in dead_letter_queues(stage):
        yield Alarm(
            name=f"{name}-not-empty",
            help="Work failed for good. Read the message and the function's log, mend the cause, then redrive.",
            metric=queue_metric(stage, name, "ApproximateNumberOfMessagesVisible"),
        )
    for name in work_queues():
        yield Alarm(
            name=f"{name}-old",
            help="Work waits too long: its function fails, is throttled, or has too little concurrency.",
            metric=queue_metric(stage, name, "ApproximateAgeOfOldestMessage"),
            threshold=BACKFILL_AGE if name in _task_queues() else stage.alarms.queue_age,
        )
    for name in functions(stage):
        yield Alarm(
            name=f"{name}-errors",
            help=f"The function failed. Its log is /aws/lambda/{stage.resource(name)}.",
            metric=function_metric(stage, name, "Errors"),
            periods=2,
        )
        yield Alarm(
            name=f"{name}-throttles",
            help="Lambda refused invocations: raise the account's concurrency limit.",
            metric=function_metric(stage, name, "Throttles"),
        )
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
    for source in CATALOG.values():
        if source.schedules:
            yield _freshness(source)
        if source.series:
            yield from _gaps(source)
    if stage.history_months is not None:
        yield from _retirement()
    if stage.database is not None:
        yield from _database(stage, gigabytes=stage.database.storage)


def _freshness(source: SourceSpec) -> Alarm:
    """Nothing was fetched for as long as the catalogue lets the data age. CloudWatch counts hours beyond an hour."""
    hourly = source.freshness_target_seconds > SECONDS_A_HOUR
    period = HOUR if hourly else MINUTE
    return Alarm(
        name=f"{source.name}-stale",
        help=f"{source.title} delivered nothing. The fetcher's log says why, and /v1/ready when it is asked next.",
        metric=source_metric(source, "FetchSucceeded", period),
        threshold=1,
        below=True,
        periods=ceil(source.freshness_target_seconds / period.to_seconds()),
        silence_rings=True,
    )


def _gaps(source: SourceSpec) -> Iterator[Alarm]:
    yield Alarm(
        name=f"{source.name}-gaps-unexplained",
        help=f"Candles of {source.title} are missing for more than three intervals, and fetching them again takes long "
        "or did not begin, or nobody looked. /v1/coverage says which; the auditor's log says what was begun.",
        metric=gaps_metric(source, "GapsUnexplained"),
        periods=3,
        silence_rings=True,
    )
    yield Alarm(
        name=f"{source.name}-repairs-given-up",
        help=f"Candles of {source.title} are missing after three repairs. GET /v1/backfills shows what came of those; "
        "mend the cause, then begin a backfill of the time, which closes the gap.",
        metric=gaps_metric(source, "RepairsGivenUp"),
    )


def _retirement() -> Iterator[Alarm]:
    yield Alarm(
        name="month-kept",
        help="A month is too old and cannot be exported: it stays in the database, with those behind it. The log of "
        "the function retire says why (month kept); docs/runbook/history.md says what to do.",
        metric=retire_metric("MonthsKept"),
    )
    yield Alarm(
        name="retirement-overdue",
        help="The oldest month ought to have been retired days ago, or nothing tried: the function retire fails, or "
        "one run a day is not enough. Its log says how far it came; docs/runbook/history.md says what to do.",
        metric=retire_metric("OverdueDays"),
        threshold=OVERDUE_DAYS,
        periods=2,
        silence_rings=True,
    )


def _database(stage: Stage, *, gigabytes: int) -> Iterator[Alarm]:
    yield Alarm(
        name="database-storage-low",
        help="Less than a tenth of the storage is free: raise max_storage in cdk.json.",
        metric=database_metric(stage, "FreeStorageSpace", "Minimum"),
        threshold=gigabytes * 10**9 / 10,
        below=True,
    )
    yield Alarm(
        name="database-busy",
        help="The database computes all the time: look at Performance Insights, or take a larger instance.",
        metric=database_metric(stage, "CPUUtilization"),
        threshold=90,
        periods=3,
    )
