"""The operator's side of the API, of the running local stack or of a deployed one: an address and an access token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import httpx

from local.emulator import aws_client
from local.processes import LocalError
from local.settings import load_settings
from local.stack import Facts, outputs, read_facts

ADMIN_SCOPE = "marketflow/admin"


def machine_token(aws_endpoint_url: str, *, scope: str = ADMIN_SCOPE, client: str = "MachineClientId") -> str:
    """An access token of a confidential client of the local stack: OAuth 2.0 client credentials.

    `client` is the output of the identity stack that names it.
    """
    pool = outputs(aws_endpoint_url, "identity")
    known = aws_client("cognito-idp", aws_endpoint_url).describe_user_pool_client(
        UserPoolId=pool["UserPoolId"], ClientId=pool[client]
    )["UserPoolClient"]
    answer = httpx.post(
        f"{aws_endpoint_url}/oauth2/token",
        data={"grant_type": "client_credentials", "scope": scope},
        auth=(known["ClientId"], known["ClientSecret"]),
        timeout=20,
        trust_env=False,
    )
    if answer.status_code != 200:
        raise LocalError(f"No token for {scope}: the user pool answered {answer.status_code}.")
    return str(answer.json()["access_token"])


class AdminApi:
    """Requests below the API's URL with an access token; a context manager. Every method raises LocalError."""

    def __init__(self, *, api_url: str, token: str, trust_env: bool) -> None:
        self._http = httpx.Client(
            base_url=api_url, headers={"Authorization": f"Bearer {token}"}, timeout=30, trust_env=trust_env
        )

    @classmethod
    def of(cls, facts: Facts) -> Self:
        """The operator of a local stack."""
        return cls(api_url=facts.api_url, token=machine_token(facts.aws_endpoint_url), trust_env=False)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """That of the deployment at API_URL, with ACCESS_TOKEN; without them, of the stack that runs here."""
        settings = load_settings(environment)
        if settings.api_url is None:
            return cls.of(read_facts(settings.home))
        if not settings.access_token:
            raise LocalError("ACCESS_TOKEN is missing: an access token of the deployment with the scope " + ADMIN_SCOPE)
        return cls(api_url=settings.api_url, token=settings.access_token, trust_env=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def send(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """The answer, whatever its status."""
        return self._http.request(method, path, json=body, headers=headers)

    def post(self, path: str, body: object, *, headers: Mapping[str, str] | None = None) -> Any:  # noqa: ANN401 - JSON
        """The body of a 202."""
        return self._body(self.send("POST", path, body, headers), 202)

    def get(self, path: str) -> Any:  # noqa: ANN401 - the same
        """The body of a 200."""
        return self._body(self.send("GET", path), 200)

    def _body(self, answer: httpx.Response, status: int) -> Any:  # noqa: ANN401 - the same
        if answer.status_code == status:
            return answer.json()
        try:
            detail = answer.json().get("detail") or answer.text
        except ValueError:
            detail = answer.text
        raise LocalError(f"{answer.request.method} {answer.url} answered {answer.status_code}: {detail[:500]}")
