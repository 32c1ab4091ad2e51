"""What an edge node hears, and how it is born again on command (Sparkplug 3.0, 5.4, 5.6, 5.17)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from gateway.broker import Broker
from gateway.contract import topics
from gateway.contract.clock import SystemClock
from gateway.contract.sparkplug import Datatype, Metric, Payload, encode
from gateway.journal import Journal
from gateway.publish import EdgeNode
from tests.backend.acquisition_brokers import RunningBroker, embedded
from tests.gateway.sparkplug.checklist import names
from tests.gateway.sparkplug.claims import Claim
from tests.gateway.sparkplug.session import GROUP, NODE, Recording, bdseq_of_will, messages_of
from tests.gateway.sparkplug.tap import Subscribed, Tap, tapped
from tests.gateway.test_publish import OneDevice, until


def hears_node_commands(recording: Recording) -> None:
    for session in recording.wires:
        assert (f"spBv1.0/{GROUP}/NCMD/{NODE}", 1) in session.subscribed


def hears_device_commands(recording: Recording) -> None:
    """One filter for the commands of all devices, those born later included."""
    for session in recording.wires:
        assert (f"spBv1.0/{GROUP}/DCMD/{NODE}/#", 1) in session.subscribed


def hears_before_it_speaks(recording: Recording) -> None:
    for session in recording.wires:
        first = session.place(session.published[0])
        assert sum(isinstance(packet, Subscribed) for packet in session.up[:first]) == 2


def is_born_again(recording: Recording) -> None:
    """Complete: the node and both of its devices."""
    first = next(recording.sessions())
    kinds = [message.place.kind for message in first]
    again = kinds.index(topics.NBIRTH, 1)
    assert kinds[again : again + 3] == [topics.NBIRTH, topics.DBIRTH, topics.DBIRTH]
    assert {message.place.device for message in first[again + 1 : again + 3]} == {"m1", "m2"}


def rebirth_keeps_bdseq(recording: Recording) -> None:
    births = [m for m in next(recording.sessions()) if m.place.kind == topics.NBIRTH]
    numbers = [birth.metric(topics.BDSEQ).long_value for birth in births]
    assert numbers == [bdseq_of_will(recording.wires[0])] * 2


CLAIMS: dict[str, Claim] = {
    "message-flow-edge-node-ncmd-subscribe": hears_node_commands,
    "message-flow-device-dcmd-subscribe": hears_device_commands,
    "operational-behavior-data-commands-rebirth-action-2": is_born_again,
    "operational-behavior-data-commands-rebirth-action-3": rebirth_keeps_bdseq,
}


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=names(CLAIMS))
def test_edge_commands(recording: Recording, claim: Claim) -> None:
    claim(recording)


def test_commands_are_heard_before_the_births(recording: Recording) -> None:
    hears_before_it_speaks(recording)


@asynccontextmanager
async def edge_node(
    folder: Path, broker: RunningBroker, port: int, primary_host: str | None = None
) -> AsyncIterator[tuple[EdgeNode, Journal]]:
    """A node with one device, at a port before the broker."""
    journal = Journal(folder / "journal")
    journal.open()
    name = f"{GROUP}.{NODE}"
    address = Broker(
        "127.0.0.1",
        port,
        tls=False,
        credential=name,
        secret=broker.secrets[name],
        primary_host=primary_host,
    )
    node = EdgeNode(GROUP, NODE, address, journal, SystemClock(), OneDevice())
    journal.on_journaled = node.journaled
    task = asyncio.create_task(node.run())
    try:
        yield node, journal
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await asyncio.to_thread(journal.close)


def kinds_on(tap: Tap) -> list[str]:
    return [message.place.kind for wire in tap.wires for message in messages_of(wire)]


async def test_tck_id_operational_behavior_data_commands_rebirth_action_1(tmp_path: Path) -> None:
    """From the command on no DATA are sent before the births, whatever the journal brings."""
    rebirth = Metric(topics.REBIRTH, None, Datatype.BOOLEAN, True)
    async with (
        embedded(tmp_path) as broker,
        tapped(broker.port) as tap,
        edge_node(tmp_path, broker, tap.port) as (node, journal),
    ):
        await until(lambda: node.online)
        journal.append("m1", b"")
        await until(lambda: kinds_on(tap) == ["NBIRTH", "DBIRTH", "DDATA"])
        client = node._client  # noqa: SLF001 - the command must be there before the next record
        assert client is not None
        topic = str(topics.NodeTopic(GROUP, topics.NCMD, NODE))
        node._on_message(client, topic, encode(Payload(1, (rebirth,))), 0, None)  # noqa: SLF001
        node.journaled(await journal.read(0, 9))
        await until(lambda: len(kinds_on(tap)) >= 6)
    assert kinds_on(tap)[3:6] == ["NBIRTH", "DBIRTH", "DDATA"]


async def test_an_end_by_a_fault_is_an_end_in_order(tmp_path: Path) -> None:
    """Whatever ends the node's task, no DISCONNECT goes out without an NDEATH before it."""
    async with (
        embedded(tmp_path) as broker,
        tapped(broker.port) as tap,
        edge_node(tmp_path, broker, tap.port) as (node, _),
    ):
        await until(lambda: node.online)
    assert kinds_on(tap) == ["NBIRTH", "DBIRTH", "NDEATH"]
