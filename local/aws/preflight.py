"""What speaks against a deployment, said before anything is built or changed: `python -m local.aws.preflight dev`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from botocore.exceptions import BotoCoreError, ClientError

from local.aws.deployed import Deployed, read_stage, reason, session
from local.processes import LocalError

BOOTSTRAP = "/cdk-bootstrap/hnb659fds/version"
BOOTSTRAP_VERSION = 6
"""What the stacks ask of the bootstrap (`requiresBootstrapStackVersion` of their manifests)."""

DELETE = "Delete it, then deploy again: aws cloudformation delete-stack --stack-name {stack}"
REMEDIES = {
    "CREATE_FAILED": DELETE,
    "ROLLBACK_COMPLETE": DELETE,
    "ROLLBACK_FAILED": DELETE,
    "DELETE_FAILED": DELETE,
    "UPDATE_FAILED": "Go back first: aws cloudformation rollback-stack --stack-name {stack}",
    "UPDATE_ROLLBACK_FAILED": "Mend what its events name, then: "
    "aws cloudformation continue-update-rollback --stack-name {stack}",
    "IMPORT_ROLLBACK_FAILED": "Mend what its events name, then: "
    "aws cloudformation continue-update-rollback --stack-name {stack}",
}
"""What to do about a stack in which CloudFormation accepts no update."""

NEVER_BEGUN = "REVIEW_IN_PROGRESS"
"""A change set was made and not carried out: nothing runs, and the CDK goes on from there."""


def hindrance(stacks: Mapping[str, str]) -> str | None:
    """Why no stack may be changed now and what to do; None when nothing is in the way."""
    for stack, status in stacks.items():
        if status.endswith("_IN_PROGRESS") and status != NEVER_BEGUN:
            return (
                f"A deployment is running: the stack {stack} is {status}. Wait for it: aws cloudformation "
                f"describe-stack-events --stack-name {stack} shows how far it is and who began it."
            )
        if status in REMEDIES:
            return (
                f"The stack {stack} is {status}: an earlier deployment failed. {REMEDIES[status].format(stack=stack)}"
            )
    return None


def check_account(deployed: Deployed) -> str:
    """Whether the credentials work and lead to where the stage belongs; account and region."""
    stage, region = deployed.stage, deployed.session.region_name
    if region is None:
        raise LocalError("No AWS region is set. Set AWS_REGION, or the region of the profile in AWS_PROFILE.")
    try:
        account = str(deployed.client("sts").get_caller_identity()["Account"])
    except (BotoCoreError, ClientError) as error:
        raise LocalError(f"The AWS credentials do not work: {reason(error)}. Set AWS_PROFILE, or sign in.") from error
    for what, wanted, found in (("account", stage.account, account), ("region", stage.region, region)):
        if wanted not in (None, found):
            raise LocalError(
                f"The stage {stage.name} belongs into {what} {wanted} (cdk.json), and this is {found}. "
                "Set AWS_PROFILE and AWS_REGION, or change the stage."
            )
    return f"account {account}, {region}"


def check_bootstrap(deployed: Deployed) -> None:
    """Whether the CDK's bootstrap is there and new enough."""
    how = f"make bootstrap STAGE={deployed.stage.name}"
    try:
        found = int(deployed.client("ssm").get_parameter(Name=BOOTSTRAP)["Parameter"]["Value"])
    except ClientError as error:
        if error.response["Error"]["Code"] == "ParameterNotFound":
            raise LocalError(f"This account and region are not prepared for the CDK. Once: {how}") from error
        raise
    if found < BOOTSTRAP_VERSION:
        raise LocalError(f"The CDK's bootstrap here is version {found}, {BOOTSTRAP_VERSION} is needed. Renew it: {how}")


def preflight(deployed: Deployed) -> str:
    """Where the stage goes. Raises LocalError with the first thing that is in the way."""
    try:
        place = check_account(deployed)
        check_bootstrap(deployed)
        if said := hindrance(deployed.stacks()):
            raise LocalError(said)
    except (BotoCoreError, ClientError) as error:
        raise LocalError(f"AWS refused to answer: {reason(error)}") from error
    return place


def main(arguments: Sequence[str]) -> int:
    """`arguments` name the stage. Returns the exit code: 0 when nothing is in the way."""
    try:
        stage = read_stage(arguments[0])
        print(f"{stage.name}: {preflight(Deployed(stage=stage, session=session()))}", flush=True)
    except LocalError as error:
        print(f"Nothing was changed. {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
