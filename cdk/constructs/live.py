"""What traffic is sent to: an alias of the version that the last deployment published, never the unpublished code."""

from __future__ import annotations

from aws_cdk import aws_lambda as lambda_

from cdk.constructs.function import Function

ALIAS = "live"


def live(function: Function) -> lambda_.Alias:
    """The alias of `function`, made when it is first asked for.

    CloudFormation publishes a version whenever the code or a setting changed and then moves the alias to it, so that a
    request meets the old settings with the old code or the new ones with the new. Only a version has snapshots.
    """
    made = function.node.try_find_child("Live")
    if isinstance(made, lambda_.Alias):
        return made
    return lambda_.Alias(function, "Live", alias_name=ALIAS, version=function.function.current_version)
