"""What traffic is sent to: an alias of the version that the last deployment published, never the unpublished code."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_lambda as lambda_

from cdk.constructs.canary import Deployments
from cdk.constructs.function import Function
from cdk.stages import Stage

ALIAS = "live"


def live(function: Function, *, stage: Stage) -> lambda_.Alias:
    """The alias of `function`, made when it is first asked for. Where the stage has a canary, it moves by one.

    CloudFormation publishes a version whenever the code or a setting changed and then moves the alias to it, so that a
    request meets the old settings with the old code or the new ones with the new. Only a version has snapshots.
    """
    made = function.node.try_find_child("Live")
    if isinstance(made, lambda_.Alias):
        return made
    made = lambda_.Alias(function, "Live", alias_name=ALIAS, version=function.function.current_version)
    if stage.canary is not None:
        stack = Stack.of(function)
        deployments = stack.node.try_find_child("Deployments")
        if not isinstance(deployments, Deployments):
            deployments = Deployments(stack, "Deployments", stage=stage, canary=stage.canary)
        deployments.guard(made, name=function.name.removeprefix(stage.resource("")))
    return made
