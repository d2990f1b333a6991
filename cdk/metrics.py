"""The metrics that are watched: those that AWS keeps of each part, and those that the functions write."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk.aws_cloudwatch import Metric

from cdk.stages import Stage
from marketflow.sources.catalog import SourceSpec

MINUTE, FIVE_MINUTES, HOUR, DAY = Duration.minutes(1), Duration.minutes(5), Duration.hours(1), Duration.days(1)


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
