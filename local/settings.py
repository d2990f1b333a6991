"""The settings of the local stack, from the environment or a file `.env` in the checkout; the environment wins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast, get_args

from local.processes import LocalError

ROOT = Path(__file__).resolve().parent.parent

Sources = Literal["live", "simulator", "auto"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalSettings:
    """What a developer may choose.

    `sources`: `live` asks the vendors, `simulator` never does, `auto` decides by a quick probe. `port` is the one that
    the API and the emulated AWS are served on; when it is taken, another is chosen. `seed` makes the simulator's
    markets: the same seed gives the same prices at the same time. `home` holds the data, the logs and local.json.
    `api_url` and `access_token` let the operator's commands go to a deployment instead of the local stack.
    """

    home: Path = ROOT / ".marketflow"
    api_url: str | None = None
    access_token: str | None = field(default=None, repr=False)
    sources: Sources = "auto"
    port: int = 4566
    seed: int = 7


def load_settings(environment: Mapping[str, str], *, file: Path = ROOT / ".env") -> LocalSettings:
    """The settings. Raises LocalError that names the one that is wrong and what it may be."""
    given = {**read_env_file(file), **{name: value for name, value in environment.items() if value}}
    sources = given.get("SOURCES", "auto")
    if sources not in get_args(Sources):
        raise LocalError(f"SOURCES={sources} is not one of {', '.join(get_args(Sources))}.")
    return LocalSettings(
        home=ROOT / given.get("LOCAL_HOME", ".marketflow"),
        api_url=given.get("API_URL", "").rstrip("/") or None,
        access_token=given.get("ACCESS_TOKEN", "") or None,
        sources=cast("Sources", sources),
        port=_number(given, "LOCAL_PORT", default=4566, most=65535),
        seed=_number(given, "SIMULATOR_SEED", default=7, most=2**31 - 1),
    )


def _number(given: Mapping[str, str], name: str, *, default: int, most: int) -> int:
    text = given.get(name, str(default))
    if not text.isdecimal() or int(text) > most:
        raise LocalError(f"{name}={text} is not a whole number from 0 to {most}.")
    return int(text)


def read_env_file(path: Path) -> dict[str, str]:
    """The `NAME=value` lines of a file; none when it does not exist. Quotes around a value are dropped."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.lstrip().startswith("#"))
    found = {name.strip(): value.strip().strip("'\"") for name, value in pairs}
    return {name: value for name, value in found.items() if value}
