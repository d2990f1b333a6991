"""The program that a function is measured in: imports it as Lambda would, hands it events, writes down what that took.

    python runner.py <result file> [<module> <file with an event a line>]

Standard library only, and little of it: whatever it imports is counted for everybody, the bare interpreter included.
"""

from __future__ import annotations

import json
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any


class Context:
    """What Lambda says of an invocation."""

    function_name = "marketflow-bench"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-central-1:000000000000:function:marketflow-bench"
    aws_request_id = "11111111-0000-4000-8000-000000000000"
    log_group_name = "/aws/lambda/marketflow-bench"
    log_stream_name = "bench"

    def get_remaining_time_in_millis(self) -> int:
        """Half a minute, always."""
        return 30_000


def peak_mb() -> float:
    """The most memory that this process ever held, in millions of bytes; 0 where the system does not tell."""
    # Not getrusage: that also knows what the process held which started this one.
    status = Path("/proc/self/status")
    if not status.exists():
        return 0.0
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024 / 1e6


def run(module: str, events: list[str]) -> dict[str, Any]:
    """CPU seconds of this process when the first event was answered, the first answer, and the peak after all."""
    handler = import_module(module).handler
    first = handler(json.loads(events[0]), Context())
    cpu = time.process_time()
    answers = [first, *(handler(json.loads(event), Context()) for event in events[1:])]
    return {"cpu_seconds": cpu, "first": first, "statuses": [_status(answer) for answer in answers]}


def _status(answer: dict[str, Any]) -> int:
    """The HTTP status, or how many messages of a batch were given back."""
    return int(answer.get("statusCode", len(answer.get("batchItemFailures", ()))))


def main(result: str, module: str | None = None, events: str | None = None) -> None:
    """Write the result; without a module that of an interpreter which does nothing."""
    if module is None or events is None:
        facts: dict[str, Any] = {"cpu_seconds": time.process_time()}
    else:
        facts = run(module, Path(events).read_text(encoding="utf-8").splitlines())
    Path(result).write_text(json.dumps(facts | {"peak_mb": peak_mb()}), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
