"""The stage model: what it accepts, and what it says when it does not."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from cdk.stages import ARCHITECTURE, PYTHON, Stage, StageError, load_stage
from tests.cdk.templates import CONTEXT, GIVEN

pytestmark = pytest.mark.unit

URL = GIVEN["local"]["database_url"]


def context(**given: Any) -> dict[str, Any]:  # noqa: ANN401 - context values are whatever cdk.json holds
    """The committed context and what a command line adds."""
    return {**CONTEXT, **given}


def load(**given: Any) -> Stage:  # noqa: ANN401 - the same
    """The stage that a command line with `given` selects."""
    return load_stage(context(**given).get)


def changed(stage: str, **settings: object) -> dict[str, Any]:
    """The context with some settings of `stage` replaced."""
    return context(stage=stage, stages={**CONTEXT["stages"], stage: {**CONTEXT["stages"][stage], **settings}})


def test_every_stage_of_the_project_loads() -> None:
    """cdk.json holds local, dev and prod, and each is complete."""
    assert {load(stage=name, **GIVEN.get(name, {})).name for name in CONTEXT["stages"]} == {"local", "dev", "prod"}


@pytest.mark.parametrize("given", [{}, {"stage": ""}, {"stage": "production"}])
def test_a_missing_or_unknown_stage_is_refused_with_the_known_ones(given: dict[str, str]) -> None:
    """The message lists every stage that could have been meant."""
    with pytest.raises(StageError, match=r"Known stages: local, dev, prod\."):
        load(**given)


def test_an_unknown_setting_is_refused_by_name() -> None:
    """A typing error does not pass for a setting."""
    with pytest.raises(StageError, match=r"'dev'.*log_dayz"):
        load_stage(changed("dev", log_dayz=3).get)


def test_an_unknown_setting_of_a_group_is_refused_with_its_path() -> None:
    """The name says in which group the setting stands."""
    functions = {**CONTEXT["stages"]["dev"]["functions"], "report": {"memory": 128, "timeout": 3}}
    with pytest.raises(StageError, match=r"functions\.report"):
        load_stage(changed("dev", functions=functions).get)


def test_a_stage_without_a_database_needs_a_url() -> None:
    """`local` says how the URL is given."""
    with pytest.raises(StageError, match=r"-c database_url="):
        load(stage="local")


def test_a_stage_with_a_database_takes_no_url() -> None:
    """A URL left over from another stage does not decide where prod's rows go."""
    with pytest.raises(StageError, match="either `database`"):
        load(stage="prod", database_url=URL)


def test_a_url_has_no_password() -> None:
    """It would stand in the template and in the environment of the function that migrates."""
    with pytest.raises(StageError, match="database_url: a password would") as caught:
        load(stage="local", database_url="postgresql://me:hunter2@db.example/market")
    assert "hunter2" not in str(caught.value)


def test_source_base_urls_come_as_json() -> None:
    """The simulator's addresses, one or more for each source."""
    stage = load(stage="local", database_url=URL, source_base_urls='{"binance": ["http://127.0.0.1:1"]}')
    assert stage.source_base_urls == {"binance": ("http://127.0.0.1:1",)}


@pytest.mark.parametrize(
    ("value", "complaint"),
    [('{"binanse": ["http://127.0.0.1:1"]}', "unknown source binanse"), ("{", "source_base_urls.*not JSON")],
)
def test_wrong_source_base_urls_are_refused(value: str, complaint: str) -> None:
    """An unknown source and text that is not JSON are named."""
    with pytest.raises(StageError, match=complaint):
        load(stage="local", database_url=URL, source_base_urls=value)


def test_a_secret_for_a_source_without_keys_is_refused() -> None:
    """The catalogue knows which source takes an API key."""
    with pytest.raises(StageError, match="binance takes no API key"):
        load_stage(changed("dev", source_secrets={"binance": "key"}).get)


def test_a_refused_setting_is_not_repeated() -> None:
    """A setting may hold a secret: the message names it and leaves its value out."""
    with pytest.raises(StageError, match="api_key") as refused:
        load(stage="local", database_url=URL, api_key="too-short-secret")
    assert "too-short-secret" not in str(refused.value)


def test_the_runtime_is_that_of_lambda_except_on_the_host() -> None:
    """One place says what the functions run on."""
    assert (load(stage="prod").python, load(stage="prod").architecture) == (PYTHON, ARCHITECTURE) == ("3.13", "arm64")


def test_prod_keeps_what_dev_throws_away() -> None:
    """The stage that matters survives a mistaken deletion."""
    prod = load(stage="prod")
    assert prod.database is not None
    assert prod.termination_protection
    assert prod.database.deletion_protection
    assert (prod.removal, prod.database.removal) == ("retain", "snapshot")


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the local stage runs on the Python of this machine")
def test_a_snapshot_needs_a_newer_python() -> None:
    """Lambda takes snapshots of Python from 3.12 on."""
    sizes = CONTEXT["stages"]["local"]["functions"]
    wanted = changed("local", functions={**sizes, "etl": {**sizes["etl"], "snap_start": True}})
    with pytest.raises(StageError, match=r"functions\.etl\.snap_start: only from Python 3\.12 on"):
        load_stage({**wanted, **GIVEN["local"]}.get)
