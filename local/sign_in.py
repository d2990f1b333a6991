"""Signs people up and in at the running stack, as a browser would; `make token` prints an access token.

Not called `token`: scripts of this folder would import it in place of the standard library's.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from local.emulator import aws_client
from local.processes import LocalError
from local.settings import load_settings
from local.stack import Facts, outputs, read_facts

USER = "user@example.com"
ADMIN = "admin@example.com"
PASSWORD = "Local-Password-1"  # noqa: S105 - of people who exist in the emulator only, while it runs
ADMIN_GROUP = "admins"
EMULATED_CODE = "123456"
"""The emulator sends no mail: this is the code that it gives to everybody who signs up."""

SCOPES = "openid email marketflow/keys"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What a sign-in gives; the API takes the access token."""

    access: str = field(repr=False)
    id: str = field(repr=False)


class SignIn:
    """The user pool of the stack that `facts` tell of, through its client for people."""

    def __init__(self, facts: Facts) -> None:
        self._url = facts.aws_endpoint_url
        self._cognito: Any = aws_client("cognito-idp", self._url)
        told = outputs(self._url, "identity")
        self._pool: str = told["UserPoolId"]
        self._client: str = told["PeopleClientId"]
        described = self._cognito.describe_user_pool_client(UserPoolId=self._pool, ClientId=self._client)
        self._callback: str = described["UserPoolClient"]["CallbackURLs"][0]

    def sign_up(self, email: str, password: str = PASSWORD) -> None:
        """Make the user as the sign-up page does, and confirm the address with the code that came by mail."""
        attributes = [{"Name": "email", "Value": email}]
        self._cognito.sign_up(ClientId=self._client, Username=email, Password=password, UserAttributes=attributes)
        self._cognito.confirm_sign_up(ClientId=self._client, Username=email, ConfirmationCode=EMULATED_CODE)

    def make_admin(self, email: str) -> None:
        """Put the user into the group of admins, as the operator would."""
        self._cognito.admin_add_user_to_group(UserPoolId=self._pool, Username=email, GroupName=ADMIN_GROUP)

    def tokens(self, email: str, password: str = PASSWORD) -> Tokens:
        """Sign in at the hosted page by authorization code with PKCE (RFC 7636). Raises LocalError when refused."""
        verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        with httpx.Client(base_url=self._url, timeout=20, trust_env=False) as browser:
            page = browser.get(
                "/oauth2/authorize",
                params={
                    "response_type": "code",
                    "client_id": self._client,
                    "redirect_uri": self._callback,
                    "scope": SCOPES,
                    "state": state,
                    "code_challenge": challenge,
                    "code_challenge_method": "S256",
                },
            )
            action, fields = _form(page)
            sent = browser.post(
                urljoin(str(page.url), action), data={**fields, "username": email, "password": password}
            )
            code = self._code(sent, state)
            answer = browser.post(
                "/oauth2/token",
                data={
                    "grant_type": "authorization_code",
                    "client_id": self._client,
                    "redirect_uri": self._callback,
                    "code": code,
                    "code_verifier": verifier,
                },
            )
        if answer.status_code != 200:
            raise LocalError(f"The code was not exchanged for a token: {answer.status_code} {answer.text[:300]}")
        told = answer.json()
        return Tokens(access=told["access_token"], id=told["id_token"])

    def local(self, *, admin: bool) -> Tokens:
        """Tokens of the local user or admin, who are made when they are first asked for."""
        email = ADMIN if admin else USER
        with suppress(self._cognito.exceptions.UsernameExistsException):
            self.sign_up(email)
        if admin:
            self.make_admin(email)
        return self.tokens(email)

    def _code(self, answer: httpx.Response, state: str) -> str:
        """The code in the address to which the page sends back; nobody has to listen there."""
        location = str(answer.headers.get("location", ""))
        query = parse_qs(urlsplit(location).query)
        if not location.startswith(self._callback) or query.get("state") != [state] or "code" not in query:
            raise LocalError(f"The sign-in page did not let the user in: {answer.status_code}, sent to {location!r}.")
        return query["code"][0]


class _Form(HTMLParser):
    """The address of the first form, and the values that it has already."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A form, or a field of it."""
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = self.action or given.get("action", "")
        elif tag == "input" and "name" in given:
            self.fields[given["name"]] = given.get("value", "")


def _form(page: httpx.Response) -> tuple[str, Mapping[str, str]]:
    form = _Form()
    form.feed(page.text)
    if page.status_code != 200 or not form.action:
        raise LocalError(f"There is no sign-in page at {page.url.path}: {page.status_code} {page.text[:300]}")
    return form.action, form.fields


def main() -> int:
    """Print an access token of the running stack; ADMIN=1 one of the group admins. Returns the exit code."""
    try:
        facts = read_facts(load_settings(os.environ).home)
        print(SignIn(facts).local(admin=os.environ.get("ADMIN", "") not in ("", "0")).access)
    except LocalError as error:
        print(error, file=sys.stderr)
    except (BotoCoreError, ClientError, httpx.TransportError) as error:
        print(f"The local stack gave no token: {error}. Is it still running? make status", file=sys.stderr)
    else:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
