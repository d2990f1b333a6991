"""Every alarm rings for its own reason in the running local stack, tells the topic, and stops when that is mended.

Nobody can wait for five minutes, or for 26 hours: a deployed alarm is hastened. It is written back with its own
definition and a shorter period; for the age of a message, also with a lower threshold. All else is as deployed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from local.ringing import alarms
from local.settings import LocalSettings
from local.stack import PREFIX, LocalStack
from local.steps import Steps
from marketflow.sources.catalog import CATALOG
from tests.cloud import open_to_topics
from tests.e2e.conftest import wait_for
from tests.e2e.provocations import ACTS, KINDS, Provoke, kind_of, made
from tests.e2e.scene import Provocation, Scene

pytestmark = pytest.mark.e2e

DEV = Path(__file__).resolve().parents[1] / "cdk" / "snapshots" / "marketflow-dev-observability.json"
DEV_PREFIX = "marketflow-dev-"
ROUND_SECONDS = 2.0
PATIENCE_SECONDS = 120.0
Definition = dict[str, Any]


class Messages:
    """A queue behind the topics that alarms tell: who rang, by name."""

    def __init__(self, stack: LocalStack, topics: set[str]) -> None:
        self._sqs = stack.client("sqs")
        self._url = self._sqs.create_queue(QueueName="alarm-messages")["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self._sqs.set_queue_attributes(QueueUrl=self._url, Attributes={"Policy": open_to_topics(arn)})
        for topic in topics:
            stack.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    def ringing(self) -> set[str]:
        """The names of the alarms that went to ALARM since it was asked last."""
        names = set()
        while received := self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get("Messages"):
            for message in received:
                told = json.loads(json.loads(message["Body"])["Message"])
                if told["NewStateValue"] == "ALARM":
                    names.add(str(told["AlarmName"]))
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return names


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A stack of its own, because it is broken in every way; each source was asked, and its candles were audited."""
    settings = LocalSettings(home=tmp_path_factory.mktemp("alarms"), sources="simulator", port=0)
    with LocalStack(settings=settings, steps=Steps(quiet=True), disposable=True, hastened=True) as stack:
        stack.fetch_now()
        scene = Scene(stack=stack)
        stored = "SELECT count(DISTINCT source) FROM prices JOIN symbols s ON s.id = symbol_id"
        asked = [source for source in CATALOG.values() if source.schedules]
        wait_for(lambda: scene.query(stored)[0][0] == len(asked), seconds=120, alive=stack.check)
        yield scene


@pytest.fixture(scope="module")
def deployed(scene: Scene) -> dict[str, Definition]:
    """Every alarm of the stack, by name."""
    return {one["AlarmName"]: one for one in alarms(scene.stack.client("cloudwatch"), PREFIX)}


@pytest.fixture(scope="module")
def topics(deployed: Mapping[str, Definition]) -> set[str]:
    """Whom the alarms tell."""
    return {topic for one in deployed.values() for topic in one["AlarmActions"]}


@pytest.fixture(scope="module")
def messages(scene: Scene, topics: set[str]) -> Messages:
    """What the topics say."""
    return Messages(scene.stack, topics)


def only_in_aws(deployed: Mapping[str, Definition], topics: set[str]) -> dict[str, Definition]:
    """The alarms of stage dev that the local stack does not have, telling the local topics, by name."""
    template = json.loads(DEV.read_text())["Resources"].values()
    found = {}
    for definition in (one["Properties"] for one in template if one["Type"] == "AWS::CloudWatch::Alarm"):
        name = definition["AlarmName"]
        if PREFIX + name.removeprefix(DEV_PREFIX) not in deployed:
            actions = definition.keys() & {"AlarmActions", "OKActions"}
            found[name] = {**definition, **dict.fromkeys(actions, sorted(topics))}
    return found


def composed(definition: Definition) -> bool:
    """Whether it is a composite alarm, which rings as those ring that its rule names."""
    return "AlarmRule" in definition


def reads(definition: Definition, names: Collection[str]) -> bool:
    """Whether the rule of a composite alarm names one of these."""
    return any(f':{name}"' in definition["AlarmRule"] or f'("{name}"' in definition["AlarmRule"] for name in names)


