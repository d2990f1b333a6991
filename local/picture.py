"""What CloudWatch and SQS say of a stage: its last hour, its gaps, its queues and what rings. Local or deployed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from local.ringing import ringing
from marketflow.sources.catalog import CATALOG

HOUR = timedelta(hours=1)
PERIOD_SECONDS = 300
REPAIRS = {
    "GapsUnexplained": "unexplained",
    "RepairsQueued": "queued",
    "RepairsRunning": "being fetched",
    "RepairsGivenUp": "given up",
}
"""The auditor's numbers (marketflow.observability.audits), and how a person says them."""

WAITING = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One metric of CloudWatch and the statistic that is wanted of it."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    statistic: str = "Sum"


class Picture:
    """Reads the stage whose resources begin with `marketflow-<stage>-`, by boto3 clients of any session."""

    def __init__(self, *, stage: str, cloudwatch: Any, sqs: Any) -> None:  # noqa: ANN401 - boto3's own are untyped here
        self._stage = stage
        self._prefix = f"marketflow-{stage}-"
        self._cloudwatch = cloudwatch
        self._sqs = sqs

    def lines(self, now: datetime) -> Iterator[str]:
        """What to print, at `now` (UTC)."""
        yield from self._last_hour(now)
        yield self._gaps(now)
        counts = self._counts()
        yield f"Queues:       {_several({name: count for name, count in counts.items() if not name.endswith('-dlq')})}"
        yield f"Dead letters: {_several({name: count for name, count in counts.items() if name.endswith('-dlq')})}"
        rings = ringing(self._cloudwatch, self._prefix)
        yield f"Alarms:       {f'{len(rings)} ring' if rings else 'none rings'}"
        for one in rings:
            yield f"  {one.line(now)}"
            yield f"    {one.help}"

    def _last_hour(self, now: datetime) -> Iterator[str]:
        api = {"ApiName": f"{self._prefix}api"}
        ours = f"MarketFlow/{self._stage}"
        asked = {
            **{name: Asked(namespace="AWS/ApiGateway", name=name, dimensions=api) for name in _OF_API},
            "Latency": Asked(namespace="AWS/ApiGateway", name="Latency", dimensions=api, statistic="p95"),
            **{name: Asked(namespace=ours, name=name, dimensions={"service": "etl"}) for name in _OF_ROWS},
        }
        found = self._values(asked, start=now - HOUR, end=now)
        total = {name: round(sum(values)) for name, values in found.items()}
        slowest = f"; 95 % within {max(found['Latency']):.0f} ms at worst" if found["Latency"] else ""
        yield (
            f"Last hour:    {total['Count']:,} requests, {total['4XXError']:,} of them 4xx, {total['5XXError']:,} 5xx"
            f"{slowest}"
        )
        yield (
            f"              {total['RowsWritten']:,} rows written, {total['RowsQuarantined']:,} refused, "
            f"{total['MovesHeld']:,} held back"
        )

    def _gaps(self, now: datetime) -> str:
        """The newest number of each kind, by source; a look is a minute old at most."""
        sources = [name for name, spec in CATALOG.items() if spec.series]
        asked = {
            f"{source}.{name}": Asked(
                namespace=f"MarketFlow/{self._stage}",
                name=name,
                dimensions={"service": "audit", "source": source},
                statistic="Maximum",
            )
            for source in sources
            for name in REPAIRS
        }
        found = self._values(asked, start=now - timedelta(seconds=2 * PERIOD_SECONDS), end=now)
        if not any(found.values()):
            return "Open gaps:    nobody looked in the last ten minutes"
        told = []
        for source in sources:
            newest = {what: round((found[f"{source}.{name}"] or [0])[-1]) for name, what in REPAIRS.items()}
            told.append(f"{source} {', '.join(f'{n} {what}' for what, n in newest.items() if n) or 'none'}")
        return f"Open gaps:    {'; '.join(told)}"

    def _values(self, asked: Mapping[str, Asked], *, start: datetime, end: datetime) -> dict[str, list[float]]:
        """The values of each metric by period, the oldest first."""
        ids = {f"m{number}": name for number, name in enumerate(asked)}
        pages = self._cloudwatch.get_paginator("get_metric_data").paginate(
            MetricDataQueries=[_query(id_, asked[name]) for id_, name in ids.items()], StartTime=start, EndTime=end
        )
        points: dict[str, list[tuple[datetime, float]]] = {name: [] for name in asked}
        for page in pages:
            for result in page["MetricDataResults"]:
                points[ids[result["Id"]]] += zip(result["Timestamps"], result["Values"], strict=True)
        return {name: [value for _, value in sorted(found)] for name, found in points.items()}

    def _counts(self) -> dict[str, int]:
        """How many messages each queue holds, those that are being worked on too; those that are empty left out."""
        counts = {}
        for page in self._sqs.get_paginator("list_queues").paginate(QueueNamePrefix=self._prefix):
            for url in page.get("QueueUrls", ()):
                told = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(WAITING))["Attributes"]
                counts[url.rsplit("/", 1)[-1].removeprefix(self._prefix)] = sum(int(told[name]) for name in WAITING)
        return {name: count for name, count in sorted(counts.items()) if count}


_OF_API = ("Count", "4XXError", "5XXError")
_OF_ROWS = ("RowsWritten", "RowsQuarantined", "MovesHeld")


def _query(id_: str, asked: Asked) -> dict[str, Any]:
    dimensions: Sequence[dict[str, str]] = [{"Name": name, "Value": value} for name, value in asked.dimensions.items()]
    metric = {"Namespace": asked.namespace, "MetricName": asked.name, "Dimensions": dimensions}
    return {"Id": id_, "MetricStat": {"Metric": metric, "Period": PERIOD_SECONDS, "Stat": asked.statistic}}


def _several(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} in {name}" for name, count in counts.items()) or "none"
