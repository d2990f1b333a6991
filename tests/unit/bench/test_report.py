"""The figures of a run: every promise has its line, whatever became of its measurement."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from bench import report
from bench.report import Measured, NotMeasured, Outcome
from bench.targets import TARGETS

pytestmark = pytest.mark.unit

MACHINE = {"cpu": "Z80", "cores": 1, "mode": "quick"}


def outcomes(**others: Outcome) -> Mapping[str, Outcome]:
    """Every figure measured and exactly at its limit, but for the `others`."""
    return {
        key: Measured(value=1.0 if target.limit is None else target.limit, floor=1.0) for key, target in TARGETS.items()
    } | others


def test_a_promise_is_kept_at_its_very_limit() -> None:
    """At least and at most include the limit; all figures at their limits make a run without a miss."""
    assert report.all_met(report.figures(outcomes()))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("etl_vs_copy", 0.299),
        ("read_asset_mb", 8.01),
        ("memory_mb", {"read": 127.0, "etl": 257.0}),
        ("memory_mb", {"read": 129.0, "etl": 255.0}),
    ],
)
def test_a_figure_beyond_its_limit_is_a_miss(key: str, value: float | Mapping[str, float]) -> None:
    """Too little of what is to be much, too much of what is to be little; of several figures one is enough."""
    figures = report.figures(outcomes(**{key: Measured(value=value, floor=1.0)}))
    assert [name for name, figure in figures.items() if not figure["met"]] == [key]
    assert "missed" in report.table({key: figures[key]})


def test_what_was_not_measured_is_no_figure_and_no_success() -> None:
    """It has a line and its reason, and no number anywhere; the run has failed."""
    figures = report.figures(outcomes(etl_vs_copy=NotMeasured("The database did not start.")))
    assert figures["etl_vs_copy"]["value"] is None
    assert figures["etl_vs_copy"]["floor"] is None
    assert not report.all_met(figures)
    line = next(line for line in report.table(figures).splitlines() if line.startswith("etl_vs_copy"))
    assert "not measured" in line
    assert "The database did not start." in line


def test_every_target_is_in_the_file_also_when_nothing_was_measured() -> None:
    """The keys are the same for whoever reads the file, and in the order of the targets."""
    document = json.loads(report.document(MACHINE, report.figures({})))
    assert list(document["figures"]) == list(TARGETS)
    assert document["machine"] == MACHINE
    assert all(figure["reason"] for figure in document["figures"].values())


def test_a_figure_that_no_target_names_is_a_mistake() -> None:
    """A part that measures under a wrong name must not lose its figure silently."""
    with pytest.raises(KeyError, match="etl_versus_copy"):
        report.figures({"etl_versus_copy": Measured(value=1.0, floor=1.0)})


def test_a_figure_is_shown_with_its_target_and_its_limit() -> None:
    """One line: value, promise, verdict, and how far the limit is."""
    figures = report.figures(outcomes(read_1000_vs_orm=Measured(value=18.234567, floor=91.4, detail={"orm_ms": 20})))
    assert figures["read_1000_vs_orm"]["value"] == 18.23
    assert figures["read_1000_vs_orm"]["floor"] == {"name": "a bare SELECT of the same bytes", "value": 91.4}
    assert figures["read_1000_vs_orm"]["detail"] == {"orm_ms": 20}
    line = next(line for line in report.table(figures).splitlines() if line.startswith("read_1000_vs_orm"))
    assert " ".join(line.split()) == "read_1000_vs_orm 18.2 ≥ 15 met 91.4: a bare SELECT of the same bytes"


def test_a_busy_machine_is_named() -> None:
    """Figures that were taken beside other work are shown with that; those of a quiet machine without a word."""
    busy = MACHINE | {"cores": 2, "load_before": 1.1}
    assert "load 1.1 on 2 cores" in report.caveat(busy)
    assert "load 1.1 on 2 cores" in report.markdown(busy, report.figures(outcomes()))
    assert not report.caveat(busy | {"load_before": 1.0})
    assert not report.caveat(MACHINE)


def test_the_page_has_the_table_and_the_machine_of_the_file(tmp_path: Path) -> None:
    """What is published is what was written, read back: each figure has a row, and the machine is named."""
    path = tmp_path / "bench.json"
    path.write_text(report.document(MACHINE, report.figures(outcomes())), encoding="utf-8")
    page = report.markdown(*report.read(path))
    assert all(f"`{key}`" in page for key in TARGETS)
    assert "| **8 MB** | ≤ 8 MB | met | 1 MB: our own code alone |" in page
    assert "cpu Z80, cores 1, mode quick" in page
