"""A run as a whole: which figures it has, and that one failure leaves the others alone."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

import pytest

from bench import __main__ as program
from bench import run
from bench.harness import BenchError
from bench.plan import FULL, QUICK, Plan
from bench.report import Measured, NotMeasured, Outcome
from bench.run import PARTS, Lab, Part
from bench.targets import TARGETS

pytestmark = pytest.mark.unit

BROKEN = BenchError("The database did not start.")


def lab() -> Lab:
    """Where nothing could be made."""
    return Lab(plan=QUICK, server=BROKEN, peers=BROKEN, small=BROKEN, large=BROKEN)


def test_the_parts_measure_every_target_once() -> None:
    """Quick and full runs have the same parts, and so the same keys: those of the targets."""
    keys = list(chain.from_iterable(part.keys for part in PARTS))
    assert sorted(keys) == sorted(TARGETS)


def test_a_part_that_fails_leaves_the_others_alone() -> None:
    """Whatever it raises is the reason of its own figures; what was measured before and behind it stands."""

    def fail(_: Lab) -> Mapping[str, Measured]:
        raise ZeroDivisionError("no time at all")

    def succeed(_: Lab) -> Mapping[str, Measured]:
        return {"read_asset_mb": Measured(value=7.0, floor=1.0)}

    parts = (Part("one", ("etl_vs_copy", "etl_vs_orm"), fail), Part("other", ("read_asset_mb",), succeed))
    outcomes = run.measure(lab(), parts)
    assert outcomes == {
        "etl_vs_copy": NotMeasured("ZeroDivisionError: no time at all"),
        "etl_vs_orm": NotMeasured("ZeroDivisionError: no time at all"),
        "read_asset_mb": Measured(value=7.0, floor=1.0),
    }


def test_without_a_database_each_part_that_needs_it_says_so() -> None:
    """The reason is the database's, not that of whoever missed it."""
    parts = tuple(part for part in PARTS if part.keys != ("read_asset_mb",))
    outcomes = run.measure(lab(), parts)
    assert set(outcomes.values()) == {NotMeasured("The database did not start.")}


def test_a_quick_run_is_smaller_and_says_so() -> None:
    """Its figures must not be taken for those of a full run, which is the median of five rounds or more."""
    assert FULL.rounds >= 5
    assert FULL.cold_rounds >= 5
    assert (FULL.large, FULL.small) == (20_000_000, 1_000_000)
    assert QUICK.large < FULL.large
    assert "a hint, not the figures" in QUICK.said()
    assert "1,000,000 against 50,000 candles" in QUICK.said()


@pytest.mark.parametrize(
    ("value", "arguments", "code"),
    [
        (7.0, [], 0),
        (9.0, [], 1),
        (9.0, ["--no-gate"], 0),
        (None, ["--no-gate"], 1),
    ],
)
def test_the_exit_code_is_the_verdict(
    value: float | None,
    arguments: list[str],
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: pytest.TempPathFactory,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A miss fails unless that is asked for; what was not measured fails in any case, and the file is written."""
    good: dict[str, Outcome] = {
        key: Measured(value=1.0 if target.limit is None else target.limit, floor=1.0) for key, target in TARGETS.items()
    }
    good["read_asset_mb"] = NotMeasured("no registry") if value is None else Measured(value=value, floor=1.0)

    def everything(_: Plan) -> tuple[dict[str, object], dict[str, Outcome]]:
        return {"cpu": "Z80"}, good

    monkeypatch.setattr(program, "everything", everything)
    assert program.main(["--quick", "--out", f"{tmp_path}/bench.json", *arguments]) == code
    assert "read_asset_mb" in capsys.readouterr().out
    assert program.main(["--markdown", f"{tmp_path}/bench.json"]) == 0
