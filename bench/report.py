"""The figures of one run: put together, written as JSON, shown as a table for people and for Markdown."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.targets import TARGETS, Target, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A figure that was measured, the limit beside it in the same unit, and what it is made of."""

    value: Value
    floor: Value
    detail: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NotMeasured:
    """A figure that there is none of, and why."""

    reason: str


SHOWN_CHARACTERS = 90
BUSY = 0.5
"""From so many waiting processes a core on the machine has other work."""

Outcome = Measured | NotMeasured
Figures = dict[str, dict[str, Any]]


def figures(outcomes: Mapping[str, Outcome]) -> Figures:
    """The figures as they stand in the JSON file: every target's, in the targets' order.

    One that nobody measured has no value and is not met. Raises KeyError for one that no target names.
    """
    if strangers := outcomes.keys() - TARGETS.keys():
        raise KeyError(f"No target is called {', '.join(sorted(strangers))}.")
    nobody = NotMeasured("it was left out")
    return {key: _figure(target, outcomes.get(key, nobody)) for key, target in TARGETS.items()}


def all_met(figures: Figures) -> bool:
    """Whether every figure was measured and keeps its promise."""
    return all(figure["met"] for figure in figures.values())


def document(machine: Mapping[str, object], figures: Figures) -> str:
    """The JSON file of a run."""
    return json.dumps({"machine": machine, "figures": figures}, indent=2) + "\n"


def read(path: Path) -> tuple[dict[str, Any], Figures]:
    """The machine and the figures of a JSON file."""
    run = json.loads(path.read_text(encoding="utf-8"))
    return run["machine"], run["figures"]


def table(figures: Figures) -> str:
    """The figures for a terminal."""
    rows = [("key", "value", "target", "", "limit"), *(_row(key, figure) for key, figure in figures.items())]
    widths = [max(len(row[at]) for row in rows) for at in range(4)]
    lines = [
        "  ".join((*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[4])).rstrip()
        for row in rows
    ]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def caveat(machine: Mapping[str, Any]) -> str:
    """A warning about a machine that had other work when the run began; nothing about one that had none."""
    load, cores = machine.get("load_before", 0), machine.get("cores") or 1
    if load <= cores * BUSY:
        return ""
    return (
        f"The machine had other work (load {load:g} on {cores} cores): what takes longer than a scheduler's slice "
        "waits for the next one, and ratios of short things suffer. Measure again when it has none."
    )


def markdown(machine: Mapping[str, object], figures: Figures) -> str:
    """The figures and the machine for a page."""
    head = ["| figure | value | target | | limit |", "|---|---|---|---|---|"]
    rows = []
    for key, figure in figures.items():
        _, value, target, verdict, floor = _row(key, figure)
        rows.append(f"| {TARGETS[key].title} (`{key}`) | **{value}** | {target} | {verdict} | {floor} |")
    about = ", ".join(f"{name} {value}" for name, value in machine.items())
    return "\n".join([*head, *rows, "", f"Measured on: {about}.", caveat(machine)])


def _figure(target: Target, outcome: Outcome) -> dict[str, Any]:
    promise = {"unit": target.unit or "times", "target": target.limit, "at_least": target.at_least}
    if isinstance(outcome, NotMeasured):
        return {"value": None, **promise, "met": False, "floor": None, "reason": outcome.reason}
    return {
        "value": _rounded(outcome.value),
        **promise,
        "met": target.met(outcome.value),
        "floor": {"name": target.floor, "value": _rounded(outcome.floor)},
        "detail": dict(outcome.detail),
    }


def _rounded(value: Value) -> Value:
    """Four significant digits: more than a measurement of time has."""
    if isinstance(value, Mapping):
        return {name: float(f"{one:.4g}") for name, one in value.items()}
    return float(f"{value:.4g}")


def _row(key: str, figure: Mapping[str, Any]) -> Sequence[str]:
    unit = "" if figure["unit"] == "times" else f" {figure['unit']}"
    limit = figure["target"]
    sign = "≥" if figure["at_least"] else "≤"
    target = "" if limit is None else f"{sign} {_shown(limit)}{unit}"
    if figure["value"] is None:
        # A server's or an installer's words may be many; all of them are in the file.
        return (
            key,
            "not measured",
            target,
            "missed",
            textwrap.shorten(figure["reason"], SHOWN_CHARACTERS, placeholder=" …"),
        )
    verdict = "" if limit is None else "met" if figure["met"] else "missed"
    floor = figure["floor"]
    return key, f"{_shown(figure['value'])}{unit}", target, verdict, f"{_shown(floor['value'])}{unit}: {floor['name']}"


def _shown(value: Value) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_shown(one)}" for name, one in value.items())
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
