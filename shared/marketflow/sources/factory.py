"""The sources by name: adding one is a module, a row in the catalogue, a line here and a fixture."""

from __future__ import annotations

from collections.abc import Sequence

from marketflow.errors import ConfigurationError
from marketflow.sources.base import Source
from marketflow.sources.binance import Binance
from marketflow.sources.ecb import Ecb
from marketflow.sources.exchangerate import ExchangeRate
from marketflow.sources.yahoo import Yahoo

SOURCES: dict[str, type[Source]] = {
    "binance": Binance,
    "yahoo": Yahoo,
    "exchangerate": ExchangeRate,
    "ecb": Ecb,
}


def create(name: str, *, base_urls: Sequence[str] = (), api_key: str | None = None) -> Source:
    """The source called `name`, on the catalogue's hosts unless `base_urls` says otherwise.

    Raises ConfigurationError when there is no such source.
    """
    if name not in SOURCES:
        raise ConfigurationError(f"There is no source {name!r}. Set SOURCE to one of: {', '.join(SOURCES)}.")
    return SOURCES[name](base_urls=base_urls, api_key=api_key)
