"""Who may sign in, and what a client may ask for."""

from __future__ import annotations

from typing import Any

import pytest

from cdk.constructs.user_pool import ADMIN_GROUP
from cdk.routes import SCOPES
from marketflow.domain import access
from tests.cdk.templates import Assembly

pytestmark = pytest.mark.cdk


def only(assembly: Assembly, kind: str) -> dict[str, Any]:
    """The properties of the one resource of a kind."""
    (found,) = assembly.templates["identity"].resources(f"AWS::Cognito::{kind}").values()
    return dict(found["Properties"])


def clients(assembly: Assembly) -> dict[str, dict[str, Any]]:
    """The app clients by the last part of their names."""
    found = assembly.templates["identity"].resources("AWS::Cognito::UserPoolClient").values()
    return {entry["Properties"]["ClientName"].rpartition("-")[2]: entry["Properties"] for entry in found}


def scopes(client: dict[str, Any]) -> set[str]:
    """The scopes for which a client may ask."""
    found = [scope if isinstance(scope, str) else scope["Fn::Join"][1] for scope in client["AllowedOAuthScopes"]]
    return {scope if isinstance(scope, str) else "marketflow" + scope[1] for scope in found}


def test_the_names_are_those_of_the_package() -> None:
    """The stacks import nothing of it but the catalogue."""
    assert set(SCOPES.values()) == access.SCOPES
    assert access.ADMIN_GROUP == ADMIN_GROUP


def test_people_sign_up_where_the_stage_lets_them(assembly: Assembly) -> None:
    """In prod an administrator makes users."""
    closed = only(assembly, "UserPool")["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"]
    assert closed is (assembly.stage == "prod")


def test_nobody_can_ask_for_the_admin_scope(assembly: Assembly) -> None:
    """People get it from their group; machines are the operator's own."""
    assert scopes(clients(assembly)["people"]) == {"openid", "email", access.KEYS_SCOPE}
    assert scopes(clients(assembly)["machine"]) == access.SCOPES


def test_a_scraper_can_ask_for_nothing_but_numbers(assembly: Assembly) -> None:
    """Its secret lies in the configuration of a monitoring system, which is no place for the operator's."""
    assert scopes(clients(assembly)["scraper"]) == {access.METRICS_SCOPE}


def test_people_use_a_code_and_machines_a_secret(assembly: Assembly) -> None:
    """No implicit grant, no password that passes through a client."""
    people, *machines = (clients(assembly)[name] for name in ("people", "machine", "scraper"))
    assert (people["AllowedOAuthFlows"], people["GenerateSecret"]) == (["code"], False)
    for machine in machines:
        assert (machine["AllowedOAuthFlows"], machine["GenerateSecret"]) == (["client_credentials"], True)
    assert people["ExplicitAuthFlows"] == ["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
    assert all(client["AccessTokenValidity"] == 60 for client in (people, *machines))


def test_a_client_does_not_tell_who_has_an_account(assembly: Assembly) -> None:
    """A wrong name and a wrong password look the same."""
    assert clients(assembly)["people"]["PreventUserExistenceErrors"] == "ENABLED"


def test_users_outlive_their_stack_in_prod(assembly: Assembly) -> None:
    """Nobody can restore their passwords."""
    (pool,) = assembly.templates["identity"].resources("AWS::Cognito::UserPool").values()
    kept = assembly.stage == "prod"
    assert pool["DeletionPolicy"] == ("Retain" if kept else "Delete")
    assert pool["Properties"]["DeletionProtection"] == ("ACTIVE" if kept else "INACTIVE")
