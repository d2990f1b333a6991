"""How functions reach the database: the one thing in which a stage with its own database differs from one without."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aws_cdk import aws_iam as iam


def _nothing_to_grant(_role: iam.Role) -> None:
    """A server that is named by its URL asks for no IAM permission."""


@dataclass(frozen=True, kw_only=True)
class DatabaseAccess:
    """The URL, the VPC arguments of a function that connects (none outside a VPC), and the grant to sign in."""

    url: str
    network: dict[str, Any] = field(default_factory=dict)
    grant_connect: Callable[[iam.Role], None] = _nothing_to_grant
