"""Refuses a migration that locks or destroys what the running release uses: squawk on the SQL of each new revision.

The rules are in .squawk.toml, docs/delivery.md says how a schema changes. Revisions up to BASELINE were there before.
"""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory

from local.cdk import ROOT
from local.processes import LocalError
from marketflow.persistence.migrate import LOCK_TIMEOUT_SECONDS, MIGRATIONS, STATEMENT_TIMEOUT_SECONDS

BASELINE = "0014"
CONFIGURATION = ROOT / ".squawk.toml"
TIMEOUTS = (
    f"SET lock_timeout = '{LOCK_TIMEOUT_SECONDS}s';\nSET statement_timeout = '{STATEMENT_TIMEOUT_SECONDS:.0f}s';\n"
)
"""What a deployment sets before the first revision (marketflow.persistence.migrate)."""


def revisions(folder: Path = MIGRATIONS) -> Iterator[Script]:
    """The revisions after BASELINE, oldest first."""
    scripts = ScriptDirectory(str(folder))
    yield from reversed([one for one in scripts.walk_revisions() if one.revision > BASELINE])


def sql(revision: Script) -> str:
    """The SQL of one revision. Raises LocalError when it asks the database for something: that has no text."""
    text = io.StringIO()
    context = MigrationContext.configure(
        dialect_name="postgresql", opts={"as_sql": True, "output_buffer": text, "literal_binds": True}
    )
    try:
        with Operations.context(context):
            revision.module.upgrade()
    except (AttributeError, TypeError) as error:
        # Without a database a query answers None.
        raise LocalError(f"{revision.path} cannot be written as SQL without a database: {error}.") from error
    return TIMEOUTS + text.getvalue()


def check(text: str, name: str) -> subprocess.CompletedProcess[str]:
    """What squawk says of the SQL of the file `name`: exit code 0 and nothing when it is content."""
    program = Path(sys.prefix) / "bin" / "squawk"
    options = ("--config", str(CONFIGURATION), "--stdin-filepath", name)
    return subprocess.run(
        [str(program), *options], input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )


def main() -> int:
    """Check every new revision. Returns the exit code: 0 when none is refused."""
    refused = 0
    try:
        for revision in revisions():
            done = check(sql(revision), f"{Path(revision.path).stem}.sql")
            if done.returncode:
                refused += 1
                print(done.stdout)
    except LocalError as error:
        print(error, file=sys.stderr)
        return 1
    if refused:
        print("docs/delivery.md says how a schema changes while it is used.", file=sys.stderr)
    return min(refused, 1)


if __name__ == "__main__":
    sys.exit(main())
