"""A client of the running stack's API, as a user of it would write one."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol, Self

import httpx

from local.processes import LocalError

ASSET_TYPES = ("crypto", "stock", "forex")
POLL_SECONDS = 0.5
PATIENCE_SECONDS = 10.0


class Address(Protocol):
    """Where an API answers, and a key for it. The routes are below `api_url`."""

    @property
    def api_url(self) -> str:
        """Without a slash at its end."""

    @property
    def api_key(self) -> str:
        """The value, not the id."""


class ApiClient:
    """GETs below the API's URL with its key; decimals are read as Decimal. A context manager.

    `trust_env`: whether the proxies that the environment names are taken, which a stack on this machine is not behind.
    """

    def __init__(self, address: Address, *, trust_env: bool = False) -> None:
        self._trust_env = trust_env
        self._http = httpx.Client(
            base_url=address.api_url, headers={"x-api-key": address.api_key}, timeout=20, trust_env=trust_env
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def once(self, path: str, **parameters: str | int) -> httpx.Response:
        """The first answer, whatever its status."""
        return self._http.get(path, params=parameters)

    def get(self, path: str, **parameters: str | int) -> httpx.Response:
        """The answer, whatever its status, but 429: then it waits as it is told to and asks again.

        `path` may also be a link that another answer gave, which is followed exactly as it stands.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (answer := self._http.get(path, params=parameters or None)).status_code == 429:
            if time.monotonic() > deadline:
                break
            time.sleep(float(answer.headers.get("retry-after", "1")))
        return answer

    def with_key(self, key: str | None, path: str) -> httpx.Response:
        """The answer to another API key, or to none."""
        headers = {} if key is None else {"x-api-key": key}
        return httpx.get(
            f"{self._http.base_url}{path.lstrip('/')}", headers=headers, timeout=20, trust_env=self._trust_env
        )

    def json(self, path: str, **parameters: str | int) -> Any:  # noqa: ANN401 - it is whatever the route answers
        """The body of a good answer. Raises LocalError for any other."""
        answer = self.get(path, **parameters)
        if answer.status_code != 200:
            raise LocalError(f"GET {answer.url} answered {answer.status_code}: {answer.text[:500]}")
        return answer.json(parse_float=Decimal)

    def symbols(self, asset_type: str) -> list[str]:
        """The active symbols of a class."""
        return [item["symbol"] for item in self.json("/symbols", asset_type=asset_type, active="true", limit=1000)]

    def wait_for_prices(
        self, *, seconds: float, alive: Callable[[], None], each: bool = False
    ) -> dict[str, dict[str, dict[str, Any]]]:
        """The latest prices by asset type and symbol, once every class has one (`each`: every active symbol has).

        `alive` raises when waiting has become pointless. Raises LocalError that names what is missing after `seconds`.
        """
        deadline = time.monotonic() + seconds
        symbols: dict[str, list[str]] = {}
        while True:
            alive()
            try:
                # The symbols are asked for once: a usage plan allows only so many questions a second.
                symbols = symbols or {kind: self.symbols(kind) for kind in ASSET_TYPES}
                found = self._latest(symbols)
                missing = {kind: set(names) - found[kind].keys() for kind, names in symbols.items()}
                lacking = {kind: names for kind, names in missing.items() if names and (each or not found[kind])}
                if not lacking:
                    return found
                trouble = "; ".join(f"{kind}: {', '.join(sorted(names))}" for kind, names in lacking.items())
            except (httpx.TransportError, LocalError) as error:
                trouble = str(error)
            if time.monotonic() > deadline:
                raise LocalError(f"Prices are missing after {seconds:.0f} s. {trouble}")
            time.sleep(POLL_SECONDS)

    def _latest(self, symbols: Mapping[str, Sequence[str]]) -> dict[str, dict[str, dict[str, Any]]]:
        """The latest price of each of the symbols that has one, by class and symbol."""
        names = ",".join(name for several in symbols.values() for name in several)
        items = {item["symbol"]: item for item in self.json("/prices", symbols=names) if "price" in item}
        return {kind: {name: items[name] for name in several if name in items} for kind, several in symbols.items()}
