"""One exchange of a real ingest worker with a real broker, recorded packet by packet.

The worker claims a gateway and says that it is online; births, data, an acknowledgement, a rebirth
that it asks for; a stranger says that it is away; a device and the whole node die and come back;
the cable is cut; at last the worker ends in order. Its clock moves by an hour before each step
whose time matters.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from backend.acquisition import host_state
from backend.acquisition.credentials import INTERNAL
from backend.application.directory import read_directory
from backend.core.clock import ManualClock
from backend.core.db import Database
from backend.core.platform import Platform
from backend.core.settings import Settings
from gateway.contract import topics
from gateway.contract.sparkplug import Datatype, Metric, Payload, decode, encode
from tests.backend.acquisition_brokers import embedded
from tests.backend.acquisition_edge import (
    NOW_MS,
    Edge,
    connect_edge,
    make_gateway,
    sample,
    until_leased,
    working,
)
from tests.gateway.sparkplug.tap import Packet, Published, Tap, Wire, tapped
from tests.postgres import NOW, Server, add_project, cloned

HOUR_S = 3600
HOUR_MS = 3_600_000
SILENT_MS = NOW_MS - 7000
"""When the gateway says that its device went silent."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the platform knows of the node and its device m1, and shows of m1's points."""

    node_online: bool
    node_died: datetime | None
    device_online: bool
    device_died: datetime | None
    points_live: tuple[bool, ...]


@dataclass(slots=True)
class Recording:
    """Packets of the worker's two connections, and what the platform knew after each death."""

    tap: Tap
    at_the_cut: int = 0
    """How many packets had passed when the cable was cut."""
    after: dict[str, Standing] = field(default_factory=dict)

    def passed(self, start: int = 0) -> list[tuple[Wire, Packet]]:
        """What the two sent from a place on; managing the broker is no Sparkplug."""
        speak = [*self.speakers, *self.hearers]
        return [(wire, packet) for wire, packet in self.tap.order[start:] if wire in speak]

    @property
    def speakers(self) -> list[Wire]:
        """The connections that speak STATE: before and after the cut."""
        return self.tap.of(f"{INTERNAL}/host")

    @property
    def hearers(self) -> list[Wire]:
        """The connections that hear nodes and answer them: before and after the cut."""
        return self.tap.of(f"{INTERNAL}/ingest-")

    def commands(self) -> list[tuple[Published, Payload]]:
        """Everything the host sent to nodes and devices."""
        return [
            (packet, decode(packet.payload))
            for wire in self.hearers
            for packet in wire.published
            if packet.topic.startswith(f"{topics.NAMESPACE}/")
        ]


def publishes(recording: Recording) -> list[Published]:
    """What was said under STATE in the first session."""
    return recording.speakers[0].published


def state_of(packet: Published) -> dict[str, object]:
    """The JSON of a STATE."""
    found = json.loads(packet.payload.decode("utf-8"))
    assert isinstance(found, dict)
    return found


async def record(server: Server, folder: Path) -> Recording:
    """Play the whole exchange; about five seconds."""
    clock = ManualClock(NOW)
    with cloned(server) as name:
        async with (
            Database(lambda role: server.url(role, name)) as database,
            embedded(folder) as broker,
            tapped(broker.port) as tap,
        ):
            url = broker.url.replace(f":{broker.port}", f":{tap.port}")
            platform = Platform(Settings(data=folder), clock, database, url, "http://127.0.0.1")
            tenant = await add_project(database, "a")
            gateway = await make_gateway(database, tenant, "g1", broker.secrets["a.g1"])
            recording = Recording(tap)
            story = Story(recording, platform, clock, tenant.id)
            stranger = await broker.connect(INTERNAL, client_id=f"{INTERNAL}/stranger")
            async with working(platform):
                await until_leased(database, gateway)
                await story.until(lambda: bool(recording.speakers and publishes(recording)))
                edge = await connect_edge(broker, "a", "g1")
                await story.births_and_data(edge)
                stranger.client.publish(
                    host_state.TOPIC, b'{"online":false,"timestamp":1}', qos=1, retain=True
                )
                await story.until(lambda: len(recording.speakers[0].published) == 2)
                await story.deaths(edge)
                await clock.advance(HOUR_S)
                recording.at_the_cut = len(tap.order)
                tap.cut()
                await story.until(lambda: bool(recording.speakers[1:]))
                await story.until(lambda: bool(recording.speakers[1].published))
                edge.be_born()
                await edge.until_committed(edge.send(sample(2, NOW_MS + 1, 3.0)))
                await clock.advance(HOUR_S)
        return recording


@dataclass(slots=True)
class Story:
    """The steps, and how to wait for what follows from them."""

    recording: Recording
    platform: Platform
    clock: ManualClock
    project: int

    async def until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not done():  # noqa: ASYNC110 - packets come from other tasks
                await asyncio.sleep(0.02)

    async def births_and_data(self, edge: Edge) -> None:
        edge.be_born()
        await edge.until_committed(edge.send(sample(2, NOW_MS, 1.0)))
        edge.send(sample(77, NOW_MS, 1.0))
        await edge.until(lambda e: e.rebirths_asked() == 1, "a rebirth")

    async def deaths(self, edge: Edge) -> None:
        await self.keep("birth", lambda now: now.device_online)
        topic = topics.NodeTopic("a", topics.DDEATH, "g1", "m1")
        edge.caller.client.publish(str(topic), encode(Payload(SILENT_MS, (), edge.seq)))
        await self.keep("ddeath", lambda now: not now.device_online)
        edge.be_born()
        await self.keep("second birth", lambda now: now.device_online)
        await self.clock.advance(HOUR_S)
        edge.publish(topics.NDEATH, None, [bdseq(edge.bd_seq + 1)])
        await edge.until_committed(edge.send(sample(2, NOW_MS + 2, 2.0)))
        await self.keep("another's ndeath", lambda _: True)
        edge.publish(topics.NDEATH, None, [bdseq(edge.bd_seq)])
        await self.keep("ndeath", lambda now: not now.node_online)

    async def keep(self, name: str, done: Callable[[Standing], bool]) -> None:
        """Wait until the platform knows it, and keep what it knows."""
        async with asyncio.timeout(20):
            while not done(found := await self.standing()):  # noqa: ASYNC110 - another task's work
                await asyncio.sleep(0.02)
        self.recording.after[name] = found

    async def standing(self) -> Standing:
        sql = (
            "SELECT s.online, s.died_at, d.online, d.died_at FROM gateway_state s"
            " JOIN device d ON d.gateway_id = s.gateway_id WHERE d.slug = 'm1'"
        )
        async with self.platform.database.read(self.project) as tx:
            rows = await tx.fetch_tuples(sql)
            directory = await read_directory(tx, self.project, self.platform.clock.now())
        if not rows:
            return Standing(False, None, False, None, ())
        node_online, node_died, device_online, device_died = rows[0]
        live = tuple(point.online for point in directory.points.values())
        return Standing(node_online, node_died, device_online, device_died, live)


def bdseq(number: int) -> Metric:
    return Metric(topics.BDSEQ, datatype=Datatype.INT64, value=number)
