"""Network and database: no way in from the internet, no way out to it, and no password anywhere."""

from __future__ import annotations

import pytest

from tests.cdk.templates import Assembly, listed, referred, text

pytestmark = pytest.mark.cdk

ROUTES_OUT = (
    "AWS::EC2::NatGateway",
    "AWS::EC2::InternetGateway",
    "AWS::EC2::EgressOnlyInternetGateway",
    "AWS::EC2::EIP",
    "AWS::EC2::Route",
)


def test_a_local_stage_has_neither_network_nor_database(assembly: Assembly) -> None:
    """Nor a history, because it keeps every month. Everything else is the same in every stage."""
    cloud_only = {"network", "database", "history"} if assembly.stage != "local" else set()
    assert set(assembly.templates) == {"identity", "ingestion", "api", "observability"} | cloud_only


@pytest.mark.parametrize("kind", ROUTES_OUT)
def test_there_is_no_route_to_the_internet(cloud: Assembly, kind: str) -> None:
    """No NAT gateway to pay for, and nothing through which data could leave."""
    assert not list(cloud.with_resources(kind))


def test_the_only_endpoints_are_the_free_ones_for_s3_and_dynamodb(cloud: Assembly) -> None:
    """An interface endpoint costs by the hour."""
    endpoints = [resource["Properties"] for _, _, resource in cloud.with_resources("AWS::EC2::VPCEndpoint")]
    assert {endpoint["VpcEndpointType"] for endpoint in endpoints} == {"Gateway"}
    assert sorted(text(endpoint["ServiceName"]).rpartition(".")[2] for endpoint in endpoints) == ["dynamodb", "s3"]


def test_every_subnet_has_a_route_to_each_endpoint(cloud: Assembly) -> None:
    """A gateway endpoint serves the route tables that it names, and no other."""
    network = cloud.templates["network"]
    tables = set(network.resources("AWS::EC2::RouteTable"))
    for endpoint in network.resources("AWS::EC2::VPCEndpoint").values():
        assert {referred(table) for table in endpoint["Properties"]["RouteTableIds"]} == tables


def test_functions_may_go_nowhere_but_to_the_proxy_and_by_https(cloud: Assembly) -> None:
    """HTTPS ends at the endpoints: the subnets have no other route."""
    network = cloud.templates["network"]
    functions = network.resource("Functions1094A112")["Properties"]["SecurityGroupEgress"]
    assert [(rule["FromPort"], rule["ToPort"], rule["CidrIp"]) for rule in functions] == [(443, 443, "0.0.0.0/0")]
    assert [rule["Description"] for rule in functions] == ["functions to S3 and DynamoDB"]


def test_the_database_is_private_encrypted_and_backed_up(cloud: Assembly) -> None:
    """gp3 storage, TLS only, and a log that is kept for as long as the stage says."""
    database = cloud.templates["database"]
    (instance,) = (entry["Properties"] for entry in database.resources("AWS::RDS::DBInstance").values())
    assert instance["PubliclyAccessible"] is False
    assert instance["StorageEncrypted"] is True
    assert instance["StorageType"] == "gp3"
    assert instance["BackupRetentionPeriod"] >= 1
    parameters = referred(instance["DBParameterGroupName"])
    assert parameters is not None
    assert database.resource(parameters)["Properties"]["Parameters"]["rds.force_ssl"] == "1"


def test_rds_keeps_and_rotates_the_password_itself(cloud: Assembly) -> None:
    """It stands in no template; rotation by a function would need a way out of the isolated subnets."""
    (instance,) = (entry["Properties"] for _, _, entry in cloud.with_resources("AWS::RDS::DBInstance"))
    assert instance["ManageMasterUserPassword"] is True
    assert "MasterUserPassword" not in instance
    assert not list(cloud.with_resources("AWS::SecretsManager::Secret"))


def test_the_proxy_takes_only_iam_over_tls(cloud: Assembly) -> None:
    """It has the owner's password, which RDS keeps, and no client ever sends one."""
    (proxy,) = (entry["Properties"] for _, _, entry in cloud.with_resources("AWS::RDS::DBProxy"))
    assert proxy["RequireTLS"] is True
    assert [auth["IAMAuth"] for auth in proxy["Auth"]] == ["REQUIRED"]
    assert proxy["Auth"][0]["SecretArn"]["Fn::GetAtt"][1] == "MasterUserSecret.SecretArn"


def test_the_proxy_itself_signs_in_by_token(cloud: Assembly) -> None:
    """As the roles that have no password, and as nobody else; the instance takes tokens."""
    database = cloud.templates["database"]
    (proxy,) = (entry["Properties"] for entry in database.resources("AWS::RDS::DBProxy").values())
    (instance_id, instance) = database.resources("AWS::RDS::DBInstance").popitem()
    assert proxy["DefaultAuthScheme"] == "IAM_AUTH"
    assert instance["Properties"]["EnableIAMDatabaseAuthentication"] is True
    assert instance["Properties"]["MasterUsername"] == "marketflow"
    users = [
        text(resource)
        for _, statement in database.statements()
        if "rds-db:connect" in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    ]
    assert all(f"{instance_id}.DbiResourceId" in user for user in users), users
    assert sorted(user.rpartition("/")[2] for user in users) == ["marketflow_reader", "marketflow_writer"]


def test_only_functions_reach_the_proxy_and_only_the_proxy_the_database(cloud: Assembly) -> None:
    """Each group names the one that may come in; an address range would not."""
    network = cloud.templates["network"]
    inbound = [entry["Properties"] for entry in network.resources("AWS::EC2::SecurityGroupIngress").values()]
    assert {(referred(rule["SourceSecurityGroupId"]), referred(rule["GroupId"])) for rule in inbound} == {
        ("Functions1094A112", "ProxyCB0DFB71"),
        ("ProxyCB0DFB71", "DatabaseB269D8BB"),
    }
    assert {(rule["FromPort"], rule["ToPort"]) for rule in inbound} == {(5432, 5432)}
    groups = network.resources("AWS::EC2::SecurityGroup").values()
    assert not [group for group in groups if "SecurityGroupIngress" in group["Properties"]]


def test_the_stage_decides_how_hard_the_database_is_to_lose(cloud: Assembly) -> None:
    """Prod leaves a snapshot and refuses a deletion; dev goes when it is told to."""
    (instance,) = (entry for _, _, entry in cloud.with_resources("AWS::RDS::DBInstance"))
    kept = cloud.stage == "prod"
    assert instance["Properties"]["DeletionProtection"] is kept
    assert instance["DeletionPolicy"] == ("Snapshot" if kept else "Delete")
    assert cloud.manifest("database")["properties"].get("terminationProtection", False) is kept


def test_no_policy_grants_every_action(assembly: Assembly) -> None:
    """Not even of one service; nor, by NotAction or NotResource, all but a few."""
    for template in assembly.templates.values():
        for policy, statement in template.statements():
            assert not statement.keys() & {"NotAction", "NotResource"}, policy
            assert not [one for one in listed(statement["Action"]) if one == "*" or one.endswith(":*")], policy
