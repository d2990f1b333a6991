"""The CDK app: `cdk synth -c stage=dev`. One stack for each concern, named `marketflow-<stage>-<concern>`."""

from __future__ import annotations

import sys

import cdk.node  # noqa: F401 - first: it names the Node that aws_cdk starts when it is imported

# isort: split
from aws_cdk import App, Tags

from cdk.access import DatabaseAccess, server
from cdk.bundling import Bundler, BundlingError, UvBundler
from cdk.nag import check
from cdk.stacks.api import ApiStack
from cdk.stacks.database import DatabaseStack
from cdk.stacks.history import HistoryStack
from cdk.stacks.identity import IdentityStack
from cdk.stacks.ingestion import IngestionStack
from cdk.stacks.network import NetworkStack
from cdk.stacks.observability import ObservabilityStack
from cdk.stages import Stage, StageError, load_stage

UNTAGGABLE = ("AWS::RDS::DBProxyTargetGroup",)
"""CloudFormation refuses a tag on these, and the CDK does not know."""


def build(app: App, *, stage: Stage, bundler: Bundler) -> None:
    """Put the stage's stacks into `app`, and the checks that every synth has to pass."""
    if stage.database is None:
        access = server(str(stage.database_url))
    else:
        database = DatabaseStack(app, stage=stage, network=NetworkStack(app, stage=stage), size=stage.database)
        access = DatabaseAccess(url=database.url, network=database.network, grant_connect=database.grant_connect)
    ingestion = IngestionStack(app, stage=stage, bundler=bundler, database=access)
    identity = IdentityStack(app, stage=stage, bundler=bundler)
    api = ApiStack(
        app, stage=stage, bundler=bundler, database=access, data=ingestion.data, user_pool=identity.user_pool
    )
    # The migration runs in Ingestion, and nothing that reads the new schema may take traffic before it.
    api.add_stack_dependency(ingestion)
    if stage.history_months is not None:
        history = HistoryStack(
            app, stage=stage, bundler=bundler, database=access, data=ingestion.data, months=stage.history_months
        )
        history.add_stack_dependency(ingestion)
    ObservabilityStack(app, stage=stage)
    for name, value in {"app": "marketflow", "stage": stage.name}.items():
        Tags.of(app).add(name, value, exclude_resource_types=list(UNTAGGABLE))
    check(app, stage=stage)


def main() -> None:
    """Synthesise the stage that the context selects."""
    app = App()
    try:
        stage = load_stage(app.node.try_get_context)
        bundler = UvBundler(python=stage.python, architecture=stage.architecture, host=stage.runtime == "host")
        build(app, stage=stage, bundler=bundler)
    except (StageError, BundlingError) as error:
        sys.exit(str(error))
    app.synth()


if __name__ == "__main__":
    main()
