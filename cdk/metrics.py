"""The metrics that are watched: those that AWS keeps of each part, and those that the functions write."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk.aws_cloudwatch import Metric

from cdk.stages import Stage
from marketflow.sources.catalog import SourceSpec

MINUTE, FIVE_MINUTES, HOUR, DAY = Duration.minutes(1), Duration.minutes(5), Duration.hours(1), Duration.days(1)


def function_metric(
    stage: Stage, name: str, metric: str, statistic: str = "Sum", *, period: Duration = FIVE_MINUTES
) -> Metric:
    """A metric that Lambda keeps for one function."""
    dimensions = {"FunctionName": stage.resource(name)}
    return _metric("AWS/Lambda", metric, dimensions, statistic, period)


def account_metric(metric: str) -> Metric:
    """A metric that Lambda keeps for all functions of the account in the region."""
    return _metric("AWS/Lambda", metric, {}, "Sum", FIVE_MINUTES)


def queue_metric(
    stage: Stage, name: str, metric: str, statistic: str = "Maximum", *, period: Duration = FIVE_MINUTES
) -> Metric:
    """A metric that SQS keeps for one queue."""
    return _metric("AWS/SQS", metric, {"QueueName": stage.resource(name)}, statistic, period)


def api_metric(stage: Stage, metric: str, statistic: str = "Sum", *, period: Duration = FIVE_MINUTES) -> Metric:
    """A metric that API Gateway keeps for the API."""
    return _metric("AWS/ApiGateway", metric, {"ApiName": stage.resource("api")}, statistic, period)


def database_metric(stage: Stage, metric: str, statistic: str = "Average") -> Metric:
    """A metric that RDS keeps for the instance."""
    dimensions = {"DBInstanceIdentifier": stage.resource("database")}
    return _metric("AWS/RDS", metric, dimensions, statistic, FIVE_MINUTES)


def proxy_metric(stage: Stage, metric: str, statistic: str = "Maximum") -> Metric:
    """A metric that RDS Proxy keeps: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy.monitoring.html."""
    return _metric("AWS/RDS", metric, {"ProxyName": stage.resource("proxy")}, statistic, FIVE_MINUTES)


def log_metric(group: str, metric: str) -> Metric:
    """A metric that CloudWatch Logs keeps for one log group, by day."""
    return _metric("AWS/Logs", metric, {"LogGroupName": group}, "Sum", DAY)


def fetch_metric(
    stage: Stage, source: SourceSpec, metric: str, statistic: str = "Sum", *, period: Duration = FIVE_MINUTES
) -> Metric:
    """A metric that the fetcher of `source` writes into its log (marketflow.observability)."""
    dimensions = {"service": f"fetch-{source.name}", "source": source.name}
    return _metric(stage.metrics_namespace, metric, dimensions, statistic, period)


def audit_metric(
    stage: Stage, source: SourceSpec, metric: str, statistic: str = "Maximum", *, period: Duration = FIVE_MINUTES
) -> Metric:
    """A number that the auditor writes into its log at each look (marketflow.observability)."""
    dimensions = {"service": "audit", "source": source.name}
    return _metric(stage.metrics_namespace, metric, dimensions, statistic, period)


def stale_metric(stage: Stage, *, period: Duration) -> Metric:
    """The share of the auditor's looks at which some source was beyond its target (marketflow.observability)."""
    return _metric(stage.metrics_namespace, "Stale", {"service": "audit"}, "Average", period)


def rows_metric(stage: Stage, metric: str, *, period: Duration = FIVE_MINUTES) -> Metric:
    """A metric that the ETL function writes into its log (marketflow.observability)."""
    return _metric(stage.metrics_namespace, metric, {"service": "etl"}, "Sum", period)


def retire_metric(stage: Stage, metric: str) -> Metric:
    """A number that each run of the retirement writes into its log (marketflow.observability), a day's largest."""
    return _metric(stage.metrics_namespace, metric, {"service": "retire"}, "Maximum", DAY)


def _metric(namespace: str, name: str, dimensions: dict[str, str], statistic: str, period: Duration) -> Metric:
    return Metric(namespace=namespace, metric_name=name, dimensions_map=dimensions, statistic=statistic, period=period)
