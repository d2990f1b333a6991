"""What every stack has in common: its name, how its assets are published, whether it may be deleted."""

from __future__ import annotations

from aws_cdk import CliCredentialsStackSynthesizer, DefaultStackSynthesizer, IStackSynthesizer, Stack
from constructs import Construct

from cdk.stages import Stage


class MarketFlowStack(Stack):
    """The stack `marketflow-<stage>-<concern>`. It is bound to no account or region: the CLI's credentials choose."""

    def __init__(self, scope: Construct, concern: str, *, stage: Stage, description: str) -> None:
        super().__init__(
            scope,
            stage.resource(concern),
            description=f"MarketFlow {stage.name}: {description}",
            synthesizer=synthesizer(stage),
            termination_protection=stage.termination_protection,
        )
        self.settings = stage


def synthesizer(stage: Stage) -> IStackSynthesizer:
    """How assets are published: by the bootstrap's roles, or by the CLI's own credentials into a bucket that exists."""
    if stage.synthesizer == "cli":
        return CliCredentialsStackSynthesizer(file_assets_bucket_name=stage.assets_bucket)
    return DefaultStackSynthesizer()
