"""A user's own API keys: made, listed, renamed, rotated, revoked, and how much each was used."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

from marketflow.domain.keys import ApiKey
from marketflow.domain.plans import Limits, Plan, key_value
from marketflow.errors import RefusedError, RetryLaterError
from marketflow.services.once import Once
from marketflow.services.ports import Clock

MOST_KEYS = 10
MOST_DAYS = 90
DEFAULT_DAYS = 30
SECRET_BYTES = 32

_ID = re.compile(r"[A-Za-z0-9-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What makes a POST the same as an earlier one: the client's `Idempotency-Key`, if any, and the body's bytes."""

    key: str | None
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """The requests of one day in UTC: made, allowed, and what was left at its end (or is left now)."""

    date: date
    used: int
    limit: int
    remaining: int


class KeyStore(Protocol):
    """Where keys are kept. Every method raises RetryLaterError while it cannot answer."""

    def create(self, *, owner: str, name: str, plan: Plan, value: str) -> ApiKey:
        """Make a key that opens the API at once."""
        ...

    def of(self, owner: str) -> list[ApiKey]:
        """The owner's keys, without their values."""
        ...

    def get(self, key_id: str) -> ApiKey | None:
        """The key with its value, whoever owns it; None when there is none."""
        ...

    def rename(self, key_id: str, name: str) -> None:
        """Give the key another name."""
        ...

    def delete(self, key_id: str) -> None:
        """Revoke the key; nothing happens when that was done already."""
        ...

    def usage(self, key: ApiKey, *, first: date, last: date) -> Mapping[date, tuple[int, int]]:
        """Requests made and left, by the days on which any were counted; both ends are included."""
        ...


class Keys:
    """What a signed-in user may do with keys. `owner` is always the subject of the token that the gateway found good.

    A key of somebody else is refused like one that does not exist: RefusedError 404 `key_not_found`. `plans` are the
    limits of each plan; `secret` makes the random part of a value.
    """

    def __init__(
        self,
        *,
        store: KeyStore,
        once: Once,
        plans: Mapping[Plan, Limits],
        clock: Clock,
        secret: Callable[[], str] = lambda: secrets.token_hex(SECRET_BYTES),
    ) -> None:
        self._store = store
        self._once = once
        self._plans = plans
        self._clock = clock
        self._secret = secret

    def create(self, owner: str, *, name: str, plan: Plan, order: Order) -> ApiKey:
        """A new key with its value. Raises RefusedError (409) when the owner has as many as one may have."""

        def make() -> ApiKey:
            if len(self._store.of(owner)) >= MOST_KEYS:
                raise RefusedError(
                    f"You have {MOST_KEYS} keys, and more are not possible: revoke one first.",
                    status=409,
                    code="too_many_keys",
                )
            return self._store.create(owner=owner, name=name, plan=plan, value=key_value(plan, self._secret()))

        return self._issue(owner, operation="POST /v1/keys", order=order, make=make)

    def owned(self, owner: str) -> list[ApiKey]:
        """The owner's keys without their values, oldest first."""
        return sorted(self._store.of(owner), key=lambda key: (key.created_at, key.id))

    def rename(self, owner: str, key_id: str, *, name: str) -> ApiKey:
        """The key under its new name, without its value."""
        key = self._own(owner, key_id)
        self._store.rename(key_id, name)
        return replace(key, name=name, value=None)

    def revoke(self, owner: str, key_id: str) -> None:
        """The key opens nothing any more."""
        self._own(owner, key_id)
        self._store.delete(key_id)

    def rotate(self, owner: str, key_id: str, *, order: Order) -> ApiKey:
        """A new key of the same name and plan with its value; the old one is revoked.

        The new one is made first: whatever fails in between, one of the two opens the API and is listed.
        """

        def make() -> ApiKey:
            old = self._own(owner, key_id)
            value = key_value(old.plan, self._secret())
            new = self._store.create(owner=owner, name=old.name, plan=old.plan, value=value)
            try:
                self._store.delete(old.id)
            except RetryLaterError:
                # Perhaps it was deleted all the same: the new one goes only when the old one is seen to be there.
                if self._store.get(old.id) is not None:
                    self._store.delete(new.id)
                    raise
            return new

        return self._issue(owner, operation=f"POST /v1/keys/{key_id}/rotate", order=order, make=make)

    def usage(self, owner: str, key_id: str, *, start: date | None, end: date | None) -> list[Use]:
        """Each day from `start` to `end`, both included. Without `end` up to today, without `start` 30 days of it.

        Raises RefusedError (400) for a range that is empty, longer than 90 days or not over before tomorrow.
        """
        today = self._clock().astimezone(UTC).date()
        last = end or today
        first = start or _before(last, DEFAULT_DAYS - 1)
        if last > today:
            raise _range(f"end: expected a day up to today, {today}, in UTC.", "end")
        if not 0 <= (last - first).days < MOST_DAYS:
            raise _range(
                f"start: expected a day up to {MOST_DAYS - 1} days before end, {last}, or end itself.", "start"
            )
        key = self._own(owner, key_id)
        counted = self._store.usage(key, first=first, last=last)
        allowed = self._plans[key.plan].quota_per_day
        days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        return [_use(day, *counted.get(day, (0, allowed))) for day in days]

    def _issue(self, owner: str, *, operation: str, order: Order, make: Callable[[], ApiKey]) -> ApiKey:
        """What `make` makes, or made when the same request came before; the value is asked for again, never kept."""
        made: list[ApiKey] = []

        def work() -> str:
            made.append(make())
            return _facts(made[0])

        text = self._once(operation=operation, owner=owner, key=order.key, payload=order.payload, work=work)
        if made:
            return made[0]
        known = json.loads(text)
        value = self._own(owner, known["id"]).value
        return ApiKey(
            id=known["id"],
            owner=owner,
            name=known["name"],
            plan=Plan(known["plan"]),
            created_at=datetime.fromisoformat(known["created_at"]),
            last4=known["last4"],
            value=value,
        )

    def _own(self, owner: str, key_id: str) -> ApiKey:
        key = self._store.get(key_id) if _ID.fullmatch(key_id) else None
        if key is None or key.owner != owner:
            raise RefusedError(
                "There is no key of this id; GET /v1/keys lists yours.",
                status=404,
                code="key_not_found",
                parameter="id",
            )
        return key


def _before(day: date, days: int) -> date:
    return date.fromordinal(max(day.toordinal() - days, 1))


def _range(detail: str, parameter: str) -> RefusedError:
    return RefusedError(detail, status=400, code="invalid_parameter", parameter=parameter)


def _use(day: date, used: int, remaining: int) -> Use:
    return Use(date=day, used=used, limit=used + remaining, remaining=remaining)


def _facts(key: ApiKey) -> str:
    return json.dumps(
        {
            "id": key.id,
            "name": key.name,
            "plan": key.plan,
            "created_at": key.created_at.isoformat(),
            "last4": key.last4,
        }
    )
