"""A small deployment in the words of CloudFormation, and what is asked of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.cost.inventory import bill
from bench.cost.prices import Bill, Prices
from bench.cost.templates import Resource
from bench.cost.usage import Demand, Usage
from bench.cost.world import World
from bench.scaling.settings import Settings, read_stage
from bench.workload.asked import Mix
from bench.workload.flow import Flow
from bench.workload.measured import measured

SHARES = {"prices of 10": 0.7, "100 candles": 0.25, "1000 candles": 0.05}
IDLE = Demand(rate=0.0, shares=SHARES, people=0, months=12)
BUSY = Demand(rate=10.0, shares=SHARES, people=100, months=12)


def resource(kind: str, properties: Mapping[str, Any] | None = None, logical_id: str = "One") -> Resource:
    return Resource("marketflow-prod-test", logical_id, kind, properties or {})


def function(name: str, **properties: object) -> Resource:
    return resource(
        "AWS::Lambda::Function",
        {
            "FunctionName": f"marketflow-prod-{name}",
            "MemorySize": 1024,
            "Timeout": 60,
            "Architectures": ["arm64"],
            "TracingConfig": {"Mode": "Active"},
            **properties,
        },
        logical_id=f"Function{name}",
    )


DATABASE = {
    "DBInstanceClass": "db.t4g.small",
    "AllocatedStorage": "50",
    "MaxAllocatedStorage": 500,
    "MultiAZ": True,
    "StorageType": "gp3",
    "BackupRetentionPeriod": 14,
    "ManageMasterUserPassword": True,
}
DEPLOYMENT = (
    *(function(name) for name in ("fetch-binance", "fetch-yahoo", "fetch-exchangerate", "etl", "audit", "api")),
    resource("AWS::Logs::LogGroup", {"LogGroupName": "/aws/lambda/marketflow-prod-etl", "RetentionInDays": 90}),
    resource("AWS::SQS::Queue", {"QueueName": "marketflow-prod-payloads"}),
    resource("AWS::S3::Bucket"),
    resource("AWS::RDS::DBInstance", DATABASE),
    resource("AWS::RDS::DBProxy"),
    resource("AWS::ApiGateway::RestApi"),
    resource("AWS::CloudWatch::Alarm"),
    resource("AWS::IAM::Role"),
)


def settings() -> Settings:
    return Settings.of(read_stage("prod"))


def world(
    resources: Sequence[Resource], *, symbols: int = 36, demand: Demand = IDLE, turned: Settings | None = None
) -> World:
    usage = Usage(Flow.of(Mix.of(symbols), measured()), turned or settings(), demand)
    return World(Prices.load(), usage, resources)


def bill_of(resources: Sequence[Resource], *, symbols: int = 36, demand: Demand = IDLE) -> Bill:
    return bill(world(resources, symbols=symbols, demand=demand))
