"""The small pure parts of the local stack."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any, Self

import pytest

from local import interrupts, scratch
from local.deploy import Parameters, deployment_environment
from local.emulator import clean_environment
from local.interrupts import Stopped, held
from local.invoke import full_name, load_event
from local.logs import LogCollector
from local.processes import LocalError
from local.stack import read_facts
from local.steps import Steps

pytestmark = pytest.mark.unit

SHELL = {
    "PATH": "/usr/bin",
    "HOME": "/home/ada",
    "AWS_PROFILE": "production",
    "AWS_SECRET_ACCESS_KEY": "real",
    "PYTHONPATH": "/somewhere",
    "DATABASE_URL": "postgresql://production",
    "UV_INDEX_URL": "https://packages.example",
    "NO_PROXY": "example.org",
}


def test_emulator_environment_has_nothing_of_the_developers_account() -> None:
    """Neither a profile nor a key nor a setting of the shell reaches the emulator and the functions in it."""
    clean = clean_environment(SHELL)
    assert clean["HOME"] == "/home/ada"
    assert clean["AWS_SECRET_ACCESS_KEY"] == "test"
    assert clean["NO_PROXY"] == "127.0.0.1,localhost,example.org"
    assert not {"AWS_PROFILE", "PYTHONPATH", "DATABASE_URL"} & clean.keys()


def test_deployment_environment_keeps_what_uv_needs() -> None:
    """The CDK run builds the layer with the shell's settings of uv, in the emulator's account."""
    environment = deployment_environment(SHELL, endpoint_url="http://127.0.0.1:1")
    assert environment["UV_INDEX_URL"] == "https://packages.example"
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert environment["AWS_SECRET_ACCESS_KEY"] == "test"
    assert "AWS_PROFILE" not in environment
    assert "/somewhere" not in environment["PYTHONPATH"]


def test_parameters_become_context() -> None:
    """Every parameter reaches the CDK app by its name; the hosts of the sources as JSON."""
    parameters = Parameters(
        database_url="postgresql://x",
        base_urls={"binance": "http://h/binance"},
        api_key="k",
        source_secrets={"exchangerate": "the-name"},
    )
    context = parameters.context()
    assert context[::2] == ["-c"] * 5
    values = dict(pair.split("=", 1) for pair in context[1::2])
    assert values["stage"] == "local"
    assert values["database_url"] == "postgresql://x"
    assert json.loads(values["source_base_urls"]) == {"binance": ["http://h/binance"]}
    assert json.loads(values["source_secrets"]) == {"exchangerate": "the-name"}


@pytest.mark.parametrize("name", ["etl", "marketflow-local-etl"])
def test_function_by_short_or_full_name(name: str) -> None:
    """A function can be named with or without its prefix."""
    assert full_name(name, ["marketflow-local-etl", "marketflow-local-api"]) == "marketflow-local-etl"


@pytest.mark.parametrize("name", ["", "elt"])
def test_unknown_function_lists_the_known(name: str) -> None:
    """A wrong or missing name is answered with those that there are."""
    with pytest.raises(LocalError, match="api, etl"):
        full_name(name, ["marketflow-local-etl", "marketflow-local-api"])


def test_event_that_cannot_be_used(tmp_path: Path) -> None:
    """An event that is not named, missing or not JSON is refused before anything is called."""
    (tmp_path / "bad.json").write_text("{")
    for path, message in (
        ("", "Which event"),
        (str(tmp_path / "no.json"), "cannot be read"),
        (str(tmp_path / "bad.json"), "not JSON"),
    ):
        with pytest.raises(LocalError, match=message):
            load_event(path)


def test_no_stack_is_running(tmp_path: Path) -> None:
    """Without a running stack the message says how to start one."""
    with pytest.raises(LocalError, match="make run"):
        read_facts(tmp_path)


def test_steps_are_timed(capsys: pytest.CaptureFixture[str]) -> None:
    """A step prints its name, seconds and note when it is done, and nothing when it fails."""
    steps = Steps()
    with steps.step("First") as note:
        note.text = "all well"
    with pytest.raises(LocalError), steps.step("Second"):
        raise LocalError("no")
    out = capsys.readouterr().out
    assert "First" in out
    assert "all well" in out
    assert "Second" not in out
    assert list(steps.taken) == ["First"]


class FakeLogs:
    """The two calls of CloudWatch Logs that the collector makes; `events` may grow between them."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def add(self, message: str, *, timestamp: int, stream: str = "s") -> None:
        """Log a line."""
        self.events.append({"logStreamName": stream, "timestamp": timestamp, "message": message})

    def describe_log_groups(self, **_: str) -> dict[str, Any]:
        """One function's group."""
        return {"logGroups": [{"logGroupName": "/aws/lambda/marketflow-local-etl"}]}

    def get_paginator(self, _: str) -> Self:
        """Itself, for `paginate`."""
        return self

    def paginate(self, **arguments: str | int) -> list[dict[str, Any]]:
        """Everything since `startTime`, in two pages."""
        found = [event for event in self.events if event["timestamp"] >= arguments["startTime"]]
        return [{"events": found[:1]}, {"events": found[1:]}]


