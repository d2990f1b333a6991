"""The page of settings is complete and true, and a wrong setting is refused by its name."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
from pydantic_core import PydanticUndefined

from cdk.stages import COMMAND_LINE, Stage, StageError, load_stage
from local.processes import LocalError
from local.settings import LocalSettings, load_settings
from marketflow import config
from marketflow.config import Settings
from marketflow.errors import ConfigurationError
from tests.cdk.templates import CONTEXT, GIVEN
from tests.settings_page import PAGE, REQUIRED, ROOT, leaves, plain, rows, shown_default, written

pytestmark = pytest.mark.unit

SECRET = "s3cret-that-nobody-may-read"
POWERTOOLS = {"LOG_LEVEL", "POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE"}
"""Settings that Powertools reads by itself."""

INTERNAL = {"VENV", "EMULATOR_VENV", "RUN", "COSTED", "JOB", "MAKECMDGOALS"}
"""Variables of the Makefile that nobody sets."""

FUNCTIONS: dict[str, type[Settings]] = {
    name.removesuffix("Settings").lower(): model
    for name, model in vars(config).items()
    if name.removesuffix("Settings").lower()
    in {"fetch", "etl", "migrate", "api", "admin", "keys", "dispatch", "audit", "retire"}
}
"""The settings of each folder of functions/ that has some."""

AWS_TOOLS = {"AWS_PROFILE", "AWS_REGION"}
LEAVES = sorted(leaves(Stage))


def test_every_function_with_settings_is_known() -> None:
    """The token function needs none."""
    folders = {path.name for path in (ROOT / "functions").iterdir() if (path / "handler.py").exists()}
    assert set(FUNCTIONS) == folders - {"token"}


def test_the_page_has_every_setting_of_a_stage() -> None:
    """By its path, with its default, and an effect."""
    told = {plain(name): (default, effect) for name, default, _, effect in rows("Stages")}
    assert sorted(told) == LEAVES
    assert {name: default for name, (default, _) in told.items()} == {
        name: shown_default(Stage, name) for name in LEAVES
    }
    assert all(len(effect) > 8 for _, effect in told.values())


def test_the_page_has_every_setting_of_the_functions() -> None:
    """By its variable, with its default and the functions that read it."""
    told = {plain(name): (default, readers) for name, default, _, readers, _ in rows("Functions")}
    declared: dict[str, tuple[str, list[str]]] = {}
    for function, model in FUNCTIONS.items():
        for field in model.model_fields.values():
            default = REQUIRED if field.default is PydanticUndefined else _written(field.default)
            declared.setdefault(str(field.alias), (default, []))[1].append(function)
    assert told.keys() == declared.keys() | POWERTOOLS
    for name, (default, readers) in declared.items():
        whose = set(readers) if len(readers) < len(FUNCTIONS) else {"all but token"}
        assert (told[name][0], set(told[name][1].split(", "))) == (default, whose), name


def _written(default: Any) -> str:  # noqa: ANN401 - any default
    """A default as the page writes it; decimals are numbers in JSON."""
    return written({str(kind): int(bound) for kind, bound in default.items()} if isinstance(default, dict) else default)


def test_the_page_has_every_variable_of_the_commands() -> None:
    """Those that local/settings.py reads and those of the Makefile; nothing else."""
    told = {plain(name): plain(default) for name, default, _ in rows("Commands")}
    source = (ROOT / "local" / "settings.py").read_text(encoding="utf-8")
    local = set(re.findall(r"given(?:\.get\(|, )\"([A-Z_]+)\"", source))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    used = set(re.findall(r"\$\((?:or \$\()?([A-Z_]{2,})[),]", makefile)) | set(
        re.findall(r"^([A-Z_]+) \?=", makefile, re.MULTILINE)
    )
    assert told.keys() == local | (used - INTERNAL) | AWS_TOOLS
    assert told["LOCAL_PORT"] == str(LocalSettings().port)
    assert told["SIMULATOR_SEED"] == str(LocalSettings().seed)
    assert told["SOURCES"] == LocalSettings().sources
    assert told["LOCAL_HOME"] == LocalSettings().home.name
    for name, default in re.findall(r"^([A-Z_]+) \?= ?(.*)$", makefile, re.MULTILINE):
        assert told[name] == default, name


def test_the_example_file_has_what_a_command_reads_from_it() -> None:
    """Each below a line that explains it, with the default of the page."""
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    shown = {
        line.partition("=")[0]: line.partition("=")[2]
        for before, line in zip(["", *lines], lines, strict=False)
        if re.match(r"[A-Z_]+=", line) and before.startswith("#")
    }
    told = {plain(name): plain(default) for name, default, _ in rows("Commands")}
    assert shown.items() <= told.items()
    assert {"SOURCES", "LOCAL_PORT", "LOCAL_HOME", "SIMULATOR_SEED", "API_URL", "ACCESS_TOKEN"} <= shown.keys()


def test_the_page_names_what_the_command_line_may_give() -> None:
    """The settings that win over cdk.json."""
    assert all(f"`{name}`" in PAGE.read_text(encoding="utf-8").partition("\n| ")[0] for name in COMMAND_LINE)


def spoiled(path: list[str], entry: Any) -> str:  # noqa: ANN401 - JSON
    """Put a value of no setting's type at `path` into `entry`, which `*` enters by its first member; where it is."""
    first, *rest = path
    name = next(iter(entry)) if first == "*" else first
    if rest:
        return f"{name}.{spoiled(rest, entry[name])}"
    entry[name] = [[SECRET]]
    return name


@pytest.mark.parametrize("path", LEAVES)
def test_a_wrong_setting_of_a_stage_is_refused_by_its_path(path: str) -> None:
    """Whatever the setting, the synthesis stops with its name and without its value."""
    stage = "prod" if path.startswith(("database.", "canary.", "api.waf")) else "local"
    stages, given = copy.deepcopy(CONTEXT["stages"]), dict(GIVEN.get(stage, {}))
    where = spoiled(path.split("."), given if path in COMMAND_LINE else stages[stage])
    with pytest.raises(StageError) as refused:
        load_stage({**CONTEXT, "stages": stages, **given, "stage": stage}.get)
    assert f"{where}" in str(refused.value)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("function", "alias"),
    [
        (name, str(field.alias))
        for name, model in FUNCTIONS.items()
        for field in model.model_fields.values()
        if field.default is PydanticUndefined
    ],
)
def test_a_missing_setting_of_a_function_is_named(function: str, alias: str) -> None:
    """A function that lacks one says which, and where to read about it."""
    with pytest.raises(ConfigurationError, match=rf"{alias}.*docs/configuration\.md"):
        FUNCTIONS[function].load({})


@pytest.mark.parametrize(
    ("name", "value"), [("SOURCES", SECRET), ("LOCAL_PORT", "-1"), ("LOCAL_PORT", "65536"), ("SIMULATOR_SEED", "x")]
)
def test_a_wrong_setting_of_a_command_is_named(name: str, value: str) -> None:
    """`make run` says what it may be, and does not start."""
    with pytest.raises(LocalError, match=name):
        load_settings({name: value})
