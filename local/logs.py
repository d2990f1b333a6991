"""Copies what the functions log from the emulator's log groups into files that `tail -f` and `grep` can read."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

PREFIX = "/aws/lambda/"
POLL_SECONDS = 2.0
SETTLED_MILLISECONDS = 10_000
"""An event may appear this much later than its own time says: lines are written when an invocation has ended."""


class LogCollector:
    """Appends every new event of every function's log group to `folder`/<function>.log while it runs."""

    def __init__(self, client: Any, folder: Path, *, stage_prefix: str) -> None:  # noqa: ANN401 - a boto3 client
        self._client = client
        self._folder = folder
        self._stage_prefix = stage_prefix
        self._seen: dict[str, set[tuple[str, int, str]]] = {}
        self._since: dict[str, int] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="logs", daemon=True)
        folder.mkdir(parents=True, exist_ok=True)

    def start(self) -> None:
        """Begin in the background, with empty files: this run's log is this run's."""
        for path in self._folder.glob("*.log"):
            path.unlink()
        self._thread.start()

    def stop(self) -> None:
        """Collect once more and end."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._stop.wait(POLL_SECONDS):
            self.collect()
        self.collect()

    def collect(self) -> None:
        """Append what is new in every group. An emulator that is gone has nothing new."""
        try:
            groups = self._client.describe_log_groups(logGroupNamePrefix=PREFIX)["logGroups"]
            for group in groups:
                self._copy(group["logGroupName"])
        except (BotoCoreError, ClientError):
            return

    def _copy(self, group: str) -> None:
        pages = self._client.get_paginator("filter_log_events").paginate(
            logGroupName=group, startTime=self._since.get(group, 0)
        )
        events = [event for page in pages for event in page["events"]]
        keys = {(event["logStreamName"], event["timestamp"], event["message"]) for event in events}
        known = self._seen.get(group, set())
        fresh = [
            event for event in events if (event["logStreamName"], event["timestamp"], event["message"]) not in known
        ]
        if not events:
            return
        self._since[group] = max(event["timestamp"] for event in events) - SETTLED_MILLISECONDS
        self._seen[group] = {key for key in keys if key[1] >= self._since[group]}
        name = group.removeprefix(PREFIX).removeprefix(self._stage_prefix)
        with (self._folder / f"{name}.log").open("a", encoding="utf-8") as log:
            log.writelines(f"{event['message'].rstrip()}\n" for event in fresh)
