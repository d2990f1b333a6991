"""The AWS emulator: MiniStack in an environment of its own, on the loopback interface, without Docker."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
import httpx
from botocore.config import Config

from local.processes import LocalError, Process
from local.scratch import make_scratch, remove_scratch

ROOT = Path(__file__).resolve().parent.parent
EMULATED = ROOT / "local" / "emulated" / "__main__.py"
"""MiniStack with what it lacks."""

REGION = "us-east-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
READY_SECONDS = 60.0
HASTENED = {"SQS_METRICS_SECONDS": "1", "ALARM_SECONDS": "1"}
"""The pace of the emulator for tests of alarms (local/emulated/__main__.py)."""

PASSED_ON = (
    "HOME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "PATH",
    "TZ",
    # What a machine behind a proxy needs to reach the sources.
    "ALL_PROXY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "all_proxy",
    "https_proxy",
    "http_proxy",
)
"""The only variables of the developer's shell that reach the children."""


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """`environment` without what could change the outcome: AWS profiles and keys, PYTHONPATH, settings of our own."""
    kept = {name: environment[name] for name in PASSED_ON if name in environment}
    no_proxy = [value for name in ("no_proxy", "NO_PROXY") if (value := environment.get(name))]
    local = ",".join(["127.0.0.1", "localhost", *no_proxy[:1]])
    return {
        **kept,
        **CREDENTIALS,
        "NO_PROXY": local,
        "no_proxy": local,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "PYTHONUNBUFFERED": "1",
    }


def emulator_python(environment: Mapping[str, str]) -> Path:
    """The interpreter of the emulator's environment. Raises LocalError when the set-up did not make it."""
    suffix = Path(sys.prefix).name.removeprefix(".venv")
    venv = ROOT / environment.get("EMULATOR_VENV", f".marketflow/venv-emulator{suffix}")
    python = venv / "bin" / "python"
    if not python.exists():
        raise LocalError(f"The emulator's environment {venv} is missing. Make it with: make setup")
    return python


class Emulator:
    """A running MiniStack.

    Logs and temporary files go below `home`; the objects of its S3, the one thing that outlives it, below `data`.
    It evaluates every call of a function against the function's own role. `hastened` samples queues and looks at alarms
    every second, where AWS does so each minute.
    """

    def __init__(self, *, home: Path, data: Path, port: int, hastened: bool = False) -> None:
        self.home = home
        self.data = data
        self.endpoint_url = f"http://127.0.0.1:{port}"
        self._clients: dict[str, Any] = {}
        self._port = port
        self._hastened = hastened
        self.process = self._start()

    def _start(self) -> Process:
        scratch = make_scratch(self.home)
        environment = {
            **clean_environment(os.environ),
            # The emulator and the functions in it write temporary files: keep them in the folder of this run.
            "TMPDIR": str(scratch),
            "GATEWAY_PORT": str(self._port),
            # Its default is every interface of the machine.
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_REGION": REGION,
            "LAMBDA_EXECUTOR": "local",
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(self.data / "s3"),
            "AUTH": "true",
            # A trigger that fails fails the sign-in, as in AWS; else the token would lack its scopes.
            "MINISTACK_COGNITO_PRETOKEN_STRICT": "1",
            **(HASTENED if self._hastened else {}),
            # Listeners on fixed ports, and a Docker daemon, that nobody here asked for.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "DOCKER_HOST": f"unix://{scratch}/no-docker.sock",
        }
        return Process(
            "The AWS emulator",
            [emulator_python(os.environ), EMULATED],
            log=self.home / "logs" / "emulator.log",
            environment=environment,
            directory=self.home,
        )

    def restart(self) -> None:
        """Start it again at its address, with the objects of S3 and nothing else; its log so far is kept beside it."""
        ended = self.process
        ended.stop()
        ended.log.replace(ended.log.with_suffix(f".{ended.pid}.log"))
        self.process = self._start()

    def wait_ready(self) -> None:
        """Return when it answers. Raises LocalError when it does not."""
        self.process.wait_until(self._answers, seconds=READY_SECONDS)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.endpoint_url}/_ministack/ready", timeout=2, trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3's stubs type each service by a literal name
        """The boto3 client of one service of this emulator."""
        if service not in self._clients:
            self._clients[service] = aws_client(service, self.endpoint_url)
        return self._clients[service]

    def stop(self) -> None:
        """End it with all its Lambda workers, and remove what they left in their scratch folder."""
        for client in self._clients.values():
            client.close()
        self.process.stop()
        remove_scratch(self.home)


def aws_client(service: str, endpoint_url: str) -> Any:  # noqa: ANN401 - the same
    """A boto3 client for the emulator at `endpoint_url`, whatever AWS profile the developer has."""
    session = boto3.session.Session(
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        region_name=REGION,
    )
    config = Config(
        retries={"max_attempts": 2, "mode": "standard"},
        connect_timeout=5,
        read_timeout=120,
        proxies={},
        s3={"addressing_style": "path"},
    )
    make: Any = session.client
    return make(service, endpoint_url=endpoint_url, config=config)
