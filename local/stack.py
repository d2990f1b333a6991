"""The whole pipeline on this machine: what `make run`, `make smoke` and the end-to-end tests start and stop."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from local import postgres
from local.deploy import Deployer, Parameters
from local.emulator import REGION, Emulator, aws_client
from local.interrupts import held
from local.logs import LogCollector
from local.ownership import Ownership
from local.postgres import LocalPostgres, LocalPostgresError
from local.probe import unusable
from local.processes import LocalError, choose_port, tail
from local.settings import LocalSettings, Sources
from local.simulated import Simulator
from local.simulator.world import FAULTS_PATH
from local.steps import Steps
from marketflow.sources.catalog import CATALOG

PREFIX = "marketflow-local-"
FACTS_FILE = "local.json"
MOST_REVIVALS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a client of the running stack has to know. The routes of the API are below `api_url`."""

    api_url: str
    api_key: str = field(repr=False)
    aws_endpoint_url: str
    database_url: str = field(repr=False)
    region: str
    stacks: list[str]


class LocalStack:
    """Everything between the sources and the API, in the folder `settings.home`; a context manager.

    Data is kept apart by where it comes from, in its folders `live` and `simulator`, so that prices that were made up
    never mix with real ones. `disposable` gives the database up for speed; `source_keys` are API keys of sources, which
    go to the emulator's Secrets Manager; `hastened` looks at alarms every second. Raises LocalError when a part does
    not start.
    """

    facts: Facts
    emulator: Emulator
    postgres: LocalPostgres

    def __init__(
        self,
        *,
        settings: LocalSettings,
        steps: Steps,
        disposable: bool = False,
        hastened: bool = False,
        source_keys: Mapping[str, str] | None = None,
    ) -> None:
        self.home = settings.home
        self.settings = settings
        self.steps = steps
        self.simulator: Simulator | None = None
        self._disposable = disposable
        self._hastened = hastened
        self._source_keys = source_keys or {}
        self._cleanup = ExitStack()
        self._revivals = 0

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._cleanup.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cleanup.close()

    def _start(self) -> None:
        self._ownership = self._cleanup.enter_context(Ownership(self.home))
        base_urls = self._choose_sources()
        data = self.home / ("simulator" if self.simulator else "live")
        with self.steps.step("PostgreSQL") as note:
            with held():
                try:
                    self.postgres = postgres.start(data / "postgres", disposable=self._disposable)
                except LocalPostgresError as error:
                    raise LocalError(str(error)) from error
                self._cleanup.callback(self.postgres.stop)
            note.text = f"process {self.postgres.pid}, data in {shown(data)}"
        with self.steps.step("AWS emulator") as note:
            port = choose_port(self.settings.port)
            with held():
                self.emulator = Emulator(home=self.home, data=data, port=port, hastened=self._hastened)
                self._cleanup.callback(self.emulator.stop)
                self._ownership.note(self.emulator.process.pid)
            self.emulator.wait_ready()
            taken = f" (port {self.settings.port} is taken)" if self.settings.port not in (0, port) else ""
            note.text = f"{self.emulator.endpoint_url}{taken}"
        self._deploy(base_urls)

    def _choose_sources(self) -> dict[str, str]:
        """The base URL of each source, none for the vendors' own; starts the simulator when it is needed."""
        with self.steps.step("Sources") as note:
            wanted: Sources = self.settings.sources
            why = f"because SOURCES={wanted}"
            if wanted == "auto":
                reasons = unusable()
                wanted, why = ("simulator", f"because {reasons[0]}") if reasons else ("live", "all of them answer")
            if wanted == "live":
                note.text = f"live, {why}"
                return {}
            with held():
                self.simulator = Simulator(home=self.home, seed=self.settings.seed, sources=tuple(CATALOG))
                self._cleanup.callback(self.simulator.stop)
                self._ownership.note(self.simulator.process.pid)
            note.text = f"simulated, {why}"
            return self.simulator.wait_ready()

    def _deploy(self, base_urls: dict[str, str]) -> None:
        parameters = Parameters(
            database_url=self.postgres.url,
            base_urls=base_urls,
            api_key=self._api_key(),
            source_secrets=self._keep_source_keys(),
        )
        deployer = self._deployer()
        with self.steps.step("Stacks synthesised") as note:
            deployer.synthesise(parameters)
            note.text = shown(deployer.assembly)
        logs = LogCollector(self.client("logs"), self.home / "logs" / "functions", stage_prefix=PREFIX)
        logs.start()
        self._cleanup.callback(logs.stop)
        with self.steps.step("Stacks deployed") as note:
            stacks = deployer.deploy()
            note.text = ", ".join(stack.removeprefix(PREFIX) for stack in stacks)
        self.facts = Facts(
            api_url=f"{self.emulator.endpoint_url}/api/v1",
            api_key=parameters.api_key,
            aws_endpoint_url=self.emulator.endpoint_url,
            database_url=parameters.database_url,
            region=REGION,
            stacks=stacks,
        )
        facts = self.home / FACTS_FILE
        facts.write_text(json.dumps(asdict(self.facts), indent=2) + "\n")
        self._cleanup.callback(facts.unlink, missing_ok=True)

    def _keep_source_keys(self) -> dict[str, str]:
        """Put the sources' keys where a deployment looks for them; the names of the secrets."""
        names = {source: f"{PREFIX}{source}" for source in self._source_keys}
        for source, name in names.items():
            self.client("secretsmanager").create_secret(Name=name, SecretString=self._source_keys[source])
        return names

    def _deployer(self) -> Deployer:
        return Deployer(self.emulator, note=self._ownership.note)

    def restart_emulator(self) -> None:
        """Start the emulator again after a kill or a crash, at its address, and deploy the same stacks into it.

        The objects in S3 are still there; what lived in its memory is not: messages in queues, logs, users, their keys.
        """
        with held():
            self.emulator.restart()
            self._ownership.note(self.emulator.process.pid)
        self.emulator.wait_ready()
        self._keep_source_keys()
        self._deployer().deploy()

    def restart_simulator(self) -> None:
        """Start the simulated sources again, at their addresses, with the same markets and no faults.

        Raises LocalError when the sources are not simulated.
        """
        if self.simulator is None:
            raise LocalError("The sources are not simulated: there is nothing to start again.")
        with held():
            self.simulator.restart()
            self._ownership.note(self.simulator.process.pid)
        self.simulator.wait_ready()

    def _api_key(self) -> str:
        """The API key of this folder, made once."""
        path = self.home / "api-key"
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(f"local-{secrets.token_urlsafe(24)}")
        return path.read_text().strip()

    def set_fault(self, name: str, setting: str | None) -> None:
        """Switch a fault of the simulated sources on, or off again; `python -m local.simulator --list-faults` tells.

        Raises LocalError when the sources are not simulated, or have no such fault.
        """
        if self.simulator is None:
            raise LocalError("The sources are not simulated: nothing can be made to go wrong with them.")
        method, value = ("DELETE", "") if setting is None else ("PUT", setting)
        answer = httpx.request(method, f"{self.simulator.url}{FAULTS_PATH}", params={name: value}, trust_env=False)
        if answer.status_code != 200:
            raise LocalError(f"{name} was not set: {answer.text}")

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3's stubs type each service by a literal name
        """The boto3 client of one service of the emulator."""
        return self.emulator.client(service)

    def queue_url(self, name: str) -> str:
        """The URL of the queue `marketflow-local-<name>`."""
        return str(self.client("sqs").get_queue_url(QueueName=f"{PREFIX}{name}")["QueueUrl"])

    def data_bucket(self) -> str:
        """The name of the bucket that holds the raw archive."""
        return outputs(self.facts.aws_endpoint_url, "ingestion")["DataBucketName"]

    def fetch_now(self) -> None:
        """Ask every source for everything that its schedules fetch, without waiting for the clock."""
        client = self.client("lambda")
        for source in CATALOG.values():
            datasets = [dataset for schedule in source.schedules for dataset in schedule.datasets]
            if not datasets:
                continue
            client.invoke(
                FunctionName=f"{PREFIX}fetch-{source.name}",
                InvocationType="Event",
                Payload=json.dumps({"version": 1, "datasets": datasets}),
            )

    def check(self) -> None:
        """Raises LocalError with the reason when a part has died."""
        for process in (self.emulator.process, self.simulator and self.simulator.process):
            if process and (reason := process.died()):
                raise LocalError(reason)
        if not self.postgres.running():
            raise LocalError(f"PostgreSQL has ended. The end of {self.postgres.log}:\n{tail(self.postgres.log)}")

    def revive_database(self) -> str | None:
        """Start PostgreSQL again when it has ended, a few times; what there is to say about it.

        Everything else can wait for it: what was on its way to the database is tried again.
        """
        if self.postgres.running() or self._revivals >= MOST_REVIVALS:
            return None
        self._revivals += 1
        reason = tail(self.postgres.log, 5)
        with held():
            try:
                self.postgres.restart()
            except LocalPostgresError as error:
                raise LocalError(str(error)) from error
        return f"PostgreSQL had ended and was started again. The end of {self.postgres.log}:\n{reason}"

    def drain(self, *, seconds: float) -> bool:
        """Wait until no payload is on its way to the database; whether that was so before `seconds` passed.

        The emulator's queues live in its memory: what is in one when it stops would have to be fetched again.
        """
        client, url = self.client("sqs"), self.queue_url("payloads")
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            counts = client.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
            if not any(int(counts[name]) for name in names):
                return True
            time.sleep(0.2)
        return False


def outputs(aws_endpoint_url: str, concern: str) -> dict[str, str]:
    """What the stack of a concern of the running pipeline tells of itself, by name."""
    client = aws_client("cloudformation", aws_endpoint_url)
    (found,) = client.describe_stacks(StackName=f"{PREFIX}{concern}")["Stacks"]
    return {str(output["OutputKey"]): str(output["OutputValue"]) for output in found["Outputs"]}


def shown(path: Path) -> str:
    """The path as a person in the current folder would write it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def read_facts(home: Path) -> Facts:
    """The facts of the stack that runs in `home`. Raises LocalError when none does."""
    try:
        return Facts(**json.loads((home / FACTS_FILE).read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        message = f"No local stack is running ({shown(home / FACTS_FILE)} is not there). Start one with: make run"
        raise LocalError(message) from None
