"""`python -m local.simulator`: serve a simulated world until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from local.simulator.clock import SystemClock
from local.simulator.fault_table import FAULTS, Kind
from local.simulator.server import SimulatorServer
from local.simulator.world import World


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal comes; prints `{"url": ...}` when ready. Returns the exit code."""
    options = _parser().parse_args(arguments)
    if options.list_faults:
        for fault in FAULTS.values():
            print(f"{fault.name:32} {fault.kind.value:8} {fault.explanation}")
        return 0
    try:
        settings = _settings(options.fault)
        offset = _offset(options.start_at)
        world = World(options.seed, SystemClock(offset), faults=settings)
    except ValueError as error:
        print(f"The simulator did not start: {error}", file=sys.stderr)
        return 2
    try:
        server = SimulatorServer(world, options.port)
    except OSError as error:
        print(f"Port {options.port} cannot be used: {error.strerror}. Take another, or --port 0.", file=sys.stderr)
        return 2
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    threading.Thread(target=server.serve_forever, name="simulator", daemon=True).start()
    print(json.dumps({"url": server.url}), flush=True)
    stop.wait()
    server.shutdown()
    server.server_close()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local.simulator", description="Binance, Yahoo Finance, ExchangeRate-API and the ECB, simulated."
    )
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 (the default) picks a free one")
    parser.add_argument("--seed", type=int, default=7, help="another seed is another market (default 7)")
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="NAME=SETTING",
        help="switch a fault on: NAME=on, NAME=0.05, NAME=1x3, NAME=START/END, each with @SYMBOL,... at will",
    )
    parser.add_argument(
        "--start-at", metavar="TIME", help="begin at this instant instead of now, such as 2026-01-05T15:00Z"
    )
    names = ", ".join(
        sorted({fault.name.partition(".")[0] for fault in FAULTS.values() if fault.kind is not Kind.ALWAYS})
    )
    parser.add_argument("--list-faults", action="store_true", help=f"print every fault ({names}) and what it does")
    return parser


def _settings(given: Sequence[str]) -> dict[str, str]:
    settings = {}
    for item in given:
        name, sign, setting = item.partition("=")
        if not sign:
            raise ValueError(f"--fault {item} has no setting. Write --fault {item}=on.")
        settings[name] = setting
    return settings


def _offset(start_at: str | None) -> timedelta:
    if start_at is None:
        return timedelta()
    start = datetime.fromisoformat(start_at)
    if start.tzinfo is None:
        raise ValueError(f"--start-at {start_at} has no zone. Write {start_at}Z for UTC.")
    return start - datetime.now(UTC)


if __name__ == "__main__":
    sys.exit(main())
