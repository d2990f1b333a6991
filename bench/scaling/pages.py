"""Puts what was computed into a page of docs/, between two marks, so that the page cannot say something else."""

from __future__ import annotations

from pathlib import Path

BEGIN = "<!-- computed: begin -->"
END = "<!-- computed: end -->"


def write_between(path: Path, text: str) -> None:
    """Replace what is between the marks of the file. Raises ValueError when it has none."""
    path.write_text(replaced(path.read_text(encoding="utf-8"), text, name=path.name), encoding="utf-8")


def replaced(page: str, text: str, *, name: str) -> str:
    """`page` with `text` between its marks. Raises ValueError that names the page when it has none."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{name} needs the lines {BEGIN} and {END}.")
    return f"{before}{BEGIN}\n\n{text.strip()}\n\n{END}{after}"
