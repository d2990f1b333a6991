"""The resources of a stage, as `cdk synth` writes them. Assets are empty: code costs nothing while it lies there."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.cost.prices import PriceError


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of one stack."""

    stack: str
    logical_id: str
    type: str
    properties: Mapping[str, Any]

    def __str__(self) -> str:
        """How a message names it."""
        return f"{self.stack}/{self.logical_id} ({self.type})"


@dataclass(frozen=True)
class EmptyBundler:
    """Folders with nothing in them but a name."""

    folder: Path

    def layer(self, name: str = "dependencies") -> Path:
        """A layer's folder."""
        return self._folder(f"layer-{name}")

    def function(self, name: str) -> Path:
        """A function's folder."""
        return self._folder(name)

    def _folder(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "name.txt").write_text(name)
        return folder


def synthesised(stage: str) -> list[Resource]:
    """The resources of a stage of cdk.json. It takes some seconds: jsii is slow. Raises StageError."""
    import cdk.node  # noqa: F401, PLC0415 - first: it names the Node that aws_cdk starts when it is imported

    # isort: split
    from aws_cdk import App  # noqa: PLC0415 - it starts Node

    from bench.scaling.settings import ROOT, read_stage  # noqa: PLC0415 - the same order
    from cdk.app import build  # noqa: PLC0415 - it imports aws_cdk

    settings = read_stage(stage)
    context = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    with tempfile.TemporaryDirectory(prefix="marketflow-cost-") as name:
        folder = Path(name)
        app = App(context={**context, "stage": stage}, outdir=str(folder / "cdk.out"), analytics_reporting=False)
        build(app, stage=settings, bundler=EmptyBundler(folder / "assets"))
        return read_folder(Path(app.synth().directory))


def read_folder(folder: Path) -> list[Resource]:
    """The resources of every template in a cdk.out. Raises PriceError when there is none."""
    paths = sorted(folder.glob("*.template.json"))
    if not paths:
        raise PriceError(f"There are no templates in {folder}. Write them with: make synth STAGE=prod")
    return [
        resource
        for path in paths
        for resource in of_template(path.name.removesuffix(".template.json"), json.loads(path.read_text("utf-8")))
    ]


def of_template(stack: str, body: Mapping[str, Any]) -> Iterator[Resource]:
    """The resources of one template."""
    for logical_id, entry in body["Resources"].items():
        yield Resource(stack, logical_id, entry["Type"], entry.get("Properties", {}))


def referred(value: object) -> str:
    """The logical id to which a Ref or Fn::GetAtt refers; empty for anything else."""
    if isinstance(value, Mapping):
        if "Ref" in value:
            return str(value["Ref"])
        if "Fn::GetAtt" in value:
            return str(value["Fn::GetAtt"][0])
    return ""


def written(value: object) -> str:
    """A text with its joins carried out, and references as `<LogicalId>`."""
    match value:
        case {"Fn::Join": [separator, [*parts]]}:
            return str(separator).join(written(part) for part in parts)
        case str():
            return value
        case _:
            return f"<{referred(value)}>"


def one(resources: Iterable[Resource], stack: str, logical_id: str) -> Resource | None:
    """The resource of that id in a stack."""
    return next((found for found in resources if (found.stack, found.logical_id) == (stack, logical_id)), None)
