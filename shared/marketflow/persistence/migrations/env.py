"""Alembic runs this for every command. `marketflow.persistence.migrate` hands the open connection over."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from alembic import context
from alembic.runtime.migration import MigrationContext, MigrationInfo

from marketflow.persistence.tables import metadata

_attributes = context.config.attributes


def _note(  # the names are Alembic's: it passes keywords
    ctx: MigrationContext,  # noqa: ARG001
    step: MigrationInfo,
    heads: Collection[Any],  # noqa: ARG001
    run_args: Mapping[str, Any],  # noqa: ARG001
) -> None:
    _attributes["applied"].append(step.up_revision_id)


context.configure(connection=_attributes["connection"], target_metadata=metadata, on_version_apply=_note)
with context.begin_transaction():
    context.run_migrations()
