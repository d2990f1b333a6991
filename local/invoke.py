"""Runs one deployed handler of the running stack with an event from a file: `make invoke`."""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from local.emulator import aws_client
from local.processes import LocalError
from local.settings import load_settings
from local.stack import PREFIX, Facts, read_facts

USAGE = "make invoke FN=etl EVENT=events/sqs_binance_klines.json"


def load_event(path: str) -> str:
    """The event's text. Raises LocalError when it cannot be read or is not JSON."""
    if not path:
        raise LocalError(f"Which event? {USAGE}")
    try:
        text = Path(path).read_text(encoding="utf-8")
        json.loads(text)
    except OSError as error:
        raise LocalError(f"The event {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise LocalError(f"The event {path} is not JSON: {error}.") from error
    return text


def full_name(name: str, known: Sequence[str]) -> str:
    """The deployed function that `name` means, with or without its prefix. Raises LocalError that lists them all."""
    if not name:
        raise LocalError(f"Which function? {USAGE}. There are: {_short(known)}.")
    for candidate in (name, f"{PREFIX}{name}"):
        if candidate in known:
            return candidate
    raise LocalError(f"There is no function {name!r}. There are: {_short(known)}.")


def _short(names: Sequence[str]) -> str:
    return ", ".join(sorted(name.removeprefix(PREFIX) for name in names))


def invoke(facts: Facts, name: str, event: str) -> int:
    """Invoke, print the result and the end of the log. Returns 1 when the function failed."""
    client = aws_client("lambda", facts.aws_endpoint_url)
    pages = client.get_paginator("list_functions").paginate()
    known = [function["FunctionName"] for page in pages for function in page["Functions"]]
    answer = client.invoke(FunctionName=full_name(name, known), Payload=event, LogType="Tail")
    log = base64.b64decode(answer.get("LogResult", "")).decode(errors="replace").strip()
    payload = json.loads(answer["Payload"].read() or "null")
    print(f"{log}\n" if log else "", end="", file=sys.stderr, flush=True)
    print(json.dumps(payload, indent=2, ensure_ascii=False))
    return 1 if answer.get("FunctionError") else 0


def main(arguments: Sequence[str]) -> int:
    """`arguments` are the function's name and the event's path. Returns the exit code."""
    name, path = (*arguments, "", "")[:2]
    try:
        return invoke(read_facts(load_settings(os.environ).home), name, load_event(path))
    except LocalError as error:
        print(error, file=sys.stderr)
    except (BotoCoreError, ClientError) as error:
        print(f"The local stack did not take the call: {error}. Is it still running? make status", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
