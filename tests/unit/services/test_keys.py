"""A user's own API keys: what is theirs, what is nobody else's, and that nothing is lost on the way."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from marketflow.domain.plans import Plan, plan_of
from marketflow.errors import RefusedError, ServiceUnavailableError
from marketflow.services.keys import MOST_KEYS, Keys, Order
from tests.fakes import NOON
from tests.unit.services.keyring import PLAIN, FakeOnce, FakeStore, keyring

pytestmark = pytest.mark.unit

TODAY = NOON.date()


def refused(status: int, code: str) -> pytest.RaisesExc[RefusedError]:
    """Expects a refusal."""
    return pytest.RaisesExc(RefusedError, check=lambda error: (error.status, error.code) == (status, code))


@pytest.mark.parametrize("plan", Plan)
def test_a_new_key_says_its_plan_and_shows_its_value_once(plan: Plan) -> None:
    """A secret scanner finds the prefix, the read API the plan; the list has the last characters and no value."""
    keys = keyring()
    made = keys.create("ann", name="charts", plan=plan, order=PLAIN)
    assert made.value == f"mf{plan}secret-0001"
    assert plan_of(made.value) == plan
    (listed,) = keys.owned("ann")
    assert (listed.id, listed.name, listed.plan, listed.value, listed.last4) == (made.id, "charts", plan, None, "0001")


def test_a_key_has_at_least_32_random_bytes() -> None:
    """Nobody guesses one."""
    service = Keys(store=FakeStore(), once=FakeOnce(), plans={}, clock=lambda: NOON)
    values = {service.create("ann", name="n", plan=Plan.FREE, order=PLAIN).value for _ in range(5)}
    assert len(values) == 5
    assert all(value is not None and re.fullmatch("mffree[0-9a-f]{64}", value) for value in values)


def test_an_owner_has_so_many_keys_and_no_more() -> None:
    """A revoked one makes room; a rotation needs none."""
    keys = keyring()
    made = [keys.create("ann", name=str(n), plan=Plan.FREE, order=PLAIN) for n in range(MOST_KEYS)]
    with refused(409, "too_many_keys"):
        keys.create("ann", name="one more", plan=Plan.FREE, order=PLAIN)
    keys.create("bob", name="mine", plan=Plan.FREE, order=PLAIN)
    keys.rotate("ann", made[0].id, order=PLAIN)
    keys.revoke("ann", made[1].id)
    keys.create("ann", name="one more", plan=Plan.FREE, order=PLAIN)
    assert len(keys.owned("ann")) == MOST_KEYS


def test_a_rotated_key_keeps_name_and_plan() -> None:
    """The old one is gone and the new one has a value of its own."""
    store = FakeStore()
    keys = keyring(store)
    old = keys.create("ann", name="charts", plan=Plan.PRO, order=PLAIN)
    new = keys.rotate("ann", old.id, order=PLAIN)
    assert (new.name, new.plan) == ("charts", Plan.PRO)
    assert new.value not in (None, old.value)
    assert list(store.kept) == [new.id]


@pytest.mark.parametrize("broken", ["create", "delete"])
def test_a_rotation_that_fails_leaves_the_old_key(broken: str) -> None:
    """Whatever fails in between, the old key still opens the API, and the client may ask again."""
    store = FakeStore()
    keys = keyring(store)
    old = keys.create("ann", name="charts", plan=Plan.FREE, order=PLAIN)
    store.broken = {broken}
    with pytest.raises(ServiceUnavailableError):
        keys.rotate("ann", old.id, order=PLAIN)
    assert old.id in store.kept
    store.broken = set()
    keys.rotate("ann", old.id, order=PLAIN)
    assert old.id not in store.kept


def test_a_revocation_of_which_the_answer_was_lost_is_one() -> None:
    """The rotation gives the new key when the old one is seen to be gone."""
    store = FakeStore(deletes_all_the_same=True)
    keys = keyring(store)
    old = keys.create("ann", name="charts", plan=Plan.FREE, order=PLAIN)
    store.broken = {"delete"}
    new = keys.rotate("ann", old.id, order=PLAIN)
    assert list(store.kept) == [new.id]


def test_the_same_request_makes_one_key_and_answers_the_same() -> None:
    """Also after the key was renamed; the value comes from the store, what is remembered does not hold it."""
    store, once = FakeStore(), FakeOnce()
    keys = keyring(store, once)
    order = Order(key="abc", payload=b"{}")
    first = keys.create("ann", name="charts", plan=Plan.FREE, order=order)
    keys.rename("ann", first.id, name="other")
    assert keys.create("ann", name="charts", plan=Plan.FREE, order=order) == first
    assert len(store.kept) == 1
    assert first.value is not None
    assert first.value not in str(once.kept)


def test_the_same_rotation_is_done_once() -> None:
    """The second request gets the key that the first one made, although the old one is gone by then."""
    keys = keyring()
    old = keys.create("ann", name="charts", plan=Plan.FREE, order=PLAIN)
    order = Order(key="abc", payload=b"")
    assert keys.rotate("ann", old.id, order=order) == keys.rotate("ann", old.id, order=order)
    assert len(keys.owned("ann")) == 1


def test_a_key_that_was_revoked_meanwhile_is_not_made_again() -> None:
    """The repeated request says that it is gone."""
    keys = keyring()
    order = Order(key="abc", payload=b"{}")
    keys.revoke("ann", keys.create("ann", name="charts", plan=Plan.FREE, order=order).id)
    with refused(404, "key_not_found"):
        keys.create("ann", name="charts", plan=Plan.FREE, order=order)


@pytest.mark.parametrize("key_id", ["nope", "", "../usageplans", "a" * 65, "key 1", "key1\n", "anahtar-ş"])
def test_an_id_that_is_no_key_is_not_found(key_id: str) -> None:
    """What cannot be an id is not even asked for."""
    store = FakeStore(broken=set() if key_id == "nope" else {"get"})
    with refused(404, "key_not_found"):
        keyring(store).revoke("ann", key_id)


def test_usage_has_every_day_with_the_plans_limit() -> None:
    """A day on which nothing was counted is one with nothing used."""
    store = FakeStore(counted={TODAY: (7, 993)})
    keys = keyring(store)
    made = keys.create("ann", name="charts", plan=Plan.FREE, order=PLAIN)
    days = keys.usage("ann", made.id, start=TODAY - timedelta(days=1), end=None)
    assert [(day.date, day.used, day.limit, day.remaining) for day in days] == [
        (TODAY - timedelta(days=1), 0, 1_000, 1_000),
        (TODAY, 7, 1_000, 993),
    ]


@given(start=st.none() | st.dates(), end=st.none() | st.dates(max_value=TODAY))
def test_usage_is_of_a_range_or_refused(start: date | None, end: date | None) -> None:
    """1 to 90 days, up to today, each once and in order; 30 when nothing is said."""
    keys = keyring()
    made = keys.create("ann", name="charts", plan=Plan.FREE, order=PLAIN)
    last = end or TODAY
    if start is not None and not 0 <= (last - start).days < 90:
        with refused(400, "invalid_parameter"):
            keys.usage("ann", made.id, start=start, end=end)
        return
    days = [use.date for use in keys.usage("ann", made.id, start=start, end=end)]
    first = start or max(last, date.min + timedelta(days=29)) - timedelta(days=29)
    assert (days[0], days[-1]) == (first, last)
    assert days == sorted(set(days))
    assert 1 <= len(days) <= 90


def test_usage_of_tomorrow_is_refused() -> None:
    """Nobody knows it."""
    keys = keyring()
    made = keys.create("ann", name="charts", plan=Plan.FREE, order=PLAIN)
    with refused(400, "invalid_parameter"):
        keys.usage("ann", made.id, start=None, end=TODAY + timedelta(days=1))


class TwoOwners(RuleBasedStateMachine):
    """Whatever two owners do with whatever ids they know, each sees and changes own keys alone."""

    ids = Bundle("ids")
    owners = st.sampled_from(["ann", "bob"])

    def __init__(self) -> None:
        super().__init__()
        self.store = FakeStore()
        self.keys = keyring(self.store)
        self.names: dict[str, dict[str, str]] = {"ann": {}, "bob": {}}

    @rule(target=ids, owner=owners, key=st.sampled_from([None, "again"]))
    def create(self, owner: str, key: str | None) -> str:
        try:
            made = self.keys.create(owner, name="n", plan=Plan.FREE, order=Order(key=key, payload=b""))
        except RefusedError:
            # The limit, or a key that was made for this Idempotency-Key and is gone.
            return "none"
        assert made.owner == owner
        self.names[owner].setdefault(made.id, "n")
        return made.id

    @rule(owner=owners, key_id=ids, name=st.sampled_from(["a", "b"]))
    def rename(self, owner: str, key_id: str, name: str) -> None:
        if self._allowed(owner, key_id):
            self.keys.rename(owner, key_id, name=name)
            self.names[owner][key_id] = name
        else:
            with refused(404, "key_not_found"):
                self.keys.rename(owner, key_id, name=name)

    @rule(owner=owners, key_id=ids)
    def revoke(self, owner: str, key_id: str) -> None:
        if self._allowed(owner, key_id):
            self.keys.revoke(owner, key_id)
            del self.names[owner][key_id]
        else:
            with refused(404, "key_not_found"):
                self.keys.revoke(owner, key_id)

    @rule(target=ids, owner=owners, key_id=ids)
    def rotate(self, owner: str, key_id: str) -> str:
        if not self._allowed(owner, key_id):
            with refused(404, "key_not_found"):
                self.keys.rotate(owner, key_id, order=PLAIN)
            return "none"
        new = self.keys.rotate(owner, key_id, order=PLAIN)
        self.names[owner][new.id] = self.names[owner].pop(key_id)
        return new.id

    @rule(owner=owners, key_id=ids)
    def usage(self, owner: str, key_id: str) -> None:
        if self._allowed(owner, key_id):
            assert self.keys.usage(owner, key_id, start=TODAY, end=None)
        else:
            with refused(404, "key_not_found"):
                self.keys.usage(owner, key_id, start=TODAY, end=None)

    @invariant()
    def each_sees_the_own_keys(self) -> None:
        for owner, names in self.names.items():
            assert {key.id: key.name for key in self.keys.owned(owner)} == names

    def _allowed(self, owner: str, key_id: str) -> bool:
        return key_id in self.names[owner]


TestTwoOwners = TwoOwners.TestCase
