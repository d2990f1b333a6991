"""`make run` as a person sees it: what it prints works, one at a time, and nothing is left when it ends."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from tests.e2e.conftest import wait_for

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 120


class Program:
    """`python -m local.<module>` for the folder `home`, with what it prints."""

    def __init__(self, home: Path, module: str, *arguments: str) -> None:
        home.mkdir(exist_ok=True)
        self.output = home.parent / f"{home.name}-{module}.out"
        settings = {"LOCAL_HOME": str(home), "SOURCES": "simulator", "LOCAL_PORT": "0"}
        with self.output.open("wb") as out:
            self.process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", f"local.{module}", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env={**os.environ, **settings, "PYTHONPATH": f"shared{os.pathsep}."},
            )

    def said(self) -> str:
        """What it has printed so far."""
        return self.output.read_text()

    def finish(self, *, seconds: float = 60) -> int:
        """Its exit code, once it has ended by itself."""
        return self.process.wait(timeout=seconds)

    def running(self) -> None:
        """Fails with what it printed when it has ended."""
        assert self.process.poll() is None, self.said()


@contextmanager
def running(home: Path) -> Iterator[Program]:
    """`make run`, up to the point where it shows the status."""
    program = Program(home, "run")
    try:
        wait_for(lambda: "Ctrl-C stops everything" in program.said(), seconds=START_SECONDS, alive=program.running)
        yield program
    finally:
        program.process.terminate()
        program.finish()


def family(program: Program) -> list[psutil.Process]:
    """Every process that the program has started, with theirs."""
    return psutil.Process(program.process.pid).children(recursive=True)


def part(program: Program, word: str) -> psutil.Process:
    """The one process of the program's own whose command has `word` in it."""
    (found,) = [child for child in psutil.Process(program.process.pid).children() if word in " ".join(child.cmdline())]
    return found


def assert_gone(processes: list[psutil.Process]) -> None:
    """None of the processes is left."""
    _, alive = psutil.wait_procs(processes, timeout=10)
    assert not alive


def curls(program: Program) -> list[httpx.Response]:
    """The answers to the printed requests, sent as they stand."""
    answers = []
    for line in re.findall(r"^  curl .*$", program.said(), re.MULTILINE):
        _, _, header, url = shlex.split(line)
        name, _, value = header.partition(": ")
        answers.append(httpx.get(url, headers={name: value}, timeout=20))
    return answers


def test_run_from_start_to_stop_and_again(tmp_path: Path) -> None:
    """What is printed works; a second run is refused; SIGINT ends everything; the next run has the data."""
    home = tmp_path / "home"
    with running(home) as program:
        assert [answer.status_code for answer in curls(program)] == [200, 200, 200]
        facts = json.loads((home / "local.json").read_text())
        assert set(facts) == {"api_url", "api_key", "aws_endpoint_url", "database_url", "region", "stacks"}

        second = Program(home, "run")
        assert second.finish() == 1
        assert f"already runs in {home} (process {program.process.pid})" in second.said()

        status = Program(home, "status")
        assert status.finish() == 0
        assert status.said().count(" delivered ") == 4

        invoked = Program(home, "invoke", "etl", "events/sqs_exchangerate_latest.json")
        assert invoked.finish() == 0, invoked.said()
        assert '"batchItemFailures": []' in invoked.said()

        started = family(program)
        program.process.send_signal(signal.SIGINT)
        assert program.finish() == 0, program.said()
        assert_gone(started)
        assert not (home / "local.json").exists()

    assert "No local stack is running" in said_by(home, "status")
    buckets = json.loads((home / "simulator" / "buckets.json").read_text())
    with running(home) as program:
        assert json.loads((home / "simulator" / "buckets.json").read_text()) == buckets
        assert json.loads((home / "local.json").read_text())["api_key"] == facts["api_key"]
        part(program, "bin/postgres").kill()
        wait_for(lambda: "PostgreSQL had ended and was started again" in program.said(), seconds=20)
        # A process that found the server gone calls it gone for another second: 503 with Retry-After, then 200.
        wait_for(lambda: {answer.status_code for answer in curls(program)} == {200}, seconds=20)
        started = family(program)
        part(program, "local/emulated").kill()
        assert program.finish() == 1
        assert "The AWS emulator was ended by SIGKILL. The end of" in program.said()
        assert_gone(started)


def said_by(home: Path, module: str) -> str:
    """What a program that ends by itself printed."""
    program = Program(home, module)
    program.finish()
    return program.said()


def test_a_run_that_was_killed_leaves_nothing_to_the_next(tmp_path: Path) -> None:
    """The next run ends what a killed one could not, and starts with its data."""
    home = tmp_path / "home"
    killed, noted = Program(home, "run"), home / "processes.json"
    # The simulator, the emulator, and the CDK, which works for seconds.
    wait_for(lambda: noted.exists() and len(json.loads(noted.read_text())) == 3, seconds=90, alive=killed.running)
    left = family(killed)
    killed.process.kill()
    killed.finish()
    assert any(process.is_running() for process in left)
    again = Program(home, "run")
    wait_for(lambda: "AWS emulator" in again.said(), seconds=60, alive=again.running)
    assert_gone(left)
    again.process.send_signal(signal.SIGTERM)
    assert again.finish() == 0, again.said()


def test_a_wrong_setting_is_named_before_anything_starts(tmp_path: Path) -> None:
    """A setting that is none stops `make run` at once, with its name."""
    started = time.monotonic()
    program = subprocess.run(
        [sys.executable, "-m", "local.run"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "SOURCES": "fake", "LOCAL_HOME": str(tmp_path), "PYTHONPATH": f"shared{os.pathsep}."},
    )
    assert program.returncode == 1
    assert "SOURCES=fake is not one of live, simulator, auto" in program.stderr
    assert time.monotonic() - started < 20
    assert list(tmp_path.iterdir()) == []
