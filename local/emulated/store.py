"""MiniStack's store of metrics: points go in here, and come out as series."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from ministack.services import cloudwatch

from local.emulated.alarm_states import Window
from local.emulated.emf import Datum
from local.emulated.metric_math import Series

LATE_SECONDS = 900
"""How much later than newer ones a point may be stored and still be found."""


def install() -> None:
    """Keep the points of a metric in one list for good: MiniStack makes a new one at each request, and loses some."""
    cloudwatch._evict_old_metrics = evict


def put(namespace: str, name: str, dimensions: Mapping[str, str], value: float, unit: str = "Count") -> None:
    """Store a value of now. Equal values of one second are one point with a count, as requests come by the thousand."""
    points = _points(namespace, name, dimensions)
    now = int(time.time())
    for point in reversed(points):
        if point["Timestamp"] != now:
            break
        if point["Value"] == value:
            point["Count"] += 1.0
            return
    points.append({"Timestamp": now, "Value": float(value), "Count": 1.0, "Unit": unit, "Dimensions": dict(dimensions)})


def put_all(data: Iterable[Datum]) -> None:
    """Store what lines of logs hold."""
    for one in data:
        points, shared = _points(one.namespace, one.name, one.dimensions), {"Dimensions": one.dimensions}
        for value in one.values:
            points.append({"Timestamp": one.timestamp, "Value": value, "Unit": one.unit, **shared})


def read(stat: Mapping[str, Any], window: Window) -> Series:
    """The statistic of exactly the metric with exactly these dimensions, in each period of the window."""
    metric, unit = stat["Metric"], stat.get("Unit")
    key = _key(metric["Namespace"], metric["MetricName"], _dimensions(metric.get("Dimensions")))
    periods: list[list[Any]] = [[] for _ in range(window.count)]
    for point in reversed(list(cloudwatch._metrics.get(key, ()))):
        if point["Timestamp"] < window.start - LATE_SECONDS:
            break
        number = window.number(point["Timestamp"])
        if number is not None and unit in (None, point["Unit"]):
            periods[number].append(point)
    return [_statistic(points, stat["Stat"]) for points in periods]


def evict() -> None:
    """Forget the points that are older than MiniStack keeps them."""
    oldest = time.time() - cloudwatch.TWO_WEEKS_SECONDS
    for points in cloudwatch._metrics.values():
        while points and points[0]["Timestamp"] < oldest:
            del points[0]


def _statistic(points: list[Any], name: str) -> float | None:
    statistics = cloudwatch._calc_stats(points)
    return None if not statistics else cloudwatch._stat_value(statistics, name, points)


def _points(namespace: str, name: str, dimensions: Mapping[str, str]) -> list[Any]:
    points: list[Any] = cloudwatch._metrics.setdefault(_key(namespace, name, dimensions), [])
    return points


def _key(namespace: str, name: str, dimensions: Mapping[str, str]) -> tuple[str, str, str]:
    return namespace, name, cloudwatch._dims_key(dimensions)


def _dimensions(listed: Iterable[Mapping[str, str]] | None) -> dict[str, str]:
    return {one["Name"]: one["Value"] for one in listed or ()}
