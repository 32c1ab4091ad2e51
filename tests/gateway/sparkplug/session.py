"""One long exchange of a real gateway with a real broker, recorded packet by packet.

Births of two meters, data, more than 256 messages in one session, a rebirth on command, a clock
offset that makes NDATA, a meter that goes and comes, a cut cable, an end in order, and two more
sessions around the end of the `bdSeq` numbers.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from backend.acquisition.credentials import INTERNAL
from gateway import poll, publish
from gateway.config import load_config
from gateway.contract import sparkplug_pb2 as wire
from gateway.contract import topics
from gateway.contract.clock import SystemClock
from gateway.contract.profile import Ratios
from gateway.contract.profile_file import find_profile
from gateway.journal import Journal
from gateway.journal_file import write_meta
from gateway.messages import DeviceMessages
from gateway.run import run_until
from tests.backend.acquisition_brokers import embedded
from tests.gateway.host import Host
from tests.gateway.modbus_server import Field, free_port, sdm630_field, serving
from tests.gateway.sparkplug.tap import Published, Tap, Wire, tapped

GROUP, NODE = "a", "g1"
SDM630 = find_profile("eastron/sdm630")
MANY = 300
"""Messages of one session: the sequence number goes round."""


@dataclass(frozen=True, slots=True)
class Message:
    """A Sparkplug message as it stood on the wire."""

    place: topics.NodeTopic
    packet: Published
    payload: wire.Payload

    @property
    def names(self) -> list[str]:
        """Names of its metrics; those that travel by alias have none."""
        return [metric.name for metric in self.payload.metrics if metric.HasField("name")]

    def metric(self, name: str) -> wire.Metric:
        """The metric of a name."""
        return next(metric for metric in self.payload.metrics if metric.name == name)


@dataclass(slots=True)
class Recording:
    """What was recorded; `deaths` are the NDEATHs that a third client heard, wills included."""

    wires: list[Wire]
    deaths: list[wire.Payload]
    read: list[list[Message]] = field(init=False)

    def __post_init__(self) -> None:
        """Read what was published, once."""
        self.read = [messages_of(session) for session in self.wires]

    def messages(self, *kinds: str) -> list[Message]:
        """Messages of these kinds (all when none is named), of all sessions in order."""
        everything = itertools.chain(*self.read)
        return [one for one in everything if not kinds or one.place.kind in kinds]

    def sessions(self) -> Iterator[list[Message]]:
        """The messages of each session."""
        return iter(self.read)


def messages_of(session: Wire) -> list[Message]:
    """What a gateway published in one session, in order."""
    return [message_of(packet) for packet in session.published]


def message_of(packet: Published) -> Message:
    place = topics.parse(packet.topic)
    assert place is not None, packet.topic
    return Message(place, packet, wire.Payload.FromString(packet.payload))


def will_of(session: Wire) -> wire.Payload:
    return message_of(session.will).payload


def bdseq_of_will(session: Wire) -> int:
    """The `bdSeq` that a session's CONNECT promised."""
    [metric] = will_of(session).metrics
    return metric.long_value


async def record(folder: Path) -> Recording:
    """Play the whole exchange; about seven seconds."""
    async with embedded(folder) as broker, tapped(broker.port) as tap:
        host = Host(GROUP, broker.port, (INTERNAL, broker.secrets[INTERNAL]))
        listener = await broker.connect(INTERNAL, client_id=f"{INTERNAL}/deaths")
        await listener.subscribe(f"spBv1.0/{GROUP}/NDEATH/{NODE}")
        await host.start()
        modbus, meters = free_port(), sdm630_field(1, 2)
        meters.put_value(1, SDM630, "pf", None, Ratios())
        file = write_config(folder, tap.port, modbus, broker.secrets[f"{GROUP}.{NODE}"])
        async with serving(meters, modbus):
            async with gateway(file) as journal:
                await first_session(host, tap, journal, meters)
                tap.cut()
                await host.until(lambda: host.births.count(f"NBIRTH/{NODE}") == 3)
                await host.until(lambda: len(listener.heard) == 1)
            await skip_sessions(file)
            async with gateway(file):
                await host.until(lambda: host.births.count(f"NBIRTH/{NODE}") == 4)
                tap.cut()
                await host.until(lambda: host.births.count(f"NBIRTH/{NODE}") == 5)
        await listener.hears(4)
        await host.stop()
        deaths = [wire.Payload.FromString(payload) for _, payload in listener.heard]
        return Recording(tap.of(f"{GROUP}.{NODE}/"), deaths)


