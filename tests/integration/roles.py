"""The roles of deployed functions, on a test's database."""

from __future__ import annotations

import re

WRITER, READER = "marketflow_writer", "marketflow_reader"


def as_role(url: str, role: str) -> str:
    """The DATABASE_URL of the same database for another role."""
    return re.sub("(?<=//)[^@]+", role, url)
