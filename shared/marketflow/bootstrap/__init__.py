"""Wires the functions: the one place where settings, clients and services meet.

A module for each folder of functions/ builds that function's object graph, once per process. None is imported before
its name is asked for, because a function must not pay at cold start for what only another one needs.
"""

from __future__ import annotations

import gc
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from marketflow.bootstrap.admin import admin_api
    from marketflow.bootstrap.api import read_api
    from marketflow.bootstrap.audit import auditor, auditor_of, gap_ledger
    from marketflow.bootstrap.coverage import supply
    from marketflow.bootstrap.dispatch import dispatcher
    from marketflow.bootstrap.etl import loading, pipelines
    from marketflow.bootstrap.fetch import fetcher
    from marketflow.bootstrap.keys import keys_api
    from marketflow.bootstrap.migrate import preparation
    from marketflow.bootstrap.process import close
    from marketflow.bootstrap.retire import retirer

# What imports make stays: looking for garbage in it again and again would be a thirtieth of a cold start.
gc.set_threshold(20_000)

HOMES = {
    "admin_api": "admin",
    "auditor": "audit",
    "auditor_of": "audit",
    "close": "process",
    "dispatcher": "dispatch",
    "fetcher": "fetch",
    "gap_ledger": "audit",
    "keys_api": "keys",
    "loading": "etl",
    "pipelines": "etl",
    "preparation": "migrate",
    "read_api": "api",
    "retirer": "retire",
    "supply": "coverage",
}
"""The module of each name."""

__all__ = [
    "admin_api",
    "auditor",
    "auditor_of",
    "close",
    "dispatcher",
    "fetcher",
    "gap_ledger",
    "keys_api",
    "loading",
    "pipelines",
    "preparation",
    "read_api",
    "retirer",
    "supply",
]


def __getattr__(name: str) -> object:
    """Import what is asked for; https://peps.python.org/pep-0562/."""
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{HOMES[name]}"), name)
