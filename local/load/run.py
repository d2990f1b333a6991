"""The runs: what each does one after the other, and what it writes."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from local.load import backpressure, drills, plans, report, saturation
from local.load import soak as soaking
from local.load.exact import exact
from local.load.faults import FAULTS
from local.load.stand import Stand, stand
from local.processes import LocalError
from local.stack import PREFIX
from marketflow.domain.plans import Limits
from marketflow.persistence.connection import Database

ETL_MINUTES = 90
SOAK_MINUTES = 10


def load(home: Path) -> str:
    """Saturation in process, plans and the queue over HTTP, and whether every row is what it must be."""
    with stand(home) as made:
        figures: dict[str, Any] = {}
        faults: list[str] = []
        some = made.minutes(ETL_MINUTES)
        made.archive(some)
        measures: dict[str, Callable[[], tuple[dict[str, Any], list[str]]]] = {
            "etl": partial(saturation.etl, made, some),
            "api": partial(saturation.api, made),
            "plans": partial(plans.plans, made, limits_of(made)),
            "queue": partial(plans.queue, made),
            "backpressure": partial(backpressure.backpressure, made),
        }
        for name, measure in measures.items():
            figures[name], found = measure()
            faults += found
        made.settle()
        figures["exact"] = exact(made, home)
        print(f"\nThe rows are those of the archive, to the digit: {figures['exact']}")
        told = report.finish("load", figures, postgres=postgres_of(made), faults=faults)
    return verdict(faults, told)


def soak(home: Path) -> str:
    """MINUTES (10) of half the load that saturates, and whether memory, connections, files and threads stay flat."""
    minutes = float(os.environ.get("MINUTES") or SOAK_MINUTES)
    with stand(home) as made:
        figures, faults = soaking.soak(made, minutes)
        made.settle()
        told = report.finish("soak", figures, postgres=postgres_of(made), faults=faults)
    return verdict(faults, told)


def drill(home: Path) -> str:
    """One part after the other is killed under load; what was lost, how long it took, and which minutes are missing."""
    with stand(home) as made:
        outcomes, missing = drills.drills(made, FAULTS)
        rows = exact(made, home)
        faults = drills.faults_of(outcomes)
        figures = {"drills": [asdict(one) for one in outcomes], "minutes": asdict(missing), "exact": rows}
        print(f"  The rows are those of the archive, to the digit: {rows}")
        told = report.finish("drills", figures, postgres=postgres_of(made), faults=faults)
    return verdict(faults, told)


def limits_of(made: Stand) -> dict[str, Limits]:
    """What each plan allows a key, as the deployed API was told."""
    deployed = made.stack.client("lambda").get_function_configuration(FunctionName=f"{PREFIX}api")
    told = json.loads(deployed["Environment"]["Variables"]["PLANS"])
    return {name: Limits.model_validate(limits) for name, limits in told.items()}


def postgres_of(made: Stand) -> str:
    """The server's version."""
    with closing(Database(made.stack.facts.database_url, application_name="marketflow-load")) as database:
        return str(database.query("SHOW server_version")[0][0])


def verdict(faults: list[str], told: str) -> str:
    """What to say at the end. Raises LocalError with everything that is not as it must be."""
    if faults:
        raise LocalError("\n  ".join([f"{len(faults)} things are not as they must be. {told}", *faults[:20]]))
    return f"Nothing was lost, and nothing was answered wrongly. {told}"


WORK: dict[str, Callable[[Path], str]] = {"load": load, "soak": soak, "drills": drill}
