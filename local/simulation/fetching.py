"""The fetchers of a run: the pipeline's own, with the world for an internet and a clock that may be wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, cast
from urllib.parse import parse_qsl

import httpx

from local.simulation import absurd, oracle_binance, oracle_ecb, oracle_rates, oracle_yahoo
from local.simulation.absurd import Absurd
from local.simulation.clock import VirtualClock, VirtualLoop
from local.simulation.ledger import Answer, Ledger
from local.simulation.log import Log
from local.simulation.mishaps import Crash, Mishaps
from local.simulation.oracle import Served
from local.simulation.queue import MAX_RECEIVES, MemoryQueue, Received
from local.simulation.scenario import Scenario
from local.simulation.storage import MemoryS3
from local.simulator.world import World
from marketflow.domain.fetching import FetchOrder, FetchReport, FetchRequest, RawResponse
from marketflow.domain.jobs import Part
from marketflow.errors import MarketFlowError, RetryLaterError
from marketflow.messaging.archive import RawArchive
from marketflow.messaging.envelope import Codec
from marketflow.messaging.publisher import Publisher
from marketflow.messaging.state import SourceStates, SymbolCatalog
from marketflow.services.fetcher import Fetcher
from marketflow.services.ingest import Ingest, Manners
from marketflow.sources import factory
from marketflow.sources.base import Source

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

LAMBDA_SECONDS = 50.0
READERS = {
    "binance": oracle_binance.read,
    "yahoo": oracle_yahoo.read,
    "exchangerate": oracle_rates.read,
    "ecb": oracle_ecb.read,
}
BUCKET, QUEUE = "data", "payloads"
_call: ContextVar[list[Served]] = ContextVar("_call")


@dataclass(slots=True, kw_only=True)
class Scene:
    """Everything that one run shares. `skew` is how many seconds the fetchers' clock is ahead.

    `queue` is that of the payloads, `tasks` are those of the parts of backfills, by source.
    """

    scenario: Scenario
    world: World
    clock: VirtualClock
    mishaps: Mishaps
    log: Log
    ledger: Ledger
    s3: MemoryS3
    queue: MemoryQueue
    tasks: dict[str, MemoryQueue]
    skew: float = 0.0
    calm: bool = False
    asked: list[Served] = field(default_factory=list)
    broken_runs: int = 0

    def local_time(self) -> datetime:
        """The fetchers' own time."""
        return self.clock.now() + timedelta(seconds=self.skew)


