"""The pages of `make scale`, as Markdown that reads well in a terminal too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.scaling.limits import LISTED, Limit, first, kept_months, limits, stored_gigabytes
from bench.scaling.others import Fact
from bench.scaling.settings import Settings
from bench.scaling.simulation import Outcome
from bench.scaling.turning import Turned
from bench.workload.measured import Measured

HEAD = (
    "symbols",
    "left out",
    "starved",
    "run s",
    "queue age p95 s",
    "freshness p95 s",
    "ETL busy",
    "database busy",
    "first limit",
)


@dataclass(frozen=True, slots=True)
class Row:
    """One number of symbols: as it is, and turned up."""

    symbols: int
    before: Outcome
    turned: Turned
    after: Outcome


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table whose columns are aligned."""
    lines = [list(head), *(list(row) for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"

    return "\n".join([line(lines[0]), line(["-" * width for width in widths]), *map(line, lines[1:])])


def page(settings: Settings, rows: Sequence[Row], facts: Iterable[Fact], measured: Measured, *, seed: int) -> str:
    """Everything."""
    found = sorted(limits(settings, measured), key=lambda limit: limit.capacity)
    parts = [
        f"### The limits of the stage `{settings.stage}`, in the order in which they are hit",
        table(("symbols", "limit", "what it is", "what is turned up then"), map(_limit_row, found)),
        f"### Simulated: `{settings.stage}` as it is (seed {seed})",
        table(HEAD, (_outcome_row(row.before, _first(settings, row.symbols, measured)) for row in rows)),
        f"### Simulated: turned up (seed {seed})",
        table(HEAD, (_outcome_row(row.after, _first(row.turned.settings, row.symbols, measured)) for row in rows)),
        "### What was turned up",
        "\n".join(_steps(row) for row in rows),
        "### What the storage holds",
        table(
            ("symbols", "GB a month", f"months in {settings.max_storage} GB", f"GB of {kept_months(settings)} months"),
            (_storage(row.symbols, settings, measured) for row in rows),
        ),
        "### Limits that other things than the number of symbols decide",
        "\n".join(f"- **{fact.name}**: {fact.what}." for fact in facts),
        f"Measured: {measured.origin}.",
    ]
    return "\n\n".join(parts) + "\n"


def _limit_row(limit: Limit) -> tuple[str, str, str, str]:
    kind = " (soft)" if limit.soft else " (in time)" if limit.slow else ""
    return f"{limit.capacity:,}", limit.name + kind, limit.what, limit.turn


def _first(settings: Settings, symbols: int, measured: Measured) -> str:
    hit = first(list(limits(settings, measured)), symbols)
    return "none" if hit is None else f"{hit.name} ({hit.capacity:,})"


def _outcome_row(outcome: Outcome, limit: str) -> tuple[str, ...]:
    stale = outcome.freshness_p95 == float("inf")
    return (
        f"{outcome.symbols:,}",
        f"{outcome.left_out:,}",
        f"{outcome.starved:,}",
        f"{outcome.run_seconds:.1f}",
        f"{outcome.queue_age_p95:.1f}",
        "never" if stale else f"{outcome.freshness_p95:.1f}",
        f"{outcome.etl_busy:.1%}",
        f"{outcome.database_busy:.1%}",
        limit,
    )


def _steps(row: Row) -> str:
    if not row.turned.steps:
        return f"- {row.symbols:,}: nothing."
    steps = "; ".join(f"{step.change}{'' if step.ours else ' **(not built)**'}" for step in row.turned.steps)
    stuck = ", ".join(limit.name for limit in row.turned.stuck)
    left = f" Left as it is: {stuck}." if stuck else ""
    listed = " More than Binance lists: these would be other exchanges' too." if row.symbols > LISTED else ""
    return f"- {row.symbols:,}: {steps}.{left}{listed}"


def _storage(symbols: int, settings: Settings, measured: Measured) -> tuple[str, ...]:
    month = stored_gigabytes(symbols, measured, months=1)
    months = kept_months(settings)
    return f"{symbols:,}", f"{month:.1f}", f"{settings.max_storage / month:.1f}", f"{month * months:,.0f}"
