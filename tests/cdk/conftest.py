"""One synth for each stage and test session: jsii is slow. Code assets are empty folders, except in test_bundling."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

import cdk.node  # noqa: F401 - first: it names the Node that aws_cdk starts when it is imported
from tests.cdk.templates import CONTEXT, GIVEN, STAGES, Assembly, Template

# isort: split
from aws_cdk import App

from cdk.app import build
from cdk.stages import load_stage

Synthesise = Callable[[str], Assembly]


@dataclass(frozen=True)
class EmptyBundler:
    """Folders with nothing in them but a name."""

    folder: Path

    def layer(self, name: str) -> Path:
        """The layer's folder."""
        return self._folder(f"layer-{name}")

    def function(self, name: str) -> Path:
        """The function's folder."""
        return self._folder(name)

    def _folder(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "name.txt").write_text(name)
        return folder


def app_for(stage: str, folder: Path, **settings: object) -> App:
    """The app with the stacks of `stage`, as the command line would make it, not yet synthesised.

    `settings` replace some of the stage's own.
    """
    stages = {**CONTEXT["stages"], stage: {**CONTEXT["stages"][stage], **settings}}
    app = App(
        context={**CONTEXT, "stages": stages, **GIVEN.get(stage, {}), "stage": stage},
        outdir=str(folder / "cdk.out"),
        analytics_reporting=False,
    )
    build(app, stage=load_stage(app.node.try_get_context), bundler=EmptyBundler(folder / "assets"))
    return app


def assembled(stage: str, app: App) -> Assembly:
    """What the synth of `app` wrote."""
    folder = Path(app.synth().directory)
    templates = {}
    for path in sorted(folder.glob("*.template.json")):
        concern = path.name.removesuffix(".template.json").removeprefix(f"marketflow-{stage}-")
        templates[concern] = Template(stage=stage, concern=concern, body=json.loads(path.read_text()))
    return Assembly(stage=stage, folder=folder, templates=templates)


@pytest.fixture(scope="session")
def synthesise(tmp_path_factory: pytest.TempPathFactory) -> Synthesise:
    """Gives the assembly of a stage; synthesises it when it is first asked for."""

    @cache
    def one(stage: str) -> Assembly:
        return assembled(stage, app_for(stage, tmp_path_factory.mktemp(stage)))

    return one


@pytest.fixture(params=STAGES)
def assembly(request: pytest.FixtureRequest, synthesise: Synthesise) -> Assembly:
    """Each stage in turn."""
    return synthesise(request.param)


@pytest.fixture(params=[stage for stage in STAGES if stage != "local"])
def cloud(request: pytest.FixtureRequest, synthesise: Synthesise) -> Assembly:
    """Each stage that goes to AWS, in turn."""
    return synthesise(request.param)
