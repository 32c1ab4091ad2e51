"""What Kilowise demands of a broker, on the embedded one and on mosquitto: the stranger's tests."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from gmqtt import Message
from gmqtt.mqtt.handler import MQTTConnectError

from backend.acquisition.credentials import INTERNAL
from tests.backend.acquisition_brokers import BROKERS, RunningBroker

DATA_A = "spBv1.0/a/DDATA/g1/m1"
BIRTH_A = "spBv1.0/a/NBIRTH/g1"
DEATH_A = "spBv1.0/a/NDEATH/g1"
COMMAND_A = "spBv1.0/a/NCMD/g1"


@pytest.fixture(params=["amqtt", pytest.param("mosquitto", marks=pytest.mark.needs("mosquitto"))])
async def broker(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RunningBroker]:
    """Each of the brokers that Kilowise supports, with credentials a.g1 and b.g2."""
    async with BROKERS[request.param](tmp_path) as running:
        yield running


async def test_delivers_in_order(broker: RunningBroker) -> None:
    platform = await broker.connect(INTERNAL, client_id="internal/1")
    assert await platform.subscribe("spBv1.0/a/+/g1/+") == 0
    gateway = await broker.connect("a.g1")
    for number in range(500):
        gateway.client.publish(DATA_A, str(number).encode())
    heard = await platform.hears(500)
    assert heard == [(DATA_A, str(number).encode()) for number in range(500)]


async def test_commands_reach_the_gateway_they_name(broker: RunningBroker) -> None:
    gateway, other = await broker.connect("a.g1"), await broker.connect("b.g2")
    assert await gateway.subscribe("spBv1.0/a/NCMD/g1", qos=1) == 1
    assert await gateway.subscribe("spBv1.0/a/DCMD/g1/#", qos=1) == 1
    assert await other.subscribe("spBv1.0/b/NCMD/g2") == 0
    platform = await broker.connect(INTERNAL, client_id="internal/1")
    platform.client.publish(COMMAND_A, b"rebirth", qos=1)
    platform.client.publish("spBv1.0/b/NCMD/g2", b"for b")
    assert await gateway.hears(1) == [(COMMAND_A, b"rebirth")]
    assert await other.hears(1) == [("spBv1.0/b/NCMD/g2", b"for b")]


async def test_the_live_bus_is_for_the_platform_only(broker: RunningBroker) -> None:
    platform = await broker.connect(INTERNAL, client_id="internal/1")
    assert await platform.subscribe("$kw/main/a/live") == 0
    stranger = await broker.connect("a.g1")
    assert await stranger.subscribe("$kw/main/a/live") == 128
    assert await stranger.subscribe("$kw/#") == 128
    stranger.client.publish("$kw/main/a/live", b"forged")
    speaker = await broker.connect(INTERNAL, client_id="internal/2")
    # Whatever the stranger sent was read before this is sent.
    assert await stranger.subscribe("spBv1.0/STATE/kilowise") == 0
    speaker.client.publish("$kw/main/a/live", b"true")
    assert await platform.hears(1) == [("$kw/main/a/live", b"true")]


@pytest.mark.parametrize(
    "topic_filter",
    [
        "#",
        "+/#",
        "$SYS/#",
        "$kw/+/a/live",
        "spBv1.0/#",
        "spBv1.0/+/NCMD/g2/#",
        "spBv1.0/b/+/g2",
        "spBv1.0/b/NCMD/+",
        "spBv1.0/a/NCMD/g1",
        "spBv1.0/b/DDATA/g2/m1",
    ],
)
async def test_a_wildcard_reaches_nothing_of_others(
    broker: RunningBroker, topic_filter: str
) -> None:
    stranger = await broker.connect("b.g2")
    assert await stranger.subscribe(topic_filter) == 128


async def test_a_stranger_publishes_into_nobody_elses_topics(broker: RunningBroker) -> None:
    platform = await broker.connect(INTERNAL, client_id="internal/1")
    assert await platform.subscribe("#") == 0
    stranger = await broker.connect("b.g2")
    for topic in (DATA_A, BIRTH_A, COMMAND_A, "spBv1.0/b/NCMD/g2", "spBv1.0/STATE/kilowise", "x"):
        stranger.client.publish(topic, b"forged", retain=True)
    stranger.client.publish("spBv1.0/b/NDATA/g2", b"own")
    assert await platform.hears(1) == [("spBv1.0/b/NDATA/g2", b"own")]


async def test_retained_messages_reach_only_who_holds_the_filter(broker: RunningBroker) -> None:
    gateway = await broker.connect("a.g1")
    gateway.client.publish(BIRTH_A, b"born", retain=True)
    platform = await broker.connect(INTERNAL, client_id="internal/1")
    assert await platform.subscribe("spBv1.0/a/+/g1") == 0
    assert await platform.hears(1) == [(BIRTH_A, b"born")]
    # The platform holds the filter now; a stranger that connects must not get it pushed.
    stranger = await broker.connect("b.g2")
    assert await stranger.subscribe("spBv1.0/b/NCMD/g2") == 0
    platform.client.publish("spBv1.0/b/NCMD/g2", b"own")
    assert await stranger.hears(1) == [("spBv1.0/b/NCMD/g2", b"own")]


async def test_retained_state_is_served_at_subscribe(broker: RunningBroker) -> None:
    platform = await broker.connect(INTERNAL, client_id="internal/1")
    platform.client.publish("spBv1.0/STATE/kilowise", b'{"online":true}', qos=1, retain=True)
    gateway = await broker.connect("a.g1")
    assert await gateway.subscribe("spBv1.0/STATE/+") == 0
    assert await gateway.hears(1) == [("spBv1.0/STATE/kilowise", b'{"online":true}')]


async def test_a_will_of_ones_own_is_published(broker: RunningBroker) -> None:
    platform = await broker.connect(INTERNAL, client_id="internal/1")
    assert await platform.subscribe("spBv1.0/a/+/g1") == 0
    gateway = await broker.connect("a.g1", will=Message(DEATH_A, b"dead"))
    gateway.client._connection._transport.abort()  # noqa: SLF001 - a link that breaks
    assert await platform.hears(1) == [(DEATH_A, b"dead")]


async def test_a_will_cannot_reach_what_its_owner_cannot(broker: RunningBroker) -> None:
    platform = await broker.connect(INTERNAL, client_id="internal/1")
    assert await platform.subscribe("#") == 0
    will = Message(DEATH_A, b"forged", retain=True)
    if broker.kind == "amqtt":
        with pytest.raises(MQTTConnectError):
            await broker.connect("b.g2", will=will)
    else:
        stranger = await broker.connect("b.g2", will=will)
        stranger.client._connection._transport.abort()  # noqa: SLF001 - a link that breaks
    after = await broker.connect("b.g2")
    after.client.publish("spBv1.0/b/NDATA/g2", b"own")
    assert await platform.hears(1) == [("spBv1.0/b/NDATA/g2", b"own")]


@pytest.mark.parametrize(
    ("name", "client_id", "secret"),
    [
        ("b.g2", "a.g1/gateway", None),
        ("b.g2", "internal/1", None),
        ("b.g2", "anything", None),
        ("b.g2", "b.g2/gateway", "wrong"),
        ("b.g2", "b.g2/gateway", "secret of a"),
        ("nobody", "nobody/gateway", "secret of a"),
    ],
)
async def test_a_session_is_not_stolen(
    broker: RunningBroker, name: str, client_id: str, secret: str | None
) -> None:
    owner = await broker.connect("a.g1")
    assert await owner.subscribe("spBv1.0/a/NCMD/g1/#") == 0
    with pytest.raises(MQTTConnectError):
        await broker.connect(name, client_id=client_id, secret=secret)
    platform = await broker.connect(INTERNAL, client_id="internal/1")
    platform.client.publish(COMMAND_A, b"still here")
    assert await owner.hears(1) == [(COMMAND_A, b"still here")]
    assert not owner.gone.is_set()


async def test_a_take_over_by_the_owner_closes_the_older_connection(broker: RunningBroker) -> None:
    older = await broker.connect("a.g1")
    assert await older.subscribe("spBv1.0/a/NCMD/g1/#") == 0
    newer = await broker.connect("a.g1")
    await asyncio.wait_for(older.gone.wait(), 60)
    assert await newer.subscribe("spBv1.0/a/NCMD/g1/#") == 0
    platform = await broker.connect(INTERNAL, client_id="internal/1")
    platform.client.publish(COMMAND_A, b"once")
    assert await newer.hears(1) == [(COMMAND_A, b"once")]
    assert older.heard == []


async def test_revocation_disconnects_and_stays(broker: RunningBroker) -> None:
    gateway, other = await broker.connect("a.g1"), await broker.connect("b.g2")
    broker.revoke("a.g1")
    await asyncio.wait_for(gateway.gone.wait(), 5)
    with pytest.raises(MQTTConnectError):
        await broker.connect("a.g1")
    assert not other.gone.is_set()
    assert await other.subscribe("spBv1.0/b/NCMD/g2") == 0


async def test_the_platform_hears_nothing_of_sys_but_by_asking(broker: RunningBroker) -> None:
    platform = await broker.connect(INTERNAL, client_id="internal/1")
    assert await platform.subscribe("$SYS/#") == 0
