"""What pg8000 imports and MarketFlow never uses is left out at the start, and there for whoever does use it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import marketflow

pytestmark = pytest.mark.unit


def run(script: str) -> str:
    """What a Python prints that has imported nothing but marketflow's persistence."""
    begin = "import sys; sys.path.insert(0, sys.argv[1]); import marketflow.persistence.connection\n"
    folder = Path(marketflow.__file__).parents[1]
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-I", "-c", begin + script, folder], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_connection_needs_neither(capsys: pytest.CaptureFixture[str]) -> None:
    """The X.509 parser of the one, and the whole of the other."""
    assert run("print([name for name in ('asn1crypto', 'scramp.core', 'dateutil') if name in sys.modules])") == "[]"


def test_a_login_with_scram_finds_it() -> None:
    """A password of an own server: pg8000 makes its client as it always does."""
    made = "import pg8000.core; print(type(pg8000.core.scramp.ScramClient(['SCRAM-SHA-256'], 'user', 'secret')))"
    assert run(made) == "<class 'scramp.core.ScramClient'>"


def test_an_odd_time_is_read_as_ever() -> None:
    """One at infinity stays text; one that only dateutil understands is parsed by it."""
    odd = "from pg8000.converters import timestamp_in as read; print(read('infinity'), read('2026-01-02 03:04'))"
    assert run(odd) == "infinity 2026-01-02 03:04:00"


def test_everybody_else_gets_the_real_module() -> None:
    """Botocore parses times with it."""
    assert run("import dateutil.parser; print(dateutil.parser.isoparse('2026-01-02').year)") == "2026"
