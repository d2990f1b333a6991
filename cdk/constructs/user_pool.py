"""Who people and machines are: the Cognito user pool, its scopes, and the clients that may ask it for tokens."""

from __future__ import annotations

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from cdk.routes import SCOPES
from cdk.stages import Stage

SERVER = "marketflow"
SCOPE_TEXTS = ("Your own API keys", "Everything that the operator may do", "Numbers for a monitoring system")
"""What people read beside each of cdk.routes.SCOPES."""

ADMIN_GROUP = "admins"
ACCESS_TOKEN_LIFE = Duration.hours(1)


class UserPool(Construct):
    """The pool, with self sign-up where the stage allows it, and its hosted sign-in page (`domain`).

    `people` is a public client (authorization code with PKCE), `machine` and `scraper` are confidential ones (client
    credentials), of which the second one opens nothing but the numbers for a monitoring system. `token_function` gives
    people the scopes of their groups: no client of theirs may ask for more than the scope of their own keys.
    """

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, token_function: lambda_.IFunction) -> None:
        super().__init__(scope, construct_id)
        keep = stage.removal == "retain"
        self.pool = cognito.UserPool(
            self,
            "Pool",
            user_pool_name=stage.resource("users"),
            feature_plan=cognito.FeaturePlan.ESSENTIALS,
            self_sign_up_enabled=stage.identity.sign_up,
            sign_in_aliases=cognito.SignInAliases(email=True),
            auto_verify=cognito.AutoVerifiedAttrs(email=True),
            account_recovery=cognito.AccountRecovery.EMAIL_ONLY,
            password_policy=cognito.PasswordPolicy(
                min_length=12, require_digits=True, require_lowercase=True, require_symbols=True, require_uppercase=True
            ),
            mfa=cognito.Mfa.OPTIONAL,
            mfa_second_factor=cognito.MfaSecondFactor(otp=True, sms=False),
            deletion_protection=keep,
            removal_policy=RemovalPolicy.RETAIN if keep else RemovalPolicy.DESTROY,
        )
        self.pool.add_trigger(
            cognito.UserPoolOperation.PRE_TOKEN_GENERATION_CONFIG, token_function, cognito.LambdaVersion.V2_0
        )
        cognito.CfnUserPoolGroup(
            self,
            "Admins",
            user_pool_id=self.pool.user_pool_id,
            group_name=ADMIN_GROUP,
            description="May change what the deployment fetches",
        )
        self.scopes = self._scopes()
        self.domain = self.pool.add_domain(
            "SignIn", cognito_domain=cognito.CognitoDomainOptions(domain_prefix=stage.resource(Aws.ACCOUNT_ID))
        )
        self.people = self._people(stage)
        self.machine = self._credentials("Machine", stage=stage, scopes=list(self.scopes.values()))
        self.scraper = self._credentials("Scraper", stage=stage, scopes=[self.scopes["metrics"]])

    def _scopes(self) -> dict[str, cognito.OAuthScope]:
        kept = {
            access: cognito.ResourceServerScope(scope_name=name.removeprefix(f"{SERVER}/"), scope_description=what)
            for (access, name), what in zip(SCOPES.items(), SCOPE_TEXTS, strict=True)
        }
        server = self.pool.add_resource_server("Server", identifier=SERVER, scopes=list(kept.values()))
        return {access: cognito.OAuthScope.resource_server(server, scope) for access, scope in kept.items()}

    def _people(self, stage: Stage) -> cognito.UserPoolClient:
        return self.pool.add_client(
            "People",
            user_pool_client_name=stage.resource("people"),
            generate_secret=False,
            auth_flows=cognito.AuthFlow(user_srp=True),
            prevent_user_existence_errors=True,
            enable_token_revocation=True,
            access_token_validity=ACCESS_TOKEN_LIFE,
            o_auth=cognito.OAuthSettings(
                flows=cognito.OAuthFlows(authorization_code_grant=True),
                scopes=[cognito.OAuthScope.OPENID, cognito.OAuthScope.EMAIL, self.scopes["user"]],
                callback_urls=list(stage.identity.callback_urls),
                logout_urls=list(stage.identity.callback_urls),
            ),
        )

    def _credentials(
        self, construct_id: str, *, stage: Stage, scopes: list[cognito.OAuthScope]
    ) -> cognito.UserPoolClient:
        """A client that gets tokens with these scopes for its own id and secret."""
        return self.pool.add_client(
            construct_id,
            user_pool_client_name=stage.resource(construct_id.lower()),
            generate_secret=True,
            auth_flows=cognito.AuthFlow(),
            access_token_validity=ACCESS_TOKEN_LIFE,
            o_auth=cognito.OAuthSettings(flows=cognito.OAuthFlows(client_credentials=True), scopes=scopes),
        )
