"""The simulator as a process with a port: what `make run` and the tests of the whole stack talk to."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from local.simulator.__main__ import main
from local.simulator.server import SimulatorServer
from tests.unit.simulator.support import BROWSER, world

pytestmark = pytest.mark.functional

ROOT = Path(__file__).resolve().parents[3]


@contextmanager
def served(**faults: str) -> Iterator[str]:
    """The address of a simulated world whose clock stands still."""
    server = SimulatorServer(world(faults=faults))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.url
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """`python -m local.simulator`, killed at the end if it still runs."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'shared'}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-m", "local.simulator", *arguments]
    with subprocess.Popen(  # noqa: S603 - the command is made above
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as started:
        try:
            yield started
        finally:
            if started.poll() is None:
                started.kill()


def test_it_says_where_it_is_and_stops_on_sigterm() -> None:
    """One line of JSON when it is ready, answers on the loopback interface, exit code 0 at SIGTERM with clients on."""
    with process("--port", "0", "--seed", "7", "--fault", "binance.http_503=1x1") as simulator:
        assert simulator.stdout is not None
        url = json.loads(simulator.stdout.readline())["url"]
        assert url.startswith("http://127.0.0.1:")
        with httpx.Client(headers=BROWSER) as client:
            assert [client.get(f"{url}/binance/api/v3/ping").status_code for _ in range(2)] == [503, 200]
            age = client.get(f"{url}/binance/api/v3/time").json()["serverTime"] / 1000 - time.time()
            assert abs(age) < 10
            simulator.send_signal(signal.SIGTERM)
            assert simulator.wait(timeout=10) == 0
        assert simulator.stdout.read() == ""
        assert simulator.stderr is not None
        assert simulator.stderr.read() == ""


def test_the_clock_can_begin_elsewhere() -> None:
    """--start-at moves the vendors' clock, which then runs on."""
    with process("--start-at", "2026-01-05T15:00Z") as simulator:
        assert simulator.stdout is not None
        url = json.loads(simulator.stdout.readline())["url"]
        answer = httpx.get(f"{url}/yahoo/v8/finance/chart/AAPL", headers=BROWSER)
        assert answer.headers["date"].startswith("Mon, 05 Jan 2026 15:0")
        assert answer.json()["chart"]["result"][0]["timestamp"][0] == 1_767_623_400


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--fault", "binance.nonsense=on"], "There is no fault 'binance.nonsense'"),
        (["--fault", "binance.http_503"], "Write --fault binance.http_503=on"),
        (["--start-at", "2026-01-05T15:00"], "has no zone"),
        (["--start-at", "tomorrow"], "tomorrow"),
    ],
)
def test_wrong_arguments(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong switch or time is said on stderr and nothing is served."""
    assert main(["--port", "0", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_a_port_that_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    """A busy port is said, with what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert main(["--port", str(taken.getsockname()[1])]) == 2
    assert "--port 0" in capsys.readouterr().err


def test_the_list_of_faults(capsys: pytest.CaptureFixture[str]) -> None:
    """--list-faults prints a line for each."""
    assert main(["--list-faults"]) == 0
    assert "yahoo.consent_page" in capsys.readouterr().out


def test_one_connection_carries_many_requests() -> None:
    """Keep-alive holds over good answers, refusals, answers without a body, and requests with one."""
    with served() as url, httpx.Client(base_url=url, headers=BROWSER) as client:
        ports = set()
        for method, path, status in (
            ("GET", "/binance/api/v3/klines?symbol=BTCUSDT&interval=1m", 200),
            ("GET", "/binance/api/v3/klines?symbol=NOPE&interval=1m", 400),
            ("HEAD", "/exchangerate/v6/latest/USD", 200),
            ("GET", "/frankfurter/latest", 301),
            ("PUT", "/_faults?ecb.stale=on", 200),
            ("DELETE", "/_faults", 200),
            ("GET", "/yahoo/v8/finance/chart/%5EGSPC", 200),
        ):
            body = b"ignored" if method in {"PUT", "DELETE"} else None
            answer = client.request(method, path, content=body)
            assert answer.status_code == status, path
            ports.add(answer.extensions["network_stream"].get_extra_info("client_addr"))
        assert len(ports) == 1


def test_etag_is_honoured_over_the_wire() -> None:
    """304 has no body, and the connection goes on."""
    with served() as url, httpx.Client(base_url=url) as client:
        tag = client.get("/frankfurter/v1/latest").headers["etag"]
        assert client.get("/frankfurter/v1/latest", headers={"if-none-match": tag}).status_code == 304
        assert client.get("/frankfurter/v1/latest").status_code == 200


def test_a_truncated_body_is_a_whole_answer() -> None:
    """A cut body has the length it says, so that it is the reader who notices."""
    with served(**{"exchangerate.truncated": "on"}) as url:
        answer = httpx.get(f"{url}/exchangerate/v6/latest/USD")
        assert int(answer.headers["content-length"]) == len(answer.content)
        with pytest.raises(json.JSONDecodeError):
            answer.json()


def test_many_clients_at_once() -> None:
    """Requests in parallel get what they would get alone, and all of them are counted."""
    with served() as url, httpx.Client(base_url=url, headers=BROWSER) as client:
        paths = [f"/binance/api/v3/klines?symbol={symbol}USDT&interval=1m" for symbol in ("BTC", "ETH", "SOL", "XRP")]
        alone = {path: client.get(path).content for path in paths}
        with ThreadPoolExecutor(8) as pool:
            together = list(pool.map(lambda path: (path, client.get(path).content), paths * 10))
        assert all(alone[path] == content for path, content in together)
        assert client.get("/binance/api/v3/ping").headers["x-mbx-used-weight-1m"] == str(2 * (4 + 40) + 1)


def test_only_this_machine_is_served() -> None:
    """The server listens on the loopback interface, not on the others."""
    server = SimulatorServer(world())
    try:
        assert server.server_address[0] == "127.0.0.1"
    finally:
        server.server_close()
