"""MiniStack with what it lacks: started in its place, by the interpreter of its own environment.

What is added to it is in the modules beside this one. Those that have to do with MiniStack have a function `install`;
the others are pure, and tested without it. SQS_METRICS_SECONDS and ALARM_SECONDS are the pace of what AWS does each
minute.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

# The folder of the package in place of this file's own, whose names are no packages of anybody's.
sys.path[0] = str(Path(__file__).resolve().parents[2])

from ministack.app import main  # noqa: E402 - found only now

from local.emulated import (  # noqa: E402 - the same
    alarms,
    functions,
    gateway,
    logs,
    permissions,
    queues,
    resource_types,
    store,
    usage,
    workers,
)
from local.emulated.pace import every  # noqa: E402 - the same

for part in (store, usage, gateway, functions, logs, alarms, resource_types, permissions, workers):
    part.install()
every(float(os.environ.get("SQS_METRICS_SECONDS", "60")), queues.sample_all)
every(float(os.environ.get("ALARM_SECONDS", "5")), alarms.evaluate_all)
main()
