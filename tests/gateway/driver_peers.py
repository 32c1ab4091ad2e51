"""For every protocol a real peer that answers with a profile's own sample, and a place where nobody
is. A new driver adds one line to each table.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from gateway.contract.profile import Profile
from gateway.drivers.capabilities import Address, Tcp, Unit, Url
from tests.gateway import dlt645_meter, iec104_peers, mqtt_devices, opcua_server
from tests.gateway.modbus_server import free_port

Serve = Callable[[Profile], AbstractAsyncContextManager[tuple[Address, Unit]]]


@asynccontextmanager
async def modbus(profile: Profile) -> AsyncIterator[tuple[Address, Unit]]:
    """One unit with the sample's registers; all others read 0."""
    bits = [SimData(0, values=[False] * 16, datatype=DataType.BITS)]
    spaces = [
        [SimData(0, values=_registers(profile, fc), datatype=DataType.REGISTERS)] for fc in (3, 4)
    ]
    port = free_port()
    device = SimDevice(1, simdata=(bits, list(bits), spaces[0], spaces[1]))
    server = ModbusTcpServer([device], address=("127.0.0.1", port))
    await server.serve_forever(background=True)
    try:
        yield Address("modbus", Tcp("127.0.0.1", port)), 1
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call]


def _registers(profile: Profile, fc: int) -> list[int]:
    ends = [point.address + point.words for point in profile.points if point.fc == fc]
    blocks = [(block, words) for block, words in profile.sample.blocks if block.fc == fc]
    registers = [0] * max([*ends, *(block.end for block, _ in blocks), 1])
    for block, words in blocks:
        registers[block.start : block.end] = words
    return registers


@asynccontextmanager
async def opcua(profile: Profile) -> AsyncIterator[tuple[Address, Unit]]:
    """A server with the sample's nodes."""
    unit = "M1"
    nodes = {
        item.replace("{unit}", unit): raw
        for item, raw in profile.sample.items.items()
        if raw is not None
    }
    async with opcua_server.serving(free_port(), nodes) as meters:
        yield Address("opcua", Url(meters.url), (("publish_ms", "50"),)), unit


@asynccontextmanager
async def iec104(profile: Profile) -> AsyncIterator[tuple[Address, Unit]]:
    """A c104 station in a process of its own with the sample's objects."""
    port = free_port()
    async with iec104_peers.station(port) as peer:
        await iec104_peers.equip(peer, profile, 7)
        await peer.do("start")
        yield Address("iec104", Tcp("127.0.0.1", port)), 7


@asynccontextmanager
async def dlt645(profile: Profile) -> AsyncIterator[tuple[Address, Unit]]:
    """A meter with the sample's items, alone and as blocks, behind a serial server."""
    items = dlt645_meter.sample_items(profile)
    meter = dlt645_meter.SimpleMeter("123456781012", items, blocks=True)
    async with dlt645_meter.serving(meter) as port:
        yield Address("dlt645", Tcp("127.0.0.1", port)), meter.address


PEERS: dict[str, Serve] = {
    "dlt645": dlt645,
    "iec104": iec104,
    "modbus": modbus,
    "mqtt": mqtt_devices.publishing,
    "opcua": opcua,
}
NOBODY: dict[str, Callable[[], Address]] = {
    "dlt645": lambda: Address("dlt645", Tcp("127.0.0.1", free_port())),
    "iec104": lambda: Address("iec104", Tcp("127.0.0.1", free_port())),
    "modbus": lambda: Address("modbus", Tcp("127.0.0.1", free_port())),
    "mqtt": lambda: Address("mqtt", Url(f"mqtt://127.0.0.1:{free_port()}")),
    "opcua": lambda: Address("opcua", Url(f"opc.tcp://127.0.0.1:{free_port()}")),
}
