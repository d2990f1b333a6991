"""Network: a VPC that has no way to the internet, and who in it may talk to whom."""

from __future__ import annotations

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk.retention import log_retention, removal_policy
from cdk.stack import MarketFlowStack
from cdk.stages import Stage

ZONES = 2  # the fewest that an RDS subnet group and the proxy accept
POSTGRES = ec2.Port.tcp(5432)
HTTPS = ec2.Port.tcp(443)


class NetworkStack(MarketFlowStack):
    """Isolated subnets in two zones. They reach S3 and DynamoDB by the free gateway endpoints, and nothing else."""

    def __init__(self, scope: Construct, *, stage: Stage) -> None:
        super().__init__(scope, "network", stage=stage, description="the network of the database")
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            vpc_name=stage.resource("vpc"),
            max_azs=ZONES,
            nat_gateways=0,
            create_internet_gateway=False,
            subnet_configuration=[
                ec2.SubnetConfiguration(name="isolated", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=24)
            ],
            gateway_endpoints={
                "S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3),
                "DynamoDb": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.DYNAMODB),
            },
        )
        # A refused packet is a wrong security group; accepted ones would cost more than they tell.
        self.vpc.add_flow_log(
            "Refused",
            traffic_type=ec2.FlowLogTrafficType.REJECT,
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(
                logs.LogGroup(
                    self,
                    "RefusedTraffic",
                    log_group_name=f"/marketflow/{stage.name}/refused-traffic",
                    retention=log_retention(stage),
                    removal_policy=removal_policy(stage),
                )
            ),
        )
        self.functions = self._group("Functions", "The functions that talk to the database")
        self.proxy = self._group("Proxy", "The database proxy")
        self.database = self._group("Database", "The database")
        self._allow(self.functions, self.proxy, "functions to proxy")
        self._allow(self.proxy, self.database, "proxy to database")
        # The only routes out of the subnets lead to S3 and DynamoDB, through the gateway endpoints.
        self.functions.add_egress_rule(ec2.Peer.any_ipv4(), HTTPS, "functions to S3 and DynamoDB")

    def _group(self, name: str, description: str) -> ec2.SecurityGroup:
        return ec2.SecurityGroup(self, name, vpc=self.vpc, description=description, allow_all_outbound=False)

    @staticmethod
    def _allow(source: ec2.SecurityGroup, target: ec2.SecurityGroup, description: str) -> None:
        source.add_egress_rule(target, POSTGRES, description)
        target.add_ingress_rule(source, POSTGRES, description)