class Fetchers:
    """One fetcher for each source of the scenario."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._dead = False
        self._held: dict[int, tuple[RawResponse, Served]] = {}
        self._client = httpx.AsyncClient(transport=httpx.MockTransport(self._serve), trust_env=False)
        self._fetchers = {source: self._fetcher(factory.create(source)) for source in scene.tasks}

    def close(self) -> None:
        """Close the loops and the client."""
        for fetcher in self._fetchers.values():
            fetcher.close()

    def tick(self, source: str, datasets: Sequence[str], number: int) -> None:
        """One tick of the schedule of `source`; it may crash, or be refused by the queue."""
        fetcher, order = self._fetchers[source], FetchOrder(datasets=tuple(datasets))
        self._attempt(source, lambda left: fetcher.tick(order, correlation_id=f"tick-{number}", time_left=left))

    def task(self, source: str, received: Received) -> bool:
        """Do one task of the queue of `source`; whether it is done, or has become a message that waits."""
        fetcher, name = self._fetchers[source], f"task-{received.number}"
        return self._attempt(
            source,
            lambda left: fetcher.task(received.body, correlation_id=name, time_left=left, receives=received.receives),
        )

    def _attempt(self, source: str, work: Callable[[Callable[[], float]], FetchReport | None]) -> bool:
        """What one invocation of the function does; whether it ends well."""
        log, end = self._scene.log, self._scene.clock.micros + int(LAMBDA_SECONDS * 1_000_000)
        self._dead = False
        self._held.clear()
        try:
            report = work(lambda: (end - self._scene.clock.micros) / 1_000_000)
        except Crash as crash:
            self._scene.broken_runs += 1
            log.note("crashed", f"{source}: {crash}")
            return False
        except MarketFlowError as error:
            # A task that the source did not answer has told of it; what the queue did not take is in the archive alone.
            self._scene.broken_runs += "SQS" in str(error)
            log.note("failed", f"{source}: {error}")
            return False
        if report is not None:
            log.note("fetched", f"{source} {report.succeeded}/{report.requests} {sorted(report.failures.items())}")
        return True

    def _fetcher(self, source: Source) -> Fetcher:
        return Fetcher(
            self._ingest(source),
            tasks=Publisher(queue_url=f"tasks-{source.name}", client=cast("SQSClient", _Mortal(self))),
            tries=MAX_RECEIVES,
            clock=self._scene.local_time,
            release=self._client.aclose,
            loop_factory=lambda: VirtualLoop(self._scene.clock),
        )

    def _ingest(self, source: Source) -> Ingest:
        scene, spec = self._scene, source.spec
        s3, sqs = cast("S3Client", _Mortal(self)), cast("SQSClient", _Mortal(self))

        async def fetch(request: FetchRequest) -> RawResponse:
            return await self._fetch(source, request)

        return Ingest(
            source=source,
            fetch=fetch,
            manners=Manners(
                max_concurrency=spec.max_concurrency,
                min_interval_seconds=spec.min_interval_seconds,
                timeout_seconds=spec.timeout_seconds,
                cadence=timedelta(seconds=spec.schedules[0].every_seconds) if spec.schedules else None,
            ),
            archive=_Archive(self, RawArchive(bucket=BUCKET, client=s3)),
            codec=_Claiming(scene.mishaps),
            outbox=Publisher(queue_url=QUEUE, client=sqs),
            symbols=SymbolCatalog(bucket=BUCKET, client=s3),
            states=SourceStates(bucket=BUCKET, client=s3),
            clock=scene.local_time,
        )

    async def _fetch(self, source: Source, request: FetchRequest) -> RawResponse:
        mishaps = self._scene.mishaps
        self.live()
        await asyncio.sleep(mishaps.between("latency", 0.01, 0.6))
        if mishaps.strikes("slow_answer"):
            await asyncio.sleep(mishaps.between("slow_answer", 2.0, 9.0))
        served: list[Served] = []
        _call.set(served)
        try:
            response = await source.fetch(self._client, request)
        except RetryLaterError:
            self._scene.log.note("no answer", request.path)
            raise
        await asyncio.sleep(mishaps.between("latency", 0.01, 0.3))
        response = response.model_copy(update={"received_at": self._scene.local_time()})
        self._held[id(response)] = (response, _for(served[-1], request))
        return response

    def _serve(self, request: httpx.Request) -> httpx.Response:
        """The world's answer to one request of the client."""
        scene = self._scene
        if scene.mishaps.strikes("no_answer"):
            raise httpx.ConnectError("The host cannot be reached.", request=request)
        path, _, query = request.url.raw_path.decode("ascii").partition("?")
        before = self._injected()
        answer = scene.world.answer(request.method, path, query, dict(request.headers))
        struck = tuple(name for name, count in self._injected().items() if count != before[name])
        body, broken = self._spoiled(path, answer.body) if answer.status == 200 else (answer.body, None)
        served = Served(
            vendor="",
            path=path,
            params=dict(parse_qsl(query)),
            symbols=(),
            at=int(scene.clock.now().timestamp()),
            status=answer.status,
            body=body,
            struck=struck,
            hole=None if scene.calm else scene.scenario.hole,
            split=scene.scenario.split,
            absurd=broken,
        )
        _call.get().append(served)
        scene.log.note("answered", f"{answer.status} {path}?{query} {' '.join(struck)}")
        return httpx.Response(answer.status, headers=answer.headers, content=body)

    def _spoiled(self, path: str, body: bytes) -> tuple[bytes, Absurd | None]:
        """The body, now and then with a number that is out of place."""
        scene = self._scene
        if not scene.mishaps.strikes("absurd_number"):
            return body, None
        factor = Decimal(100) if scene.mishaps.below("absurd_number", 2) else Decimal("0.01")
        pairs = scene.scenario.symbols.get("exchangerate", ())
        currencies = sorted({code for pair in pairs for code in pair.split("/")} - {oracle_rates.BASE})
        spoiled = absurd.spoil(path, body, factor, partial(scene.mishaps.below, "absurd_number"), currencies)
        return spoiled or (body, None)

    def _injected(self) -> dict[str, int]:
        return {name: int(str(facts["injected"])) for name, facts in self._scene.world.faults.report().items()}

    def live(self) -> None:
        """Raise Crash in whatever a dead process would do next."""
        if self._dead:
            raise Crash("already over")

    def archived(self, key: str, request: FetchRequest, response: RawResponse, *, failed: bool) -> None:
        """Note an answer that is in the archive now."""
        served = self._held[id(response)][1]
        self._scene.asked.append(served)
        reading = absurd.applied(READERS[request.source](self._scene.world, served), served.absurd)
        answer = Answer(key, request.source, request.dataset, response.received_at, served, reading)
        self._scene.ledger.archive(answer, failed=failed)

    def peril(self, name: str) -> None:
        """The moment at which the process may end by `name`."""
        self.live()
        try:
            self._scene.mishaps.crash_if(name)
        except Crash:
            self._dead = True
            raise

    @property
    def scene(self) -> Scene:
        """What this run shares."""
        return self._scene


