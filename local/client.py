"""A client of the running stack's API, as a user of it would write one."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx

from local.processes import LocalError
from local.stack import Facts

ASSET_TYPES = ("crypto", "stock", "forex")
POLL_SECONDS = 0.5


class ApiClient:
    """GETs below the API's URL with its key; decimals are read as Decimal."""

    def __init__(self, facts: Facts) -> None:
        self._http = httpx.Client(
            base_url=facts.api_url, headers={"x-api-key": facts.api_key}, timeout=20, trust_env=False
        )

    def get(self, path: str, **parameters: str | int) -> httpx.Response:
        """The answer, whatever its status."""
        return self._http.get(path, params=parameters)

    def with_key(self, key: str | None, path: str) -> httpx.Response:
        """The answer to another API key, or to none."""
        headers = {} if key is None else {"x-api-key": key}
        return httpx.get(f"{self._http.base_url}{path.lstrip('/')}", headers=headers, timeout=20, trust_env=False)

    def json(self, path: str, **parameters: str | int) -> Any:  # noqa: ANN401 - it is whatever the route answers
        """The body of a good answer. Raises LocalError for any other."""
        answer = self.get(path, **parameters)
        if answer.status_code != 200:
            raise LocalError(f"GET {answer.url} answered {answer.status_code}: {answer.text[:500]}")
        return answer.json(parse_float=Decimal)

    def symbols(self, asset_type: str) -> list[str]:
        """The active symbols of a class."""
        return [item["symbol"] for item in self.json("/symbols", asset_type=asset_type, active="true")]

    def prices(self, asset_type: str) -> dict[str, dict[str, Any]]:
        """The latest price of each active symbol of a class that has one."""
        names = self.symbols(asset_type)
        items = self.json("/prices", symbols=",".join(names)) if names else []
        return {item["symbol"]: item for item in items if "price" in item}

    def wait_for_prices(
        self, *, seconds: float, alive: Callable[[], None], each: bool = False
    ) -> dict[str, dict[str, dict[str, Any]]]:
        """The latest prices by asset type and symbol, once every class has one (`each`: every active symbol has).

        `alive` raises when waiting has become pointless. Raises LocalError that names what is missing after `seconds`.
        """
        deadline = time.monotonic() + seconds
        while True:
            alive()
            try:
                found = {asset_type: self.prices(asset_type) for asset_type in ASSET_TYPES}
                missing = {kind: self._missing(kind, prices, each=each) for kind, prices in found.items()}
                if not any(missing.values()):
                    return found
                trouble = "; ".join(f"{kind}: {names}" for kind, names in missing.items() if names)
            except (httpx.TransportError, LocalError) as error:
                trouble = str(error)
            if time.monotonic() > deadline:
                raise LocalError(f"Prices are missing after {seconds:.0f} s. {trouble}")
            time.sleep(POLL_SECONDS)

    def _missing(self, asset_type: str, prices: dict[str, dict[str, Any]], *, each: bool) -> str:
        """The symbols that have no price yet, as text; empty when that is all right."""
        if prices and not each:
            return ""
        return ", ".join(sorted(set(self.symbols(asset_type)) - prices.keys()))