def write_config(folder: Path, broker_port: int, modbus_port: int, secret: str) -> Path:
    file = folder / "gateway.yaml"
    devices = "".join(
        f"  - {{slug: m{unit}, name: Meter {unit}, profile: eastron/sdm630, host: 127.0.0.1, "
        f"port: {modbus_port}, unit: {unit}, poll_s: 0.1}}\n"
        for unit in (1, 2)
    )
    file.write_text(
        f"project: {GROUP}\nnode: {NODE}\n"
        f"mqtt: {{url: 'mqtt://127.0.0.1:{broker_port}', secret: {secret}}}\n"
        f"timeout_s: 0.1\ndevices:\n{devices}",
        encoding="utf-8",
    )
    return file


@asynccontextmanager
async def gateway(file: Path) -> AsyncIterator[Journal]:
    """The gateway in this process, ended in order."""
    config, ending = load_config(file, {}), asyncio.Event()
    journal = Journal(config.journal, config.journal_bytes)
    journal.open()
    task = asyncio.create_task(run_until(config, journal, SystemClock(), ending, (file, {})))
    try:
        yield journal
    finally:
        ending.set()
        await task
        await asyncio.to_thread(journal.close)


async def first_session(host: Host, tap: Tap, journal: Journal, meters: Field) -> None:
    await host.until(lambda: {"m1", "m2"} <= set(host.born))
    await host.until(lambda: bool(host.values_of("m1", "p")) and bool(host.values_of("m2", "p")))
    meters.put_value(1, SDM630, "p", 13.5, Ratios())
    await host.until(lambda: 13.5 in host.values_of("m1", "p").values())
    await many_messages(host, journal)
    await host.until(lambda: journal.standing.records == 0)
    host.time_ms = lambda: round(SystemClock().now().timestamp() * 1000) - 5000
    meters.put_value(1, SDM630, "p", 14.5, Ratios())
    await host.until(lambda: any("/NDATA/" in sent.topic for sent in tap.wires[0].published))
    host.ask_rebirth(NODE)
    await host.until(lambda: host.births.count(f"NBIRTH/{NODE}") == 2)
    meters.silent.add(2)
    await host.until(lambda: "DDEATH/m2" in host.deaths)
    meters.silent.clear()
    await host.until(lambda: host.births.count(f"DBIRTH/{NODE}/m2") == 3)


async def many_messages(host: Host, journal: Journal) -> None:
    """More messages than there are sequence numbers, encoded as the pipeline does it."""
    alias = next(alias for alias, name in host.aliases.items() if name == ("m1", "p"))
    messages = DeviceMessages(SDM630, [SDM630.point("p")], [alias], Ratios())
    before_ms = round(SystemClock().now().timestamp() * 1000) - 60_000
    for number in range(MANY):
        journal.append("m1", messages.body([0], [100.0 + number], before_ms + number))
    await host.until(lambda: 100.0 + MANY - 1 in host.values_of("m1", "p").values())


async def skip_sessions(file: Path) -> None:
    """Let the gateway's next session be number 255."""
    journal = Journal(load_config(file, {}).journal)
    journal.open()
    await journal.ask(lambda connection: write_meta(connection, "bdseq", 254))
    await asyncio.to_thread(journal.close)


def play(folder: Path) -> Recording:
    """Record with short pauses where the product's are long."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publish, "STANDING_EVERY_S", 0.2)
        patch.setattr(publish, "FIRST_PAUSE_S", 0.1)
        patch.setattr(poll, "FIRST_PAUSE_S", 0.1)
        return asyncio.run(record(folder))
