"""A gateway that is told to wait for a primary host (Sparkplug 3.0, 5.4, 5.5, 5.10)."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from backend.acquisition.credentials import INTERNAL
from gateway.contract import topics
from gateway.contract.sparkplug import Datatype, Metric, Payload, encode
from gateway.primary_host import PrimaryHost
from gateway.publish import EdgeNode
from tests.backend.acquisition_brokers import Caller, embedded
from tests.gateway.sparkplug.checklist import names
from tests.gateway.sparkplug.session import GROUP, NODE, messages_of
from tests.gateway.sparkplug.tap import Disconnected, Published, Subscribed, Tap, tapped
from tests.gateway.sparkplug.test_edge_commands import edge_node, kinds_on
from tests.gateway.test_publish import until

HOST = "scada"


@dataclass(slots=True)
class Story:
    """What the gateway had published after each word of a host."""

    tap: Tap
    after_connect: list[str]
    after_another_host: list[str]
    after_offline: list[str]
    after_an_older_online: list[str]
    after_online: list[str]
    after_an_older_offline: list[str]
    after_the_offline: list[str]
    after_online_again: list[str]


class Plant:
    """The gateway under test and the client that plays hosts."""

    def __init__(self, node: EdgeNode, tap: Tap, caller: Caller) -> None:
        self.node, self.tap, self.caller = node, tap, caller
        self._offset_s = 0

    def say(self, host: str, timestamp: int, *, online: bool) -> None:
        """Publish STATE as hosts do."""
        payload = json.dumps({"online": online, "timestamp": timestamp})
        self.caller.client.publish(topics.state(host), payload, qos=1, retain=True)

    async def settled(self) -> list[str]:
        """What was published when the gateway has taken everything said before.

        An NCMD on the same way behind it proves that: it moves the node's clock offset.
        """
        self._offset_s += 1000
        now = self.node._now_ms()  # noqa: SLF001
        ahead = Metric(topics.EXT_TIME, None, Datatype.INT64, now - 1000 * self._offset_s)
        topic = str(topics.NodeTopic(GROUP, topics.NCMD, NODE))
        self.caller.client.publish(topic, encode(Payload(1, (ahead,))))
        await until(lambda: self.node.clock_offset_ms >= 1000 * self._offset_s)
        return kinds_on(self.tap)

    async def published(self, *kinds: str) -> list[str]:
        """Wait for exactly these."""
        await until(lambda: kinds_on(self.tap) == list(kinds))
        return kinds_on(self.tap)


async def tell(folder: Path) -> Story:
    async with (
        embedded(folder) as broker,
        tapped(broker.port) as tap,
        edge_node(folder, broker, tap.port, HOST) as (node, _),
    ):
        plant = Plant(node, tap, await broker.connect(INTERNAL, client_id=f"{INTERNAL}/scada"))
        births = ["NBIRTH", "DBIRTH"]
        await until(lambda: any(w.subscribed[2:] for w in tap.wires))
        found = [await plant.settled()]
        plant.say("another", 5000, online=True)
        found.append(await plant.settled())
        plant.say(HOST, 1000, online=False)
        found.append(await plant.settled())
        plant.say(HOST, 900, online=True)
        found.append(await plant.settled())
        plant.say(HOST, 2000, online=True)
        found.append(await plant.published(*births))
        plant.say(HOST, 1500, online=False)
        found.append(await plant.settled())
        plant.say(HOST, 2000, online=False)
        await until(lambda: len(tap.wires) == 2 and bool(tap.wires[1].subscribed[2:]))
        found.append(await plant.settled())
        plant.say(HOST, 3000, online=True)
        found.append(await plant.published(*births, "NDEATH", *births))
        return Story(tap, *found)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """One exchange with a gateway that waits for `scada`."""
    return asyncio.run(tell(tmp_path_factory.mktemp("primary")))


def waits(story: Story) -> None:
    assert story.after_connect == []
    assert story.after_online == ["NBIRTH", "DBIRTH"]


def waits_for_its_own_host(story: Story) -> None:
    assert story.after_another_host == []


def waits_until_online(story: Story) -> None:
    assert story.after_offline == []


def believes_no_older_state(story: Story) -> None:
    assert story.after_an_older_online == []


def subscribes_to_state(story: Story) -> None:
    """Before anything is published, with QoS 1."""
    for session in story.tap.wires:
        assert (topics.state(HOST), 1) in session.subscribed
        first = session.place(session.published[0])
        assert sum(isinstance(packet, Subscribed) for packet in session.up[:first]) == 3


def goes_with_its_host(story: Story) -> None:
    """NDEATH, DISCONNECT, and a new session that waits."""
    first, second = story.tap.wires
    *_, last, end = first.up
    assert isinstance(last, Published)
    assert messages_of(first)[-1].place.kind == topics.NDEATH
    assert last.topic == str(topics.NodeTopic(GROUP, topics.NDEATH, NODE))
    assert isinstance(end, Disconnected)
    assert story.after_the_offline == ["NBIRTH", "DBIRTH", "NDEATH"]
    assert second.connect.will is not None


def ignores_an_older_offline(story: Story) -> None:
    assert story.after_an_older_offline == ["NBIRTH", "DBIRTH"]


def comes_back(story: Story) -> None:
    assert story.after_online_again[3:] == ["NBIRTH", "DBIRTH"]
    births = [messages_of(session)[0] for session in story.tap.wires]
    assert [birth.metric(topics.BDSEQ).long_value for birth in births] == [0, 1]


def is_at_one_server(story: Story) -> None:
    assert story.tap.most_at_once == 1


PUBLISH = "message-flow-edge-node-birth-publish"
TERMINATION = "operational-behavior-edge-node-termination-host-offline"
SERVERS = "operational-behavior-primary-application-state-with-multiple-servers"
CLAIMS: dict[str, Callable[[Story], None]] = {
    f"{PUBLISH}-phid-wait": waits,
    f"{PUBLISH}-phid-wait-id": waits_for_its_own_host,
    f"{PUBLISH}-phid-wait-online": waits_until_online,
    f"{PUBLISH}-phid-wait-timestamp": believes_no_older_state,
    f"{PUBLISH}-phid-offline": goes_with_its_host,
    TERMINATION: goes_with_its_host,
    f"{TERMINATION}-reconnect": comes_back,
    f"{TERMINATION}-timestamp": ignores_an_older_offline,
    f"{SERVERS}-state-subs": subscribes_to_state,
    f"{SERVERS}-single-server": is_at_one_server,
    "operational-behavior-edge-node-birth-sequence-wait": waits,
}


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=names(CLAIMS))
def test_edge_state(story: Story, claim: Callable[[Story], None]) -> None:
    claim(story)


def test_a_state_that_cannot_be_read_changes_nothing_and_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    host = PrimaryHost(HOST)
    host.heard(topics.state(HOST), b'{"online": true, "timestamp": 5}')
    for nonsense in (b"", b"ONLINE", b"\xff\xfe", b'{"online": 1, "timestamp": 9}', b"[true, 9]"):
        host.heard(topics.state(HOST), nonsense)
    assert host.allows
    assert caplog.text.count("cannot be read") == 1


def test_only_its_own_host_counts() -> None:
    host = PrimaryHost(HOST)
    host.heard(topics.state("another"), b'{"online": true, "timestamp": 5}')
    assert not host.allows
    host.heard(topics.state(HOST), b'{"online": true, "timestamp": 5}')
    host.heard(topics.state("another"), b'{"online": false, "timestamp": 6}')
    assert host.allows


def test_a_gateway_without_a_primary_host_waits_for_nobody() -> None:
    host = PrimaryHost(None)
    host.heard(topics.state(HOST), b'{"online": false, "timestamp": 5}')
    assert host.allows
    assert host.topic is None