def hasten(scene: Scene, definition: Definition, provocation: Provocation) -> None:
    """Write the alarm back with its own definition and a shorter period; for an age, with a lower threshold as well."""
    client = scene.stack.client("cloudwatch")
    members = client.meta.service_model.operation_model("PutMetricAlarm").input_shape.members
    # Tags are of the resource; DescribeAlarms does not have them.
    kept = {name: value for name, value in definition.items() if name in members and name != "Tags"}
    if kept.get("Metrics"):
        for query in kept["Metrics"]:
            if "MetricStat" in query:
                query["MetricStat"]["Period"] = provocation.period
    else:
        kept["Period"] = provocation.period
    if provocation.threshold is not None:
        kept["Threshold"] = provocation.threshold
    client.put_metric_alarm(**kept)


def states(scene: Scene) -> dict[str, str]:
    return {one["AlarmName"]: one["StateValue"] for one in alarms(scene.stack.client("cloudwatch"), "marketflow-")}


def play(scene: Scene, messages: Messages, act: dict[str, tuple[Definition, Provocation]]) -> None:
    """All alarms of an act are quiet, ring once their causes are there, tell the topic, and are quiet once mended."""
    for definition, provocation in act.values():
        if not composed(definition):
            hasten(scene, definition, provocation)
    quiet = {name for name, (definition, _) in act.items() if not definition["AlarmActions"]}

    def wait(what: str, *, during: bool) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        heard = messages.ringing() if during else set()
        while True:
            begun = time.monotonic()
            repeat = {one.always for _, one in act.values()} | {one.during for _, one in act.values() if during}
            with ThreadPoolExecutor(4) as pool:
                list(pool.map(lambda work: work(), repeat))
            now = states(scene)
            if during:
                heard |= messages.ringing() | {name for name in quiet if now[name] == "ALARM"}
            missing = set(act) - heard if during else {name for name in act if now[name] != "OK"}
            if not missing:
                return
            assert time.monotonic() < deadline, f"{what}: {sorted((name, now[name]) for name in missing)}"
            time.sleep(max(0.0, ROUND_SECONDS - (time.monotonic() - begun)))

    wait("not quiet before", during=False)
    messages.ringing()
    try:
        for _, provocation in act.values():
            provocation.cause()
        wait("did not ring", during=True)
    finally:
        for _, provocation in act.values():
            provocation.cure()
    wait("did not stop", during=False)


def test_every_alarm_has_a_provocation(deployed: Mapping[str, Definition]) -> None:
    """An alarm that nobody knows how to make ring is not known to ring: each kind has its row, and each row its act."""
    metric_alarms = {name: one for name, one in deployed.items() if not composed(one)}
    assert {name: kind_of(one) for name, one in metric_alarms.items() if kind_of(one) not in KINDS} == {}
    assert set(KINDS) - {kind_of(one) for one in metric_alarms.values()} == set()
    assert [name for name, one in deployed.items() if composed(one) and not reads(one, metric_alarms)] == []
    assert {kind for act in ACTS for kind in act} == set(KINDS.values())


@pytest.mark.parametrize("act", ACTS, ids=lambda act: "+".join(kind.__name__ for kind in act))
def test_what_is_deployed_rings_for_its_reason(
    scene: Scene, messages: Messages, deployed: Mapping[str, Definition], act: tuple[Provoke, ...]
) -> None:
    """Each alarm goes to ALARM by its real cause, its message arrives at the topic, and it goes back to OK."""
    cast = {
        name: (one, KINDS[kind_of(one)](scene, one))
        for name, one in deployed.items()
        if not composed(one) and KINDS.get(kind_of(one)) in act
    }
    composites = {name: (one, Provocation()) for name, one in deployed.items() if composed(one) and reads(one, cast)}
    play(scene, messages, cast | composites)


def test_what_exists_only_in_aws_rings_for_made_datapoints(
    scene: Scene, messages: Messages, deployed: Mapping[str, Definition], topics: set[str]
) -> None:
    """The alarms on the database and on what else only AWS has ring by definition of stage dev: their data are made.

    This proves the definition (metric, comparison, missing data, topic), not that AWS publishes such data.
    """
    found = only_in_aws(deployed, topics)
    assert found
    play(scene, messages, {name: (definition, made(scene, definition)) for name, definition in found.items()})
