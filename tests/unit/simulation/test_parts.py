"""The parts of the simulation: a queue, a store and a clock that behave as the real ones do."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from botocore.exceptions import ClientError

from local.simulation.clock import SECOND, VirtualClock, VirtualLoop
from local.simulation.mishaps import MISHAPS, Crash, Mishaps
from local.simulation.oracle import shortest
from local.simulation.queue import MAX_RECEIVES, VISIBILITY_SECONDS, MemoryQueue
from local.simulation.report import applicable
from local.simulation.scenario import plan
from local.simulation.storage import MemoryS3
from local.simulator.fault_table import Kind

pytestmark = pytest.mark.unit

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(NOON)


def queue(clock: VirtualClock, **rates: float) -> MemoryQueue:
    return MemoryQueue(clock, Mishaps(7, rates))


def send(queue: MemoryQueue, *bodies: str) -> list[str]:
    """The numbers of the entries that were refused."""
    entries = [{"Id": str(index), "MessageBody": body} for index, body in enumerate(bodies)]
    return [one["Id"] for one in queue.send_message_batch(QueueUrl="q", Entries=entries)["Failed"]]


def test_a_received_message_is_hidden_until_its_time_is_over(clock: VirtualClock) -> None:
    """Nobody else gets it meanwhile; then it comes back."""
    held = queue(clock)
    send(held, "a")
    [first] = held.receive()
    assert held.receive() == []
    clock.advance(VISIBILITY_SECONDS)
    [again] = held.receive()
    assert (first.body, again.body, again.receives) == ("a", "a", 2)


def test_a_stale_receipt_deletes_nothing(clock: VirtualClock) -> None:
    """Who was overtaken by a second receive cannot delete what the other one is working on."""
    held = queue(clock)
    send(held, "a")
    [first] = held.receive()
    clock.advance(VISIBILITY_SECONDS)
    [again] = held.receive()
    held.delete(first)
    assert len(held.letters) == 1
    held.delete(again)
    assert held.letters == []


def test_a_message_that_nobody_can_load_becomes_a_dead_letter(clock: VirtualClock) -> None:
    """After the most receives that the queue allows it moves, and a redrive brings it back."""
    held = queue(clock)
    send(held, "a")
    for _ in range(MAX_RECEIVES):
        assert held.receive()
        clock.advance(VISIBILITY_SECONDS)
    assert held.receive() == []
    assert [letter.body for letter in held.dead] == ["a"]
    assert held.redrive() == 1
    assert [received.body for received in held.receive()] == ["a"]


def test_an_entry_can_be_refused_and_taken(clock: VirtualClock) -> None:
    """A refused entry is not in the queue, unless the refusal was a lie; a duplicated one is there twice."""
    refusing, lying, doubling = (
        queue(clock, **{name: 1.0}) for name in ("send_refused", "send_refused_but_taken", "message_duplicated")
    )
    assert send(refusing, "a", "b") == ["0", "1"]
    assert refusing.letters == []
    assert send(lying, "a") == ["0"]
    assert len(lying.letters) == 1
    assert send(doubling, "a") == []
    assert len(doubling.letters) == 2


def test_a_lost_answer_hides_the_messages_all_the_same(clock: VirtualClock) -> None:
    """Nobody has them, and they come back when their time is over."""
    held = queue(clock, message_lost_then_redelivered=1.0)
    send(held, "a")
    assert held.receive() == []
    assert held.letters[0].receives == 1
    assert held.seconds_to_next() == VISIBILITY_SECONDS


def test_conditional_writes_hold_their_condition() -> None:
    """A write on an old ETag, or on nothing where there is something, is refused; so is one that comes too late."""
    store = MemoryS3()
    store.put_object(Bucket="b", Key="k", Body=b"1", IfNoneMatch="*")
    etag = store.get_object(Bucket="b", Key="k")["ETag"]
    with pytest.raises(ClientError, match="PreconditionFailed"):
        store.put_object(Bucket="b", Key="k", Body=b"2", IfNoneMatch="*")
    store.put_object(Bucket="b", Key="k", Body=b"2", IfMatch=etag)
    with pytest.raises(ClientError, match="PreconditionFailed"):
        store.put_object(Bucket="b", Key="k", Body=b"3", IfMatch=etag)
    with pytest.raises(ClientError, match="PreconditionFailed"):
        MemoryS3(lambda: True).put_object(Bucket="b", Key="k", Body=b"1", IfNoneMatch="*")
    with pytest.raises(ClientError, match="NoSuchKey"):
        store.get_object(Bucket="b", Key="other")


def test_waiting_moves_the_virtual_clock_alone(clock: VirtualClock) -> None:
    """An hour of sleep is over at once, and what goes to a thread runs in this one, in its place."""
    before = clock.micros

    async def work() -> int:
        await asyncio.sleep(3600)
        return await asyncio.to_thread(threading.get_ident)

    with asyncio.Runner(loop_factory=lambda: VirtualLoop(clock)) as runner:
        assert runner.run(work()) == threading.get_ident()
    assert clock.micros - before == pytest.approx(3600 * SECOND, abs=10)


def test_waiting_for_nobody_is_an_error(clock: VirtualClock) -> None:
    """A future that nobody will ever fulfil is said, instead of waited for."""

    async def wait() -> None:
        await asyncio.get_running_loop().create_future()

    with (
        pytest.raises(RuntimeError, match="never happen"),
        asyncio.Runner(loop_factory=lambda: VirtualLoop(clock)) as runner,
    ):
        runner.run(wait())


def test_mishaps_end_with_the_storm() -> None:
    """Once things shall come to rest nothing strikes any more, and each strike was counted."""
    mishaps = Mishaps(1, {"no_answer": 1.0})
    assert mishaps.strikes("no_answer")
    assert not mishaps.strikes("slow_answer")
    with pytest.raises(Crash):
        mishaps.crash_if("no_answer")
    mishaps.active = False
    assert not mishaps.strikes("no_answer")
    assert mishaps.counts == {"no_answer": 2}


def test_seeds_choose_everything_there_is() -> None:
    """Over a thousand seeds every mishap and every fault is drawn, and each seed draws the same again."""
    plans = [plan(seed) for seed in range(1000)]
    assert plans[:20] == [plan(seed) for seed in range(20)]
    assert {name for one in plans for name in one.rates} == set(MISHAPS)
    assert {name for one in plans for name in one.faults} == set(applicable(Kind.REQUEST, Kind.TIME, Kind.MOMENT))


@pytest.mark.parametrize("text", ["75.0875", "0.02", "118400", "85000.01", "6640.001", "1.5"])
def test_the_shortest_decimal_of_a_32_bit_number(text: str) -> None:
    """The oracle names a number as the vendor meant it."""
    assert shortest(float(text)) == Decimal(text)
