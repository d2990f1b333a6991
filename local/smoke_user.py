"""The life of a user, from the sign-up to a key that opens nothing any more: a part of `make smoke`."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from local.processes import LocalError
from local.sign_in import SignIn
from local.stack import Facts
from local.steps import Steps

BURST = 24
PATIENCE_SECONDS = 10.0


class User:
    """Somebody with an access token and, later, API keys; `token` None has not signed in."""

    def __init__(self, facts: Facts, token: str | None) -> None:
        self._url = facts.api_url
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}

    def manage(self, method: str, path: str, **arguments: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own
        """The answer to a request for one's own keys, whatever it is; 429 is asked again, as it says."""
        headers = {**self._headers, **arguments.pop("headers", {})}
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            answer = httpx.request(
                method, f"{self._url}{path}", headers=headers, timeout=30, trust_env=False, **arguments
            )
            if answer.status_code != 429 or time.monotonic() > deadline:
                return answer
            time.sleep(float(answer.headers.get("retry-after", "1")))

    def expect(self, status: int, method: str, path: str, **arguments: Any) -> Any:  # noqa: ANN401 - any JSON
        """The body of an answer with `status`. Raises LocalError for any other."""
        answer = self.manage(method, path, **arguments)
        if answer.status_code != status:
            raise LocalError(f"{method} {path} answered {answer.status_code}, not {status}: {answer.text[:300]}")
        return answer.json() if answer.content else None

    def new_key(self, name: str, plan: str = "free") -> dict[str, Any]:
        """A new key with its value."""
        made: dict[str, Any] = self.expect(201, "POST", "/keys", json={"name": name, "plan": plan})
        return made

    def ask(self, key: str, path: str = "/prices/BTCUSDT") -> httpx.Response:
        """The read API's answer to an API key."""
        return httpx.get(f"{self._url}{path}", headers={"x-api-key": key}, timeout=20, trust_env=False)


def hit_the_limit(user: User, key: str) -> str:
    """More requests at once than the plan allows get 429, which says when to ask again and what the limits are."""
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: user.ask(key), range(BURST)))
    refused = [answer for answer in answers if answer.status_code == 429]
    if not refused or {answer.status_code for answer in answers} != {200, 429}:
        statuses = Counter(answer.status_code for answer in answers)
        raise LocalError(f"{BURST} requests at once on the plan free should get 200 and 429: {dict(statuses)}.")
    for answer in answers:
        if "q=" not in answer.headers.get("ratelimit-policy", ""):
            raise LocalError(f"An answer with status {answer.status_code} has no RateLimit-Policy.")
    if int(refused[0].headers.get("retry-after", "0")) < 1:
        raise LocalError("The 429 does not say when to ask again.")
    return f"{len(refused)} of {BURST} got 429"


def check_usage(user: User, key_id: str) -> str:
    """The requests were counted, on a quota of the plan."""
    (today,) = user.expect(200, "GET", f"/keys/{key_id}/usage", params=_today())
    if not today["used"] or today["used"] + today["remaining"] != today["limit"]:
        raise LocalError(f"The usage does not add up: {today}.")
    return f"{today['used']} of {today['limit']} used"


def rotate_and_revoke(user: User, made: dict[str, Any]) -> str:
    """A rotated key opens nothing and its successor does, until that one is revoked."""
    rotated = user.expect(201, "POST", f"/keys/{made['id']}/rotate")
    _wait_for(lambda: user.ask(made["value"]).status_code == 403, "The rotated key still opens the API.")
    _wait_for(lambda: user.ask(rotated["value"]).status_code == 200, "The new key does not open the API.")
    user.expect(204, "DELETE", f"/keys/{rotated['id']}")
    _wait_for(lambda: user.ask(rotated["value"]).status_code == 403, "The revoked key still opens the API.")
    if user.expect(200, "GET", "/keys"):
        raise LocalError("A revoked key is still listed.")
    return "the old key 403, the new one 200, then 403"


def check_user(facts: Facts, steps: Steps) -> None:
    """Walk through it, a step a line. Raises LocalError that says what failed."""
    with steps.step("User signed up") as note:
        sign_in, email = SignIn(facts), f"{secrets.token_hex(6)}@example.com"
        sign_in.sign_up(email)
        user = User(facts, sign_in.tokens(email).access)
        note.text = "confirmed, and signed in by code and PKCE"
    with steps.step("User's key") as note:
        made = user.new_key("smoke")
        _wait_for(lambda: user.ask(made["value"]).status_code == 200, "The new key does not open the API.")
        note.text = f"on plan {made['plan']}; prices read; {hit_the_limit(user, made['value'])}; "
        note.text += check_usage(user, made["id"])
    with steps.step("User's key revoked") as note:
        note.text = rotate_and_revoke(user, made)


def _today() -> dict[str, str]:
    day = time.strftime("%Y-%m-%d", time.gmtime())
    return {"start": day, "end": day}


def _wait_for(question: Callable[[], bool], complaint: str) -> None:
    """Ask until it is so: API Gateway takes a moment to know of a key, and a plan's bucket to fill again."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not question():
        if time.monotonic() > deadline:
            raise LocalError(complaint)
        time.sleep(0.6)
