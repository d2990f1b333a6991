"""Database: RDS Postgres behind RDS Proxy, with no password in anybody's hands."""

from __future__ import annotations

from typing import Any

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_rds as rds
from constructs import Construct

from cdk.access import DatabaseRole
from cdk.retention import log_retention, removal_policy
from cdk.stack import MarketFlowStack
from cdk.stacks.network import NetworkStack
from cdk.stages import Database, Stage

# 18 is on RDS, but RDS Proxy follows new major versions late: 17 is the newest that it is known to speak.
ENGINE = rds.DatabaseInstanceEngine.postgres(version=rds.PostgresEngineVersion.VER_17_9)
NAME = "marketflow"
"""The database."""
BY_TOKEN = (DatabaseRole.WRITER, DatabaseRole.READER)
"""The roles without a password: the proxy too signs in as them by IAM token."""

REMOVAL = {"snapshot": RemovalPolicy.SNAPSHOT, "destroy": RemovalPolicy.DESTROY}
ISOLATED = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)


class DatabaseStack(MarketFlowStack):
    """The instance and its proxy, to which functions connect with a token that is signed by their role.

    The proxy signs in by IAM token too, as the writer and as the reader. As the owner, who makes those two, it signs in
    by the password that RDS makes, keeps in Secrets Manager and rotates (docs/adr/0018-database-roles.md). Rotation by
    RDS itself needs no function: one in these subnets could not reach Secrets Manager. `network` are the VPC arguments
    of a function.
    """

    def __init__(self, scope: Construct, *, stage: Stage, network: NetworkStack, size: Database) -> None:
        super().__init__(scope, "database", stage=stage, description="Postgres and its proxy")
        self.instance = self._instance(network, size)
        assert self.instance.secret is not None  # noqa: S101 - so typed because a restored snapshot has none
        proxy_role = iam.Role(self, "ProxyRole", assumed_by=iam.ServicePrincipal("rds.amazonaws.com"))
        for user in BY_TOKEN:
            self.instance.grant_connect(proxy_role, user)
        self.proxy = rds.DatabaseProxy(
            self,
            "Proxy",
            db_proxy_name=stage.resource("proxy"),
            proxy_target=rds.ProxyTarget.from_instance(self.instance),
            role=proxy_role,
            # Of every user without a secret.
            default_auth_scheme=rds.DefaultAuthScheme.IAM_AUTH,
            secrets=[self.instance.secret],
            vpc=network.vpc,
            vpc_subnets=ISOLATED,
            security_groups=[self._ready_made(network.proxy, "ProxyGroup")],
            iam_auth=True,
            require_tls=True,
            idle_client_timeout=Duration.minutes(10),
            borrow_timeout=Duration.seconds(10),
        )
        self.network: dict[str, Any] = {
            "vpc": network.vpc,
            "vpc_subnets": ISOLATED,
            "security_groups": [network.functions],
        }

    def url(self, role: DatabaseRole) -> str:
        """The DATABASE_URL of a function that connects as `role`."""
        return f"postgresql://{role}@{self.proxy.endpoint}:5432/{NAME}?auth=iam"

    def grant_connect(self, function: iam.Role, role: DatabaseRole) -> None:
        """Let `function` sign in at the proxy as `role`, and as nobody else."""
        self.proxy.grant_connect(function, role)

    def _instance(self, network: NetworkStack, size: Database) -> rds.DatabaseInstance:
        stage = self.settings
        identifier = stage.resource("database")
        # Made before RDS makes it, which would keep the log for ever.
        log_group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=f"/aws/rds/instance/{identifier}/postgresql",
            retention=log_retention(stage),
            removal_policy=removal_policy(stage),
        )
        instance = rds.DatabaseInstance(
            self,
            "Instance",
            instance_identifier=identifier,
            engine=ENGINE,
            instance_type=ec2.InstanceType(size.instance),
            vpc=network.vpc,
            vpc_subnets=ISOLATED,
            security_groups=[self._ready_made(network.database, "DatabaseGroup")],
            publicly_accessible=False,
            database_name=NAME,
            credentials=rds.Credentials.from_username(DatabaseRole.OWNER),
            manage_master_user_password=True,
            iam_authentication=True,
            parameter_group=rds.ParameterGroup(
                self,
                "Parameters",
                engine=ENGINE,
                description="TLS only, and slow statements are logged",
                parameters={"rds.force_ssl": "1", "log_min_duration_statement": "1000"},
                removal_policy=RemovalPolicy.DESTROY,
            ),
            storage_type=rds.StorageType.GP3,
            storage_encrypted=True,
            allocated_storage=size.storage,
            max_allocated_storage=size.max_storage,
            backup_retention=Duration.days(size.backup_days),
            copy_tags_to_snapshot=True,
            deletion_protection=size.deletion_protection,
            removal_policy=REMOVAL[size.removal],
            multi_az=size.multi_az,
            auto_minor_version_upgrade=True,
            # Seven days of Performance Insights cost nothing.
            enable_performance_insights=True,
            performance_insight_retention=rds.PerformanceInsightRetention.DEFAULT,
            cloudwatch_logs_exports=["postgresql"],
        )
        instance.node.add_dependency(log_group)
        return instance

    def _ready_made(self, group: ec2.SecurityGroup, name: str) -> ec2.ISecurityGroup:
        # The Network stack has all the rules; CDK would add its own for proxy and instance, and EC2 refuses doubles.
        return ec2.SecurityGroup.from_security_group_id(self, name, group.security_group_id, mutable=False)
