"""What was computed goes between the marks of a page, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.scaling.pages import BEGIN, END, replaced
from bench.scaling.report import table

pytestmark = pytest.mark.unit

DOCS = Path(__file__).parents[3] / "docs"


def test_only_what_is_between_the_marks_changes() -> None:
    """Doing it twice is doing it once."""
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    once = replaced(page, "new", name="page")
    assert once == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"
    assert replaced(once, "new", name="page") == once


def test_a_page_without_marks_is_named() -> None:
    """Nothing is overwritten where nobody asked for it."""
    with pytest.raises(ValueError, match=r"cost\.md"):
        replaced("no marks", "new", name="cost.md")


@pytest.mark.parametrize("name", ["cost.md", "scale.md"])
def test_the_pages_have_their_marks(name: str) -> None:
    """`--write` finds its place, and something is there."""
    page = (DOCS / name).read_text(encoding="utf-8")
    assert "| " in page.partition(BEGIN)[2].partition(END)[0]


@pytest.mark.parametrize("name", ["MarketFlow", "container and cluster"])
def test_the_bill_of_the_readme_is_the_computed_one(name: str) -> None:
    """The few numbers that most people read are those of docs/cost.md, without the cents."""

    def row(page: str) -> list[str]:
        line = next(line for line in page.splitlines() if line.startswith(f"| {name} "))
        return [f"{float(cell.replace(',', '')):,.0f}" for cell in line.strip("| ").split("|")[1:]]

    readme = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    assert row(readme) == row((DOCS / "cost.md").read_text(encoding="utf-8"))


def test_a_table_is_aligned() -> None:
    """Every line is as long as the others, so that a terminal shows it as well as a browser."""
    lines = table(("a", "long head"), [("1", "2"), ("a cell that is long", "3")]).splitlines()
    assert len({len(line) for line in lines}) == 1