def test_logs_are_copied_once(tmp_path: Path) -> None:
    """Each line of a function's log lands in its file once, also one that arrives late with an older time."""
    logs = FakeLogs()
    collector = LogCollector(logs, tmp_path, stage_prefix="marketflow-local-")
    logs.add("one\n", timestamp=100_000)
    logs.add("two", timestamp=100_500)
    collector.collect()
    logs.add("late", timestamp=99_000, stream="t")
    collector.collect()
    collector.collect()
    assert (tmp_path / "etl.log").read_text().splitlines() == ["one", "two", "late"]


def test_signal_waits_for_the_end_of_a_held_section() -> None:
    """A signal inside a held section is raised at its end, outside at once; while everything is stopped, never."""
    before = {sign: signal.getsignal(sign) for sign in interrupts.SIGNALS}
    reached = []

    def signal_inside() -> None:
        with held():
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.05)
            reached.append("the end")

    def signal_outside() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)
        reached.append("too far")

    try:
        for act in (signal_inside, signal_outside):
            interrupts.listen()
            with pytest.raises(Stopped):
                act()
        assert reached == ["the end"]
        os.kill(os.getpid(), signal.SIGINT)
    finally:
        for sign, handler in before.items():
            signal.signal(sign, handler)


def test_scratch_in_memory_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scratch space in memory is reachable from the home folder, so that the next run can remove a killed one's."""
    monkeypatch.setattr(scratch, "ROOM", 0)
    memory, home = tmp_path / "shm", tmp_path / "home"
    memory.mkdir()
    first = scratch.make_scratch(home, memory=memory)
    assert first.parent == memory
    assert (home / "tmp").resolve() == first.resolve()
    second = scratch.make_scratch(home, memory=memory)
    assert list(memory.iterdir()) == [second]
    scratch.remove_scratch(home, memory=memory)
    assert list(memory.iterdir()) == []
    assert list(home.iterdir()) == []


def test_scratch_of_the_dead_is_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a killed program left in memory is removed by the next one, wherever that has its home; nothing else is."""
    monkeypatch.setattr(scratch, "ROOM", 0)
    monkeypatch.setattr(scratch.psutil, "pid_exists", lambda pid: pid != 4_000_000)
    for name in ("marketflow-4000000-x", "marketflow-1-x", "marketflow-other", "somebody-4000000-x"):
        (tmp_path / name).mkdir()
    made = scratch.make_scratch(tmp_path / "home", memory=tmp_path)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"marketflow-1-x", "marketflow-other", "somebody-4000000-x", "home", made.name}


def test_scratch_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without room in memory, or without such a place at all, the home folder itself is used."""
    monkeypatch.setattr(scratch, "ROOM", 2**80)
    for memory in (tmp_path, tmp_path / "missing"):
        folder = scratch.make_scratch(tmp_path / "home", memory=memory)
        assert folder == tmp_path / "home" / "tmp"
        (folder / "left").touch()
    scratch.remove_scratch(tmp_path / "home", memory=tmp_path)
    assert not folder.exists()


def test_a_strange_link_is_not_followed(tmp_path: Path) -> None:
    """Only what scratch space looks like is removed: a link to somewhere else loses the link, not the place."""
    precious = tmp_path / "precious"
    precious.mkdir()
    home = tmp_path / "home"
    home.mkdir()
    (home / "tmp").symlink_to(precious)
    scratch.remove_scratch(home, memory=tmp_path / "shm")
    assert precious.exists()
    assert not (home / "tmp").exists()