def _for(served: Served, request: FetchRequest) -> Served:
    return Served(
        vendor=request.source,
        path=served.path,
        params=served.params,
        symbols=request.symbols,
        at=served.at,
        status=served.status,
        body=served.body,
        struck=served.struck,
        hole=served.hole,
        split=served.split,
        absurd=served.absurd,
        window=None if request.start is None or request.end is None else (request.start, request.end),
    )


class _Archive:
    """The raw archive, and the ends that a process may find around it."""

    def __init__(self, fetchers: Fetchers, archive: RawArchive) -> None:
        self._fetchers = fetchers
        self._archive = archive

    def put(self, request: FetchRequest, response: RawResponse, *, failed: bool = False) -> str:
        """Archive an answer, unless the process ends before."""
        self._fetchers.peril("fetcher_crash_before_archive")
        key = self._archive.put(request, response, failed=failed)
        self._fetchers.archived(key, request, response, failed=failed)
        return key


class _Mortal:
    """S3 and SQS for a process that may end at its calls."""

    def __init__(self, fetchers: Fetchers) -> None:
        self._fetchers = fetchers
        self.get_object = fetchers.scene.s3.get_object

    def put_object(self, **call: str | bytes) -> dict[str, str]:
        """PutObject; the state is what comes after the messages."""
        if str(call["Key"]).startswith("state/"):
            self._fetchers.peril("fetcher_crash_after_publish")
        self._fetchers.live()
        return self._fetchers.scene.s3.put_object(**call)  # type: ignore[arg-type]  # what our own code passes

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, object]:  # noqa: N803
        """SendMessageBatch; everything of the run is archived by now."""
        self._fetchers.peril("fetcher_crash_after_archive")
        if QueueUrl != QUEUE:
            tasks = self._fetchers.scene.tasks[QueueUrl.removeprefix("tasks-")]
            return tasks.send_message_batch(QueueUrl=QueueUrl, Entries=Entries)
        queue, ledger = self._fetchers.scene.queue, self._fetchers.scene.ledger
        taken = len(queue.accepted)
        answer = queue.send_message_batch(QueueUrl=QueueUrl, Entries=Entries)
        for body in queue.accepted[taken:]:
            message = json.loads(body)
            if message["kind"] == "payload":
                ledger.published.add(message["raw_key"])
        return answer


class _Claiming(Codec):
    """The codec, which now and then leaves a body out as if it were too large for a message."""

    def __init__(self, mishaps: Mishaps) -> None:
        self._mishaps = mishaps

    def payload(
        self,
        request: FetchRequest,
        response: RawResponse,
        *,
        raw_key: str,
        correlation_id: str,
        part: Part | None = None,
    ) -> str:
        """The message that carries an answer, or only its key."""
        text = super().payload(request, response, raw_key=raw_key, correlation_id=correlation_id, part=part)
        if not self._mishaps.strikes("body_claimed"):
            return text
        return json.dumps({**json.loads(text), "body": None}, ensure_ascii=False)
