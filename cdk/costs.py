"""What a day costs, reckoned from what was used and the list prices of bench/cost/prices.json.

AWS publishes the account's bill as a metric in us-east-1 only, as one running sum of the month for all that the account
has. This is the stage's own share, and no bill: no free tier, no traffic, no idle polling beyond what SQS counts.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

from aws_cdk.aws_cloudwatch import IMetric, MathExpression

from cdk.metrics import DAY, api_metric, database_metric, fetch_metric, function_metric, log_metric, queue_metric
from cdk.parts import dead_letter_queues, functions, work_queues
from cdk.queries import ACCESS, log_group
from cdk.stages import Database, Stage
from marketflow.sources.catalog import CATALOG

PRICES = Path(__file__).resolve().parents[1] / "bench" / "cost" / "prices.json"
DAYS_A_MONTH = 30.4
PROXY_VCPUS = 2
"""The fewest that a proxy is billed for."""

CALLS = ("NumberOfMessagesSent", "NumberOfMessagesReceived", "NumberOfMessagesDeleted", "NumberOfEmptyReceives")


def daily(stage: Stage) -> list[IMetric]:
    """USD a day of each service, one line each."""
    usd = {name: price["usd"] for name, price in json.loads(PRICES.read_text(encoding="utf-8"))["prices"].items()}
    lines = [_lambda(stage, usd), _queues(stage, usd), _logs(stage, usd), _archive(stage, usd), _api(stage, usd)]
    if stage.database is not None and f"rds.{stage.database.instance}.hour" in usd:
        lines.append(_database(stage, stage.database, usd))
    return lines


def _lambda(stage: Stage, usd: dict[str, float]) -> IMetric:
    """Functions of one size are added up before their memory is multiplied."""
    metrics: dict[str, IMetric] = {}
    by_memory: dict[int, list[str]] = defaultdict(list)
    for number, name in enumerate(functions(stage)):
        size = getattr(stage.functions, name.partition("-")[0])
        metrics[f"i{number}"] = function_metric(stage, name, "Invocations", period=DAY)
        metrics[f"d{number}"] = function_metric(stage, name, "Duration", period=DAY)
        by_memory[size.memory].append(f"d{number}")
    requests = ", ".join(name for name in metrics if name.startswith("i"))
    compute = " + ".join(
        f"FILL(SUM([{', '.join(names)}]), 0) * {memory / 1024 / 1000:.6f}" for memory, names in by_memory.items()
    )
    price, seconds = usd["lambda.request"], usd["lambda.arm.gb_second"]
    return _line("Lambda", f"SUM([{requests}]) * {price:.9f} + ({compute}) * {seconds:.9f}", metrics)


def _queues(stage: Stage, usd: dict[str, float]) -> IMetric:
    """Messages, though those sent and deleted together are fewer requests: at most this."""
    queues = (*work_queues(), *dead_letter_queues(stage))
    metrics = {
        f"q{number}": queue_metric(stage, name, call, "Sum", period=DAY)
        for number, (name, call) in enumerate((name, call) for name in queues for call in CALLS)
    }
    return _line("SQS, at most", f"SUM([{', '.join(metrics)}]) * {usd['sqs.request']:.9f}", dict(metrics))


def _logs(stage: Stage, usd: dict[str, float]) -> IMetric:
    groups = [log_group(stage, part) for part in (*functions(stage), ACCESS)]
    metrics = {f"l{number}": log_metric(group, "IncomingBytes") for number, group in enumerate(groups)}
    return _line("Logs", f"SUM([{', '.join(metrics)}]) / 1000000000 * {usd['logs.ingested_gb']}", dict(metrics))


def _archive(stage: Stage, usd: dict[str, float]) -> IMetric:
    """One object for each answer."""
    metrics = {
        f"s{number}": fetch_metric(stage, source, "FetchSucceeded", period=DAY)
        for number, source in enumerate(CATALOG.values())
    }
    return _line("S3: the archive's objects", f"SUM([{', '.join(metrics)}]) * {usd['s3.put']:.9f}", dict(metrics))


def _api(stage: Stage, usd: dict[str, float]) -> IMetric:
    metrics = {"requests": api_metric(stage, "Count", period=DAY)}
    return _line("API Gateway", f"requests * {usd['apigateway.rest.request']:.9f}", dict(metrics))


def _database(stage: Stage, database: Database, usd: dict[str, float]) -> IMetric:
    """The same every day; its metric only says on which days there was one."""
    zones = 2 if database.multi_az else 1
    instance = 24 * usd[f"rds.{database.instance}.hour"] + database.storage * usd["rds.gp3.gb_month"] / DAYS_A_MONTH
    proxy = 24 * PROXY_VCPUS * usd["rds.proxy.vcpu_hour"]
    processor = database_metric(stage, "CPUUtilization")
    return _line("RDS, used or not", f"0 * busy + {zones * instance + proxy:.2f}", {"busy": processor})


def _line(label: str, expression: str, metrics: dict[str, IMetric]) -> IMetric:
    return MathExpression(expression=expression, using_metrics=metrics, label=label, period=DAY)
