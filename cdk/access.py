"""How functions reach the database: the one thing in which a stage with its own database differs from one without."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from aws_cdk import aws_iam as iam


class DatabaseRole(StrEnum):
    """The roles of PostgreSQL, by their names; migration 0015 makes the last two (docs/adr/0018-database-roles.md)."""

    OWNER = "marketflow"
    WRITER = "marketflow_writer"
    READER = "marketflow_reader"


def _nothing_to_grant(_function: iam.Role, _role: DatabaseRole) -> None:
    """A server that is named by its URL asks for no IAM permission."""


@dataclass(frozen=True, kw_only=True)
class DatabaseAccess:
    """The URL for each role, the VPC arguments of a function (none outside a VPC), and the grant to sign in."""

    url: Callable[[DatabaseRole], str]
    network: dict[str, Any] = field(default_factory=dict)
    grant_connect: Callable[[iam.Role, DatabaseRole], None] = _nothing_to_grant


def server(owner_url: str) -> DatabaseAccess:
    """The server of `owner_url`, whose user owns the database; it lets the other roles in without a password."""

    def url(role: DatabaseRole) -> str:
        if role is DatabaseRole.OWNER:
            return owner_url
        parts = urlsplit(owner_url)
        return parts._replace(netloc=f"{role}@{parts.netloc.rpartition('@')[2]}").geturl()

    return DatabaseAccess(url=url)
