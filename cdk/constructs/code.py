"""Where a stack's functions take their code from."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import RemovalPolicy
from aws_cdk import aws_lambda as lambda_

from cdk.bundling import Bundler
from cdk.stack import MarketFlowStack
from cdk.stages import Stage

RUNTIMES = {
    name: lambda_.Runtime(f"python{name}", lambda_.RuntimeFamily.PYTHON, supports_snap_start=name != "3.11")
    for name in ("3.11", "3.12", "3.13")
}
ARCHITECTURES = {"arm64": lambda_.Architecture.ARM_64, "x86_64": lambda_.Architecture.X86_64}


@dataclass(frozen=True, kw_only=True)
class Code:
    """The functions' folders, and layer versions of the stack's own, made from assets that all stacks share.

    A layer version that another stack exports cannot be replaced while this one uses it.
    """

    stack: MarketFlowStack
    stage: Stage
    bundler: Bundler

    def function(self, folder: str) -> lambda_.Code:
        """What is in functions/<folder>."""
        return lambda_.Code.from_asset(str(self.bundler.function(folder)))

    def layer(self, name: str) -> lambda_.ILayerVersion:
        """The stack's version of layers/<name>, made when a first function asks for it."""
        construct_id = f"{name.capitalize()}Layer"
        made = self.stack.node.try_find_child(construct_id)
        if isinstance(made, lambda_.LayerVersion):
            return made
        return lambda_.LayerVersion(
            self.stack,
            construct_id,
            layer_version_name=f"{self.stack.stack_name}-{name}",
            description=f"MarketFlow: layers/{name}",
            code=lambda_.Code.from_asset(str(self.bundler.layer(name))),
            compatible_runtimes=[RUNTIMES[self.stage.python]],
            compatible_architectures=[ARCHITECTURES[self.stage.architecture]],
            removal_policy=RemovalPolicy.DESTROY,
        )
