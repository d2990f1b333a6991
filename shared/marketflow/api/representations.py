"""What answers are made of where Python writes them and not the database: member names in the contract's order."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from marketflow.domain.reading import Layout

REVALIDATE = "private, no-cache"
"""May be kept, but asked for again each time: the entity tag makes that cheap."""

CONTENT_TYPES = {
    Layout.JSON: "application/json",
    Layout.CSV: "text/csv; charset=utf-8; header=present",
    Layout.NDJSON: "application/x-ndjson",
}


def download(name: str, layout: Layout) -> dict[str, str]:
    """The header that names a file; a JSON array is no file."""
    if layout is Layout.JSON:
        return {}
    safe = re.sub(r"[^A-Za-z0-9.=-]", "_", f"{name}.{layout}")
    return {"Content-Disposition": f'attachment; filename="{safe}"'}


@cache
def openapi() -> str:
    """The OpenAPI document as `make openapi` wrote it."""
    # Generating it would make each cold start that is asked for it import pydantic's schema writer: it ships as data.
    return Path(__file__).with_name("openapi.json").read_text(encoding="utf-8")
