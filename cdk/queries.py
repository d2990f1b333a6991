"""Questions to the logs as data: saved in CloudWatch Logs Insights, some of them shown on the dashboards.

A name in capitals (`THE_ID`) is to be replaced before a query is run. docs/runbook/alarms.md says when to ask which.
Language: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html.
"""

from __future__ import annotations

from dataclasses import dataclass

from cdk.parts import functions
from cdk.stages import Stage
from marketflow.sources.catalog import CATALOG

FETCHERS = tuple(f"fetch-{name}" for name in CATALOG)
ACCESS = "api-access"
"""The gateway's access log (cdk/constructs/api_stage.py); every other log is that of a function."""

API = ("api", "admin", "keys")
EVERY = "*"
"""The logs of every function."""


@dataclass(frozen=True, kw_only=True)
class Query:
    """One question, its lines joined by `|`, to the logs of the parts `of`."""

    name: str
    of: tuple[str, ...]
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The query as Logs Insights takes it."""
        return "\n| ".join(self.lines)

    def log_groups(self, stage: Stage) -> list[str]:
        """The names of the log groups that it reads."""
        parts = functions(stage) if self.of == (EVERY,) else self.of
        return [log_group(stage, part) for part in parts]


def log_group(stage: Stage, part: str) -> str:
    """The log group of a function, or the access log."""
    return f"/marketflow/{stage.name}/{ACCESS}" if part == ACCESS else f"/aws/lambda/{stage.resource(part)}"


REQUESTS_BY_ROUTE = Query(
    name="requests by route and status",
    of=(ACCESS,),
    lines=(
        (
            "stats count(*) as requests, sum(status >= 400 and status < 500) as refused, sum(status >= 500) as failed,"
            " pct(milliseconds, 50) as p50, pct(milliseconds, 95) as p95, pct(milliseconds, 99) as p99 by method, route"
        ),
        "sort requests desc",
    ),
)
REQUESTS_BY_PLAN = Query(
    name="requests by plan",
    of=("api",),
    lines=(
        'filter message = "request"',
        (
            "stats count(*) as requests, sum(status >= 400 and status < 500) as refused, sum(status >= 500) as failed,"
            " pct(milliseconds, 99) as p99 by plan"
        ),
        "sort requests desc",
    ),
)
COLD_STARTS = Query(
    name="cold starts",
    of=(EVERY,),
    lines=(
        'filter @type = "REPORT"',
        (
            "stats count(*) as invocations, count(@initDuration) as cold_starts, pct(@initDuration, 50) as p50,"
            " pct(@initDuration, 99) as p99, max(@maxMemoryUsed) / 1000000 as megabytes by @log"
        ),
        "sort cold_starts desc",
    ),
)
REFUSED_ROWS = Query(
    name="refused rows by reason",
    of=("etl",),
    lines=(
        'filter message = "rows refused"',
        "stats sum(refused.rows) as rows, latest(refused.raw_key) as newest by refused.source, refused.reason",
        "sort rows desc",
    ),
)

QUERIES = (
    Query(
        name="one request by its id",
        of=(ACCESS, *API),
        lines=(
            "fields @timestamp, @log, message, method, path, status, milliseconds, error, user_agent, exception",
            'filter request_id = "THE_ID" or correlation_id = "THE_ID"',
            "sort @timestamp asc",
        ),
    ),
    Query(
        name="one correlation id from schedule to row",
        of=(EVERY,),
        lines=(
            (
                "fields @timestamp, service, level, message, fetch.requests, fetch.succeeded, load.raw_key,"
                " load.candles_written, load.prices_written, load.quarantined, reason"
            ),
            'filter correlation_id = "THE_ID"',
            "sort @timestamp asc",
        ),
    ),
    Query(
        name="errors by function",
        of=(EVERY,),
        lines=(
            'filter level = "ERROR" or level = "CRITICAL" or @message like /Task timed out|Runtime exited/',
            "stats count(*) as errors, latest(@timestamp) as last by service, message, exception_name",
            "sort errors desc",
        ),
    ),
    Query(
        name="messages that were not loaded",
        of=("etl", "dispatch", *FETCHERS),
        lines=(
            "fields @timestamp, service, message, error, reason, correlation_id",
            'filter message in ["message not loaded", "command not carried out", "task not done"]',
            "sort @timestamp desc",
            "limit 100",
        ),
    ),
    Query(
        name="slowest requests",
        of=(ACCESS,),
        lines=(
            "fields @timestamp, milliseconds, function_milliseconds, method, path, status, bytes, request_id, trace_id",
            "sort milliseconds desc",
            "limit 50",
        ),
    ),
    REQUESTS_BY_ROUTE,
    REQUESTS_BY_PLAN,
    Query(
        name="requests by key",
        of=(ACCESS,),
        lines=(
            (
                "stats count(*) as requests, sum(status = 429) as throttled, sum(status >= 400) as not_answered,"
                " latest(@timestamp) as last by api_key_id"
            ),
            "sort requests desc",
            "limit 50",
        ),
    ),
    Query(
        name="failed requests",
        of=(ACCESS,),
        lines=(
            "fields @timestamp, status, error, method, path, request_id, milliseconds",
            "filter status >= 500",
            "sort @timestamp desc",
            "limit 100",
        ),
    ),
    REFUSED_ROWS,
    Query(
        name="absurd moves",
        of=("etl",),
        lines=(
            "fields move.symbol, move.interval, move.moment, move.price, move.reference, move.raw_key",
            'filter message = "absurd move held back"',
            "sort @timestamp desc",
        ),
    ),
    Query(
        name="what the sources said",
        of=FETCHERS,
        lines=(
            (
                "fields @timestamp, fetch.source, fetch.succeeded, fetch.last_error, fetch.notice, fetch.next_due_at,"
                " fetch.budget_used, fetch.budget_limit, correlation_id"
            ),
            'filter message = "fetched" and (ispresent(fetch.last_error) or ispresent(fetch.notice))',
            "sort @timestamp desc",
            "limit 100",
        ),
    ),
    Query(
        name="what the auditor did",
        of=("audit",),
        lines=(
            "fields @timestamp, message, audit.scope, audit.series, audit.looked_at, audit.changed, reason, exception",
            'filter message in ["audited", "not audited"]',
            "sort @timestamp desc",
            "limit 100",
        ),
    ),
    COLD_STARTS,
)
