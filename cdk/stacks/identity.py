"""Identity: the people and machines that may sign in, and what their tokens open."""

from __future__ import annotations

from aws_cdk import CfnOutput
from constructs import Construct

from cdk.bundling import Bundler
from cdk.constructs.code import Code
from cdk.constructs.function import Function
from cdk.constructs.user_pool import UserPool
from cdk.stack import MarketFlowStack
from cdk.stages import Stage


class IdentityStack(MarketFlowStack):
    """A user pool, and the function that turns groups into scopes. It needs no other stack."""

    def __init__(self, scope: Construct, *, stage: Stage, bundler: Bundler) -> None:
        super().__init__(scope, "identity", stage=stage, description="who may sign in")
        token = Function(
            self,
            "Token",
            stage=stage,
            code=Code(stack=self, stage=stage, bundler=bundler),
            folder="token",
            name="token",
            size=stage.functions.token,
            layers=["core"],
            environment={},
        )
        users = UserPool(self, "Users", stage=stage, token_function=token.function)
        self.user_pool = users.pool
        CfnOutput(self, "UserPoolId", value=users.pool.user_pool_id)
        CfnOutput(self, "SignInUrl", value=users.domain.base_url(), description="OAuth 2.0: oauth2/authorize and token")
        CfnOutput(self, "PeopleClientId", value=users.people.user_pool_client_id)
        CfnOutput(self, "MachineClientId", value=users.machine.user_pool_client_id)
        CfnOutput(self, "ScraperClientId", value=users.scraper.user_pool_client_id)
