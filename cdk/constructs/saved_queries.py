"""The queries of cdk/queries.py, saved in Logs Insights in the folder `marketflow-<stage>`."""

from __future__ import annotations

from collections.abc import Iterable

from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk.queries import Query
from cdk.stages import Stage


class SavedQueries(Construct):
    """One definition for each query."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, queries: Iterable[Query]) -> None:
        super().__init__(scope, construct_id)
        for query in queries:
            logs.CfnQueryDefinition(
                self,
                query.name.title().replace(" ", ""),
                # A slash makes a folder in the console.
                name=f"marketflow-{stage.name}/{query.name}",
                query_string=query.text,
                log_group_names=query.log_groups(stage),
            )
