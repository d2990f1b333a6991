"""The page of settings is complete and says nothing of settings that do not exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from marketflow.config import (
    AdminSettings,
    ApiSettings,
    DispatchSettings,
    EtlSettings,
    FetchSettings,
    KeysSettings,
    MigrateSettings,
    RetireSettings,
)

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]
TOOLS = {"PYTHON", "STAGE", "AWS_PROFILE", "AWS_REGION"}
"""Settings of make and of the AWS tools."""

POWERTOOLS = {"LOG_LEVEL", "POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE"}
"""Settings that Powertools reads by itself."""


def test_every_setting_is_explained() -> None:
    """`.env.example` has exactly the settings that the code reads, each below a line that explains it."""
    functions = {
        str(field.alias)
        for model in (
            FetchSettings,
            EtlSettings,
            MigrateSettings,
            ApiSettings,
            KeysSettings,
            AdminSettings,
            DispatchSettings,
            RetireSettings,
        )
        for field in model.model_fields.values()
    }
    source = (ROOT / "local" / "settings.py").read_text(encoding="utf-8")
    local = set(re.findall(r"given(?:\.get\(|, )\"([A-Z_]+)\"", source))
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    explained = {
        line.partition("=")[0]
        for before, line in zip(["", *lines], lines, strict=False)
        if re.match(r"[A-Z_]+=", line) and before.startswith("#")
    }
    assert len(local) >= 4
    assert explained == functions | local | TOOLS | POWERTOOLS
