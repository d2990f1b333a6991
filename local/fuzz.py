"""Throws thousands of odd requests at a deployment of its own, made up from the API's own description: `make fuzz`.

Schemathesis generates them and checks the answers (tests/fuzz/schemathesis.toml): with every credential, then with
none. What it finds it prints with a curl line; the seed of a run repeats it (`make fuzz SEED=…`).
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from local.client import ApiClient
from local.interrupts import held
from local.processes import LocalError, Process, tail
from local.settings import load_settings
from local.sign_in import SignIn
from local.stack import LocalStack
from local.steps import Steps
from local.trial import trial

ROOT = Path(__file__).resolve().parent.parent
CONFIGURATION = ROOT / "tests" / "fuzz" / "schemathesis.toml"
CASES = 5_000
EXAMPLES = 150
"""How many requests each phase makes up for an operation; CASES is what all of them together have to reach."""

PRICES_SECONDS = 60.0
API_STAGE = "api"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What opens the API. None stands for a credential that nobody has, so that the gateway has one to refuse."""

    api_key: str | None = None
    token: str | None = None

    def variables(self) -> dict[str, str]:
        """What schemathesis.toml reads."""
        return {
            "MARKETFLOW_API_KEY": self.api_key or secrets.token_hex(16),
            "MARKETFLOW_TOKEN": self.token or secrets.token_hex(16),
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many requests were made, and how many of the failures among them are different; `log` tells of each."""

    cases: int
    failures: int
    errors: int
    log: Path

    @property
    def good(self) -> bool:
        """Whether nothing was found."""
        return self.failures == self.errors == 0


def unlimited_key(stack: LocalStack) -> str:
    """A new API key on a usage plan of its own without limits: a 429 would hide what is behind it."""
    client = stack.client("apigateway")
    (api,) = client.get_rest_apis()["items"]
    stages = [{"apiId": api["id"], "stage": API_STAGE}]
    key = client.create_api_key(name="fuzz", enabled=True, value=secrets.token_hex(20))
    plan = client.create_usage_plan(name="fuzz", apiStages=stages)
    client.create_usage_plan_key(usagePlanId=plan["id"], keyId=key["id"], keyType="API_KEY")
    return str(key["value"])


def fuzz(
    stack: LocalStack, name: str, credentials: Credentials, *, examples: int, seed: int, options: Sequence[str] = ()
) -> Outcome:
    """One run of Schemathesis. Raises LocalError when it could not run to its end."""
    log, report = stack.home / "logs" / f"fuzz-{name}.log", stack.home / "logs" / f"fuzz-{name}.json"
    arguments = ["--config-file", str(CONFIGURATION), "run", str(ROOT / "docs" / "openapi.json")]
    arguments += ["--url", stack.facts.api_url.removesuffix("/v1"), "-n", str(examples), "--seed", str(seed)]
    arguments += ["--report", "json", "--report-json-path", str(report), "--no-color", *options]
    with held():
        process = Process(
            "Schemathesis",
            [Path(sys.executable), "-m", "schemathesis.cli", *arguments],
            log=log,
            environment={**os.environ, **credentials.variables(), "PYTHONPATH": f"{ROOT / 'shared'}:{ROOT}"},
            directory=stack.home,
        )
    try:
        process.wait()
    finally:
        process.stop()
    if not report.exists():
        raise LocalError(f"Schemathesis did not come to its end. The end of {log}:\n{tail(log)}")
    found = json.loads(report.read_text(encoding="utf-8"))
    cases = found["test_cases"]
    return Outcome(cases=cases["generated"], failures=cases["unique_failures"], errors=len(found["errors"]), log=log)


def fuzz_all(home: Path, *, seed: int) -> str:
    """Start, fuzz with and without credentials, stop; what there is to say. Raises LocalError with findings."""
    steps = Steps()
    settings = replace(load_settings(os.environ), home=home, sources="simulator", port=0)
    with LocalStack(settings=settings, steps=steps, disposable=True) as stack:
        stack.fetch_now()
        with ApiClient(stack.facts) as client:
            client.wait_for_prices(seconds=PRICES_SECONDS, alive=stack.check)
        cases = 0
        known = Credentials(api_key=unlimited_key(stack), token=SignIn(stack.facts).local(admin=True).access)
        runs = {"with credentials": known, "without credentials": Credentials()}
        for name, credentials in runs.items():
            with steps.step(name.capitalize()) as note:
                outcome = fuzz(stack, name.replace(" ", "-"), credentials, examples=EXAMPLES, seed=seed)
                if not outcome.good:
                    raise LocalError(f"{outcome.log.read_text(encoding='utf-8')}\nSeed {seed}.")
                note.text = f"{outcome.cases} cases"
            cases += outcome.cases
        stack.check()
    if cases < CASES:
        raise LocalError(f"Only {cases} cases were made up; {CASES} are wanted. Raise EXAMPLES in local/fuzz.py.")
    return f"Nothing was found in {cases} cases."


def main() -> int:
    """Run it. Returns the exit code: 0 when nothing was found."""
    seed = int(os.environ.get("SEED") or secrets.randbelow(2**31))
    print(f"Seed {seed}", flush=True)
    return trial("fuzz", partial(fuzz_all, seed=seed))


if __name__ == "__main__":
    sys.exit(main())
