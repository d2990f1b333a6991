"""Who may do what: the OAuth scopes of access tokens, and the groups that give them.

A scope is `<resource server>/<name>`; both are resources of the user pool (cdk/constructs/user_pool.py).
"""

from __future__ import annotations

from collections.abc import Collection

KEYS_SCOPE = "marketflow/keys"
"""Opens the caller's own API keys; everybody who signed in has it."""

ADMIN_SCOPE = "marketflow/admin"
"""Opens what changes the deployment for all: symbols, backfills, replays."""

METRICS_SCOPE = "marketflow/metrics"
"""Opens the numbers that a monitoring system scrapes, and nothing else."""

SCOPES = frozenset({KEYS_SCOPE, ADMIN_SCOPE, METRICS_SCOPE})
"""All that there are."""

ADMIN_GROUP = "admins"
"""The group of the user pool whose members get every scope."""


def granted(groups: Collection[str]) -> frozenset[str]:
    """The scopes of a person who is in `groups`."""
    return SCOPES if ADMIN_GROUP in groups else frozenset({KEYS_SCOPE})
