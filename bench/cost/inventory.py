"""Every resource type that a template may have: priced, or free for a reason. No other is let through."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from bench.cost.prices import Bill, Item, PriceError
from bench.cost.services import compute, database, edge, stores, watching
from bench.cost.templates import Resource
from bench.cost.world import World

Pricer = Callable[[Resource, World], Iterable[Item]]

PRICED: dict[str, Pricer] = {
    "AWS::ApiGateway::RestApi": edge.api,
    "AWS::ApiGateway::Stage": edge.stage,
    "AWS::Athena::WorkGroup": stores.athena,
    "AWS::CloudWatch::Alarm": watching.alarm,
    "AWS::CloudWatch::CompositeAlarm": watching.composite,
    "AWS::CloudWatch::Dashboard": watching.dashboard,
    "AWS::Cognito::UserPool": edge.pool,
    "AWS::Cognito::UserPoolClient": edge.client,
    "AWS::DynamoDB::Table": stores.table,
    "AWS::EC2::VPCEndpoint": edge.endpoint,
    "AWS::Glue::Database": stores.glue,
    "AWS::Glue::Table": stores.glue,
    "AWS::KMS::Key": edge.key,
    "AWS::Lambda::Alias": compute.alias,
    "AWS::Lambda::EventSourceMapping": compute.mapping,
    "AWS::Lambda::Function": compute.function,
    "AWS::Lambda::Version": compute.version,
    "AWS::Logs::LogGroup": watching.logs,
    "AWS::RDS::DBInstance": database.instance,
    "AWS::RDS::DBProxy": database.proxy,
    "AWS::S3::Bucket": stores.bucket,
    "AWS::SNS::Topic": edge.topic,
    "AWS::SQS::Queue": stores.queue,
    "AWS::Scheduler::Schedule": compute.schedule,
    "AWS::WAFv2::WebACL": edge.web_acl,
}

FREE: dict[str, str] = {
    "AWS::ApiGateway::Account": "a setting of the account",
    "AWS::ApiGateway::ApiKey": "keys cost nothing, requests do",
    "AWS::ApiGateway::Authorizer": "Cognito authorizers cost nothing",
    "AWS::ApiGateway::Deployment": "a snapshot of the API's description",
    "AWS::ApiGateway::GatewayResponse": "a part of the API's description",
    "AWS::ApiGateway::Method": "a part of the API's description",
    "AWS::ApiGateway::Resource": "a part of the API's description",
    "AWS::ApiGateway::UsagePlan": "a rule, not a meter",
    "AWS::ApiGateway::UsagePlanKey": "a rule, not a meter",
    "AWS::CDK::Metadata": "says which CDK wrote the template",
    "AWS::CodeDeploy::Application": "CodeDeploy costs nothing for functions",
    "AWS::CodeDeploy::DeploymentConfig": "CodeDeploy costs nothing for functions",
    "AWS::CodeDeploy::DeploymentGroup": "CodeDeploy costs nothing for functions",
    "AWS::Cognito::UserPoolDomain": "a prefix of Cognito's own domain",
    "AWS::Cognito::UserPoolGroup": "groups cost nothing",
    "AWS::Cognito::UserPoolResourceServer": "scopes cost nothing",
    "AWS::EC2::FlowLog": "its log group is priced",
    "AWS::EC2::RouteTable": "networks cost nothing without gateways",
    "AWS::EC2::SecurityGroup": "rules cost nothing",
    "AWS::EC2::SecurityGroupEgress": "rules cost nothing",
    "AWS::EC2::SecurityGroupIngress": "rules cost nothing",
    "AWS::EC2::Subnet": "networks cost nothing without gateways",
    "AWS::EC2::SubnetRouteTableAssociation": "networks cost nothing without gateways",
    "AWS::EC2::VPC": "networks cost nothing without gateways",
    "AWS::IAM::Policy": "IAM costs nothing",
    "AWS::IAM::ManagedPolicy": "IAM costs nothing",
    "AWS::IAM::Role": "IAM costs nothing",
    "AWS::Lambda::EventInvokeConfig": "a setting of a function",
    "AWS::Lambda::LayerVersion": "75 GB of code cost nothing",
    "AWS::Lambda::Permission": "a rule",
    "AWS::Logs::QueryDefinition": "a text; running it costs by what it reads",
    "AWS::RDS::DBParameterGroup": "settings of the instance",
    "AWS::RDS::DBProxyTargetGroup": "a setting of the proxy",
    "AWS::RDS::DBSubnetGroup": "a setting of the instance",
    "AWS::S3::BucketPolicy": "a rule",
    "AWS::SNS::Subscription": "mail costs nothing for the first thousand messages, and alarms send fewer",
    "AWS::SNS::TopicPolicy": "a rule",
    "AWS::SQS::QueuePolicy": "a rule",
    "AWS::WAFv2::LoggingConfiguration": "its log group is priced",
    "AWS::WAFv2::WebACLAssociation": "a rule",
    "Custom::DatabaseMigration": "the function that carries it out is priced",
}


def bill(world: World) -> Bill:
    """The bill of every resource of `world`. Raises PriceError that names the first one that nobody decided about."""
    items = tuple(item for resource in world.resources for item in _priced(resource, world))
    return Bill(items, tuple(dict.fromkeys(world.notes)))


def _priced(resource: Resource, world: World) -> Iterator[Item]:
    if resource.type in PRICED:
        yield from PRICED[resource.type](resource, world)
    elif resource.type not in FREE:
        raise PriceError(
            f"{resource} is of a type that nobody has priced. Give it a pricer, or a reason why it is free, in "
            "bench/cost/inventory.py."
        )
