"""Which alarms ring, of the running local stack or of a deployment: a person has to look at these."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Ringing:
    """An alarm in the state ALARM: its whole name, what to do about it, since when it rings, and what it saw."""

    name: str
    help: str
    since: datetime
    reason: str

    def line(self, now: datetime) -> str:
        """What a person reads of it."""
        minutes = int((now - self.since).total_seconds() // 60)
        return f"{self.name} rings for {minutes} min: {self.reason}"


def ringing(cloudwatch: Any, prefix: str) -> list[Ringing]:  # noqa: ANN401 - boto3's stubs type each service by a literal name
    """The ringing alarms whose names begin with `prefix`, the one that rings longest first.

    `cloudwatch` is a client of boto3: `aws_client("cloudwatch", endpoint_url)` for the local stack.
    """
    found = [
        Ringing(
            name=alarm["AlarmName"],
            help=alarm.get("AlarmDescription", ""),
            since=(alarm.get("StateTransitionedTimestamp") or alarm["StateUpdatedTimestamp"]).astimezone(UTC),
            reason=alarm["StateReason"],
        )
        for alarm in alarms(cloudwatch, prefix)
        if alarm["StateValue"] == "ALARM"
    ]
    return sorted(found, key=lambda one: (one.since, one.name))


def alarms(cloudwatch: Any, prefix: str) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - the same
    """Every alarm whose name begins with `prefix`, metric alarms and composite ones, as DescribeAlarms tells them."""
    pages = cloudwatch.get_paginator("describe_alarms").paginate(
        AlarmNamePrefix=prefix, AlarmTypes=["MetricAlarm", "CompositeAlarm"]
    )
    for page in pages:
        yield from (*page.get("MetricAlarms", ()), *page.get("CompositeAlarms", ()))
