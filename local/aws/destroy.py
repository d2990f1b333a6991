"""Deletes a stage with everything that is billed: `make destroy STAGE=dev`. What a stage keeps, it refuses to delete.

CloudFormation deletes no bucket with something in it, and no log group that a service made by itself.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cdk.stages import Stage
from local import cdk
from local.aws.deployed import Deployed, read_stage, reason, session
from local.aws.preflight import NEVER_BEGUN, check_account
from local.processes import LocalError

TRIES = 2
"""What ran while its bucket was emptied has ended when the stack fails for it: a second time nobody writes any more."""


def check_may_go(stage: Stage) -> None:
    """Raises LocalError for a stage whose data is meant to stay."""
    keeps = {
        "removal": stage.removal == "retain",
        "termination_protection": stage.termination_protection,
        "database.removal": stage.database is not None and stage.database.removal != "destroy",
        "database.deletion_protection": stage.database is not None and stage.database.deletion_protection,
    }
    if kept := [name for name, value in keeps.items() if value]:
        raise LocalError(
            f"The stage {stage.name} keeps its data ({', '.join(kept)} in cdk.json). Who wants it gone changes those, "
            "deploys, and asks again."
        )


def confirm(stage: Stage, environment: Mapping[str, str]) -> None:
    """Have the stage's name typed, or given as CONFIRM. Raises LocalError when it is another one."""
    said = environment.get("CONFIRM") or (
        input(f"All data of {stage.name} goes. Type its name to go on: ") if sys.stdin.isatty() else ""
    )
    if said != stage.name:
        raise LocalError(f"Not confirmed: type {stage.name}, or give CONFIRM={stage.name}.")


def check_still(stacks: Mapping[str, str]) -> None:
    """Raises LocalError while a deployment runs."""
    for stack, status in stacks.items():
        if status.endswith("_IN_PROGRESS") and status != NEVER_BEGUN:
            raise LocalError(f"The stack {stack} is {status}: wait for it.")


def empty(deployed: Deployed, bucket: str) -> int:
    """Delete every version of every object, and unfinished uploads; how many versions there were."""
    client, count = deployed.client("s3"), 0
    # Always the first page: the one before it is gone.
    while found := _versions(client.list_object_versions(Bucket=bucket)):
        answer = client.delete_objects(Bucket=bucket, Delete={"Objects": found, "Quiet": True})
        if errors := answer.get("Errors"):
            raise LocalError(f"{bucket}: {errors[0]['Key']} was not deleted: {errors[0]['Message']}")
        count += len(found)
    for page in client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
        for upload in page.get("Uploads", []):
            client.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
    return count


def _versions(page: Mapping[str, Any]) -> list[dict[str, str]]:
    entries = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
    return [{"Key": entry["Key"], "VersionId": entry["VersionId"]} for entry in entries]


def log_prefixes(deployed: Deployed) -> list[str]:
    """How the names of the log groups begin that Lambda, RDS and its proxy write to for this stage."""
    name = deployed.stage.resource
    return [
        f"/aws/lambda/{name('')}",
        f"/aws/rds/instance/{name('database')}/",
        f"/aws/rds/proxy/{name('proxy')}",
    ]


def delete_logs(deployed: Deployed) -> list[str]:
    """Delete the log groups that are left; their names."""
    client = deployed.client("logs")
    found = [
        group["logGroupName"]
        for prefix in log_prefixes(deployed)
        for page in client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
        for group in page["logGroups"]
    ]
    for name in found:
        client.delete_log_group(logGroupName=name)
    return found


def delete_stacks(stage: Stage) -> int:
    """`cdk destroy` of every stack, in the order that they allow. Returns its exit code."""
    return subprocess.run(
        cdk.command(["destroy", "--all", "--force", "-c", f"stage={stage.name}"]),
        cwd=cdk.ROOT,
        env=cdk.environment(os.environ),
        check=False,
    ).returncode


def destroy(deployed: Deployed) -> None:
    """Empty, delete, sweep. Raises LocalError with what is left when CloudFormation does not delete all."""
    for _ in range(TRIES):
        for stack in deployed.stacks():
            for bucket in deployed.resources(stack, "AWS::S3::Bucket"):
                print(f"{bucket}: {empty(deployed, bucket)} versions deleted", flush=True)
        if delete_stacks(deployed.stage) == 0 and not deployed.stacks():
            break
    if left := deployed.stacks():
        said = ", ".join(f"{stack} ({status})" for stack, status in left.items())
        raise LocalError(f"These are left: {said}. Their events in CloudFormation say why.")
    for name in delete_logs(deployed):
        print(f"{name}: deleted", flush=True)


def main(arguments: Sequence[str]) -> int:
    """`arguments` name the stage. Returns the exit code: 0 when nothing is left."""
    try:
        stage = read_stage(arguments[0])
        check_may_go(stage)
        deployed = Deployed(stage=stage, session=session())
        print(f"{stage.name}: {check_account(deployed)}", flush=True)
        check_still(deployed.stacks())
        confirm(stage, os.environ)
        destroy(deployed)
    except LocalError as error:
        print(error, file=sys.stderr)
    except (BotoCoreError, ClientError) as error:
        print(f"AWS refused: {reason(error)}", file=sys.stderr)
    else:
        print(f"{stage.name} is gone. docs/delivery.md says what stays and costs nothing.")
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
