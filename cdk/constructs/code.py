"""Where a stack's functions take their code from."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import RemovalPolicy
from aws_cdk import aws_lambda as lambda_

from cdk.bundling import Bundler
from cdk.stack import MarketFlowStack
from cdk.stages import Stage

RUNTIMES = {name: lambda_.Runtime(f"python{name}", lambda_.RuntimeFamily.PYTHON) for name in ("3.11", "3.12", "3.13")}
ARCHITECTURES = {"arm64": lambda_.Architecture.ARM_64, "x86_64": lambda_.Architecture.X86_64}


@dataclass(frozen=True, kw_only=True)
class Code:
    """The functions' folders and one layer version of the stack's own, made from an asset that all stacks share.

    A layer version that another stack exports cannot be replaced while this one uses it.
    """

    bundler: Bundler
    layer: lambda_.ILayerVersion


def code_for(stack: MarketFlowStack, *, stage: Stage, bundler: Bundler) -> Code:
    """Make the layer version of `stack`."""
    layer = lambda_.LayerVersion(
        stack,
        "Dependencies",
        layer_version_name=f"{stack.stack_name}-dependencies",
        description="MarketFlow and the packages that it needs",
        code=lambda_.Code.from_asset(str(bundler.layer())),
        compatible_runtimes=[RUNTIMES[stage.python]],
        compatible_architectures=[ARCHITECTURES[stage.architecture]],
        removal_policy=RemovalPolicy.DESTROY,
    )
    return Code(bundler=bundler, layer=layer)
