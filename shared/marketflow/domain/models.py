"""How the models of the domain treat what they are given."""

from __future__ import annotations

from pydantic import ConfigDict

STRICT = ConfigDict(frozen=True, extra="forbid", defer_build=True)
"""What a model does not name is refused, and what it holds does not change.

A validator is built when it is first used: a cold start pays for those of its first event, not for those of them all.
"""
