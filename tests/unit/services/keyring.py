"""API keys in memory: a store that satisfies the service's Protocol, and a clock that stands still."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import count

from marketflow.domain.keys import ApiKey
from marketflow.domain.plans import Limits, Plan
from marketflow.errors import RefusedError, ServiceUnavailableError
from marketflow.services.keys import Keys, Order
from tests.fakes import NOON

PLANS = {
    Plan.FREE: Limits(rate=2, burst=5, quota_per_day=1_000),
    Plan.PRO: Limits(rate=20, burst=40, quota_per_day=200_000),
}
PLAIN = Order(key=None, payload=b"")


@dataclass
class FakeStore:
    """Keeps keys in a dict; `broken` names the methods that fail.

    `deletes_all_the_same`: a deletion that fails was done.
    """

    kept: dict[str, ApiKey] = field(default_factory=dict)
    counted: dict[date, tuple[int, int]] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    deletes_all_the_same: bool = False
    ids: Callable[[], str] = field(default_factory=lambda: map("key{}".format, count(1)).__next__)

    def create(self, *, owner: str, name: str, plan: Plan, value: str) -> ApiKey:
        """A key."""
        self._try("create")
        key = ApiKey(id=self.ids(), owner=owner, name=name, plan=plan, created_at=NOON, last4=value[-4:], value=value)
        self.kept[key.id] = key
        return key

    def of(self, owner: str) -> list[ApiKey]:
        """The owner's."""
        self._try("of")
        return [replace(key, value=None) for key in self.kept.values() if key.owner == owner]

    def get(self, key_id: str) -> ApiKey | None:
        """Anybody's."""
        self._try("get")
        return self.kept.get(key_id)

    def rename(self, key_id: str, name: str) -> None:
        """Another name."""
        self._try("rename")
        self.kept[key_id] = replace(self.kept[key_id], name=name)

    def delete(self, key_id: str) -> None:
        """Gone."""
        if "delete" in self.broken and self.deletes_all_the_same:
            self.kept.pop(key_id, None)
        self._try("delete")
        self.kept.pop(key_id, None)

    def usage(self, key: ApiKey, *, first: date, last: date) -> dict[date, tuple[int, int]]:
        """What was counted."""
        self._try("usage")
        return {day: pair for day, pair in self.counted.items() if first <= day <= last}

    def _try(self, method: str) -> None:
        if method in self.broken:
            raise ServiceUnavailableError(f"{method} is broken")


@dataclass
class FakeOnce:
    """Remembers answers by operation, owner and key."""

    kept: dict[tuple[str, str, str], tuple[bytes, str]] = field(default_factory=dict)

    def __call__(self, *, operation: str, owner: str, key: str | None, payload: bytes, work: Callable[[], str]) -> str:
        """The first answer."""
        if key is None:
            return work()
        known = self.kept.get((operation, owner, key))
        if known is None:
            self.kept[operation, owner, key] = known = (payload, work())
        if known[0] != payload:
            raise RefusedError("Another body.", status=422, code="idempotency_mismatch")
        return known[1]


def keyring(store: FakeStore | None = None, once: FakeOnce | None = None) -> Keys:
    """The service at noon."""
    secrets = map("secret-{:04}".format, count(1))
    return Keys(
        store=store or FakeStore(),
        once=once or FakeOnce(),
        plans=PLANS,
        clock=lambda: NOON,
        secret=secrets.__next__,
    )
