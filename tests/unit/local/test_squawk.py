"""What a new migration may not do to tables that the running release uses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from local.checks.squawk import BASELINE, TIMEOUTS, check, revisions, sql
from local.processes import LocalError

pytestmark = pytest.mark.unit

REVISION = """
from alembic import op
import sqlalchemy as sa

revision = "9001"
down_revision = None


def upgrade():
    {body}
"""


def rules(statements: str) -> set[str]:
    """The rules that squawk names, and whether it refuses."""
    done = check(TIMEOUTS + statements, "9001_try.sql")
    found = set(re.findall(r"squawkhq\.com/docs/([a-z-]+)", done.stdout)) - {"rules"}
    assert (done.returncode != 0) == bool(found), done.stdout
    return found


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("ALTER TABLE symbols DROP COLUMN exchange;", "ban-drop-column"),
        ("DROP TABLE prices;", "ban-drop-table"),
        ("ALTER TABLE symbols RENAME COLUMN exchange TO venue;", "renaming-column"),
        ("ALTER TABLE symbols ALTER COLUMN name TYPE varchar(20);", "changing-column-type"),
        ("ALTER TABLE symbols ALTER COLUMN exchange SET NOT NULL;", "adding-not-nullable-field"),
        ("ALTER TABLE symbols ADD COLUMN venue text NOT NULL;", "adding-required-field"),
        ("ALTER TABLE symbols ADD COLUMN token uuid DEFAULT gen_random_uuid();", "adding-field-with-default"),
        ("CREATE INDEX prices_as_of_idx ON prices (as_of);", "require-concurrent-index-creation"),
        (
            "CREATE INDEX CONCURRENTLY prices_as_of_idx ON prices (as_of);",
            "ban-concurrent-index-creation-in-transaction",
        ),
        ("ALTER TABLE symbols ADD CONSTRAINT named CHECK (name <> '');", "constraint-missing-not-valid"),
    ],
)
def test_what_locks_or_destroys_is_refused(statement: str, rule: str) -> None:
    """The running functions would fail, or wait."""
    assert rule in rules(statement)


@pytest.mark.parametrize(
    "statements",
    [
        "ALTER TABLE symbols ADD COLUMN venue text;",
        "ALTER TABLE symbols ADD COLUMN tries integer NOT NULL DEFAULT 0;",
        "CREATE TABLE venues (name text PRIMARY KEY, city text); CREATE INDEX venues_city_idx ON venues (city);",
        "ALTER TABLE symbols ADD CONSTRAINT named CHECK (name <> '') NOT VALID;",
        "CREATE FUNCTION nothing() RETURNS void LANGUAGE sql AS $$ SELECT $$;",
        "-- Nothing reads it.\n-- squawk-ignore ban-drop-column\nALTER TABLE symbols DROP COLUMN exchange;",
    ],
)
def test_what_expands_passes(statements: str) -> None:
    """So does what says above itself why it is right all the same."""
    assert rules(statements) == set()


def test_every_revision_after_the_baseline_is_checked(tmp_path: Path) -> None:
    """Also what is written with Alembic's operations; those before are not."""
    versions = tmp_path / "versions"
    versions.mkdir()
    (tmp_path / "env.py").touch()
    (versions / "old.py").write_text(REVISION.format(body="op.drop_table('prices')").replace('"9001"', f'"{BASELINE}"'))
    (versions / "new.py").write_text(
        REVISION.format(body="op.add_column('symbols', sa.Column('venue', sa.Text()))").replace(
            "down_revision = None", f'down_revision = "{BASELINE}"'
        )
    )
    assert [sql(one).removeprefix(TIMEOUTS).strip() for one in revisions(tmp_path)] == [
        "ALTER TABLE symbols ADD COLUMN venue TEXT;"
    ]


@pytest.mark.parametrize("use", ["[*{}]", "{}.scalar()"])
def test_a_revision_that_reads_rows_is_refused(tmp_path: Path, use: str) -> None:
    """It has no SQL that could be looked at."""
    body = use.format("op.get_bind().execute(sa.text('SELECT 1'))")
    versions = tmp_path / "versions"
    versions.mkdir()
    (tmp_path / "env.py").touch()
    (versions / "reads.py").write_text(REVISION.format(body=body))
    (revision,) = revisions(tmp_path)
    with pytest.raises(LocalError, match="without a database"):
        sql(revision)


def test_the_projects_own_new_revisions_pass() -> None:
    """As `make lint` says."""
    for revision in revisions():
        assert check(sql(revision), f"{revision.revision}.sql").returncode == 0
