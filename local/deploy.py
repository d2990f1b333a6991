"""The real `cdk deploy` of the stage `local` into the emulator."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from local import cdk
from local.emulator import Emulator, clean_environment
from local.interrupts import held
from local.processes import LocalError, Process, tail

ROOT = Path(__file__).resolve().parent.parent
STAGE = "local"
ASSETS_BUCKET = "marketflow-local-assets"
API_ID = "marketflow"
API_STAGE = "api"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What a local deployment is told: the database, the hosts of the sources (none: the real ones), the API key.

    `source_secrets` are the names of the secrets with sources' own keys.
    """

    database_url: str = field(repr=False)
    base_urls: Mapping[str, str]
    api_key: str = field(repr=False)
    source_secrets: Mapping[str, str] = field(default_factory=dict)

    def context(self) -> list[str]:
        """The CDK's arguments for them."""
        urls = {source: [url] for source, url in self.base_urls.items()}
        settings = {
            "stage": STAGE,
            "database_url": self.database_url,
            "source_base_urls": json.dumps(urls),
            "source_secrets": json.dumps(dict(self.source_secrets)),
            "api_key": self.api_key,
        }
        return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]


def deployment_environment(environment: Mapping[str, str], *, endpoint_url: str) -> dict[str, str]:
    """What the CDK runs with: the shell's environment, since uv builds the layers with it, but no AWS account of it."""
    kept = {name: value for name, value in environment.items() if not name.startswith(("AWS_", "CDK_", "PYTHON"))}
    return cdk.environment({**kept, **clean_environment(environment), "AWS_ENDPOINT_URL": endpoint_url})


class Deployer:
    """Synthesises into `home`/cdk.out and deploys from there, so that what was deployed can be looked at.

    `note` is told the id of each process that is started.
    """

    def __init__(self, emulator: Emulator, *, note: Callable[[int], None]) -> None:
        self.emulator = emulator
        self._note = note
        self.assembly = emulator.home / "cdk.out"
        self._remembered = emulator.data / "buckets.json"
        self.environment = deployment_environment(os.environ, endpoint_url=emulator.endpoint_url)

    def synthesise(self, parameters: Parameters) -> None:
        """Write the templates and build the assets. Raises LocalError with the end of the log when that fails."""
        shutil.rmtree(self.assembly, ignore_errors=True)
        self._cdk("synth", "--quiet", "--output", str(self.assembly), *parameters.context())

    def deploy(self) -> list[str]:
        """Deploy all stacks; their names. Raises LocalError with the end of the log when that fails."""
        self._make_assets_bucket()
        self._adopt_buckets()
        options = ("--require-approval", "never", "--progress", "events", "--concurrency", "4")
        self._cdk("deploy", "--all", "--app", str(self.assembly), *options)
        stacks = [path.name.removesuffix(".template.json") for path in sorted(self.assembly.glob("*.template.json"))]
        self._remember_buckets(stacks)
        self._serve_below_the_endpoint()
        return stacks

    def _cdk(self, command: str, *arguments: str) -> None:
        log = self.emulator.home / "logs" / f"cdk-{command}.log"
        with ExitStack() as cleanup:
            with held():
                process = Process(
                    f"cdk {command}",
                    cdk.command([command, *arguments]),
                    log=log,
                    environment=self.environment,
                    directory=ROOT,
                )
                cleanup.callback(process.stop)
                self._note(process.pid)
            code = process.wait()
        if code != 0:
            raise LocalError(f"cdk {command} failed with code {code}. The end of {log}:\n{tail(log)}")

    def _make_assets_bucket(self) -> None:
        client = self.emulator.client("s3")
        if ASSETS_BUCKET not in {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}:
            client.create_bucket(Bucket=ASSETS_BUCKET)

    def _remember_buckets(self, stacks: Sequence[str]) -> None:
        """Note which bucket belongs to which resource of which stack, for the next run."""
        client = self.emulator.client("cloudformation")
        found = {
            stack: {
                resource["LogicalResourceId"]: resource["PhysicalResourceId"]
                for resource in client.describe_stack_resources(StackName=stack)["StackResources"]
                if resource["ResourceType"] == "AWS::S3::Bucket"
            }
            for stack in stacks
        }
        self._remembered.write_text(json.dumps({stack: buckets for stack, buckets in found.items() if buckets}))

    def _adopt_buckets(self) -> None:
        """Import the buckets of the last run into their stacks, as one does on AWS with a bucket that was retained.

        Only the objects outlive the emulator; every resource is made anew, and would be made beside them.
        """
        if not self._remembered.exists():
            return
        existing = {bucket["Name"] for bucket in self.emulator.client("s3").list_buckets()["Buckets"]}
        for stack, buckets in json.loads(self._remembered.read_text()).items():
            if found := {logical_id: name for logical_id, name in buckets.items() if name in existing}:
                self._import(stack, found)

    def _import(self, stack: str, buckets: Mapping[str, str]) -> None:
        template = {
            logical_id: {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain", "Properties": {"BucketName": name}}
            for logical_id, name in buckets.items()
        }
        identifiers = [
            {
                "ResourceType": "AWS::S3::Bucket",
                "LogicalResourceId": logical_id,
                "ResourceIdentifier": {"BucketName": name},
            }
            for logical_id, name in buckets.items()
        ]
        client = self.emulator.client("cloudformation")
        change_set = {"StackName": stack, "ChangeSetName": "adopt"}
        client.create_change_set(
            **change_set,
            ChangeSetType="IMPORT",
            TemplateBody=json.dumps({"Resources": template}),
            ResourcesToImport=identifiers,
        )
        quickly = {"Delay": 1, "MaxAttempts": 30}
        client.get_waiter("change_set_create_complete").wait(**change_set, WaiterConfig=quickly)
        client.execute_change_set(**change_set)
        client.get_waiter("stack_import_complete").wait(StackName=stack, WaiterConfig=quickly)

    def _serve_below_the_endpoint(self) -> None:
        """Serve the API at `<endpoint>/api/…`, by a custom domain named like the endpoint's address.

        The emulator's own host name for it, `marketflow.execute-api.localhost`, does not resolve on every machine.
        """
        client = self.emulator.client("apigateway")
        client.create_domain_name(domainName="127.0.0.1")
        client.create_base_path_mapping(domainName="127.0.0.1", basePath=API_STAGE, restApiId=API_ID, stage=API_STAGE)
