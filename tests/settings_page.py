"""The settings as the code declares them, and as docs/configuration.md tells of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "configuration.md"
NONE, REQUIRED = "", "required"


def rows(heading: str) -> list[list[str]]:
    """The cells of the table below a heading of the page."""
    text = PAGE.read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines]


def plain(cell: str) -> str:
    """A cell without the marks of code."""
    return cell.strip("`")


def leaves(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Every setting below `model` by its path; `*` stands for the members of one kind."""
    groups = [name for name, field in model.model_fields.items() if _model(field.annotation)]
    alike = len(groups) > 1 and len({_model(model.model_fields[name].annotation) for name in groups}) == 1
    for name, field in model.model_fields.items():
        if prefix == "" and name == "name":
            continue
        member = "*" if alike else name
        inner, many = _model(field.annotation), _mapped(field.annotation)
        if inner is not None:
            if type(None) in get_args(field.annotation):
                yield f"{prefix}{name}"
            yield from leaves(inner, f"{prefix}{member}.")
        elif many is not None:
            yield from leaves(many, f"{prefix}{name}.*.")
        else:
            yield f"{prefix}{name}{'.*' if _keyed(field.annotation) else ''}"
        if alike:
            return


def _bare(annotation: Any) -> Any:  # noqa: ANN401 - any annotation
    """The annotation without `Annotated` and without None."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, UnionType):
        (annotation,) = (part for part in get_args(annotation) if part is not NoneType)
        return _bare(annotation)
    return annotation


def _model(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 - the same
    bare = _bare(annotation)
    return bare if isinstance(bare, type) and issubclass(bare, BaseModel) else None


def _mapped(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 - the same
    bare = _bare(annotation)
    return _model(get_args(bare)[1]) if get_origin(bare) is dict else None


def _keyed(annotation: Any) -> bool:  # noqa: ANN401 - the same
    """Whether it maps known names to values."""
    bare = _bare(annotation)
    return get_origin(bare) is dict and get_args(bare)[0] is not str


def declared(model: type[BaseModel], path: str) -> Any:  # noqa: ANN401 - a field's default
    """The default of the setting at `path`; PydanticUndefined for one that a stage must have."""
    first, _, rest = path.partition(".")
    name = next(iter(model.model_fields)) if first == "*" else first
    field = model.model_fields[name]
    inner = _model(field.annotation) or _mapped(field.annotation)
    if rest in ("", "*") or inner is None:
        return field.default
    return declared(inner, rest.removeprefix("*.") if _mapped(field.annotation) else rest)


def shown_default(model: type[BaseModel], path: str) -> str:
    """The default as the page writes it."""
    default = declared(model, path)
    return REQUIRED if default is PydanticUndefined else written(default)


def written(value: object) -> str:
    """A value as the page writes it: as JSON, nothing for none, and for an empty list or object."""
    if value in (None, (), [], {}):
        return NONE
    return f"`{value}`" if isinstance(value, str) else f"`{json.dumps(value)}`"


def words(cell: str) -> set[str]:
    """The names in a cell."""
    return set(re.findall(r"[a-z]+", cell))
