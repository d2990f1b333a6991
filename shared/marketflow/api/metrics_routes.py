"""The route that a monitoring system scrapes, in the Prometheus text format.

https://prometheus.io/docs/instrumenting/exposition_formats/

Written here, and read in the tests by the parser of prometheus-client: that library would be 250 KB of the read
function, most of it for processes that keep their own counters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from marketflow.api.messages import Request, Response
from marketflow.api.routing import Access, Route
from marketflow.domain.gauges import FAMILIES, PREFIX, Family, Sample

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


class Gauges(Protocol):
    """Where the numbers come from."""

    def read(self) -> Sequence[Sample]:
        """Every sample of this moment; raises DatabaseUnavailableError."""
        ...


class MetricsRoutes:
    """The route over `gauges`."""

    def __init__(self, *, gauges: Gauges) -> None:
        self._gauges = gauges

    def table(self) -> tuple[Route, ...]:
        """The one route."""
        return (
            Route(
                method="GET",
                path="/v1/metrics",
                handler=self.metrics,
                summary="Freshness, gaps, symbols and the database in numbers, for Prometheus.",
                access=Access.METRICS,
            ),
        )

    def metrics(self, request: Request, parameters: object) -> Response:  # noqa: ARG002 - every handler's shape
        """The numbers of this moment."""
        return Response(body=exposition(self._gauges.read()), content_type=CONTENT_TYPE)


def exposition(samples: Iterable[Sample]) -> str:
    """The samples as text, in the order of `FAMILIES`. Raises KeyError for one of no family."""
    by_family: dict[str, list[Sample]] = {family.name: [] for family in FAMILIES}
    for sample in sorted(samples):
        by_family[sample.name].append(sample)
    return "".join(line for family in FAMILIES for line in _lines(family, by_family[family.name]))


def _lines(family: Family, samples: Sequence[Sample]) -> Iterator[str]:
    if not samples:
        return
    name = PREFIX + family.name
    yield f"# HELP {name} {family.help}\n# TYPE {name} gauge\n"
    for sample in samples:
        pairs = (
            f'{label}="{value.translate(_ESCAPES)}"' for label, value in zip(family.labels, sample.labels, strict=True)
        )
        labels = ",".join(pairs)
        yield f"{name}{{{labels}}} {sample.value!r}\n" if labels else f"{name} {sample.value!r}\n"
