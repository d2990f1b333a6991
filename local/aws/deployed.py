"""A stage in the owner's AWS account: its settings, its stacks, and what their outputs say."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from cdk.stages import Stage, StageError, load_stage
from local.cdk import ROOT
from local.processes import LocalError


def read_stage(name: str) -> Stage:
    """A stage of cdk.json that is for AWS. Raises LocalError when there is none of that name."""
    context = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    stages: Mapping[str, Mapping[str, Any]] = context["stages"]
    if name in stages and "database" not in stages[name]:
        ours = ", ".join(one for one, settings in stages.items() if "database" in settings)
        raise LocalError(f"The stage {name!r} is for this machine: make run. Those for AWS: {ours}.")
    try:
        return load_stage({**context, "stage": name}.get)
    except StageError as error:
        raise LocalError(str(error)) from error


def session(environment: Mapping[str, str] = os.environ) -> boto3.Session:
    """boto3 with the region that the CDK takes, which boto3 by itself does not read from AWS_REGION."""
    return boto3.Session(region_name=environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION"))


def reason(error: BotoCoreError | ClientError) -> str:
    """What AWS says, without the operation's name."""
    return str(error.response["Error"]["Message"]) if isinstance(error, ClientError) else str(error)


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """The stacks of `stage`, where `session` signs in."""

    stage: Stage
    session: boto3.Session

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3 clients of any service
        """A client in the session's account and region."""
        make: Any = self.session.client
        return make(service)

    def stacks(self) -> dict[str, str]:
        """The status of each stack of the stage that exists, by name."""
        pages = self.client("cloudformation").get_paginator("describe_stacks").paginate()
        found = {stack["StackName"]: stack["StackStatus"] for page in pages for stack in page["Stacks"]}
        return {name: found[name] for name in sorted(found) if name.startswith(self.stage.resource(""))}

    def outputs(self, concern: str) -> dict[str, str]:
        """The outputs of one stack. Raises LocalError when it is not deployed."""
        name = self.stage.resource(concern)
        if name not in self.stacks():
            raise LocalError(f"There is no stack {name} here. Deploy it: make deploy STAGE={self.stage.name}")
        (stack,) = self.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}

    def resources(self, stack: str, kind: str) -> list[str]:
        """The physical ids of a stack's resources of one CloudFormation type."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
        return [
            resource["PhysicalResourceId"]
            for page in pages
            for resource in page["StackResourceSummaries"]
            if resource["ResourceType"] == kind and resource["ResourceStatus"] != "DELETE_COMPLETE"
        ]
