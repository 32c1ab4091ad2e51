"""The simulated field over real Modbus TCP: one server a bus, one unit a meter.

Registers are computed when they are asked for. A dead meter does not answer at all, so its reader
runs into the time-out, as behind a serial gateway.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

from pymodbus.constants import ExcCodes
from pymodbus.exceptions import NoSuchIdException
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from gateway.contract.profile import Profile
from gateway.simulator.field import Field

Action = Callable[
    [int, int, int, int, list[int], list[int] | list[bool] | None],
    Awaitable[ExcCodes | None],
]


class Bus:
    """One Modbus TCP server with the meters of one bus."""

    def __init__(self, field: Field, slugs: Sequence[str]) -> None:
        """Answer for these meters; nothing listens yet."""
        self._devices = [_device(field, slug) for slug in slugs]
        self._server: ModbusTcpServer | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen and answer the port in use (0 = any free one). Raises OSError when it is taken."""
        logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
        server = ModbusTcpServer(self._devices, address=(host, port), ignore_missing_devices=True)
        try:
            await server.serve_forever(background=True)
        except RuntimeError as error:
            raise OSError(f"port {port} on {host} is taken") from error
        self._server = server
        listener = server.transport
        if not isinstance(listener, asyncio.Server):
            raise OSError(f"port {port} on {host} cannot be had")
        return int(listener.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close the server and every connection to it."""
        if self._server is not None:
            await self._server.shutdown()  # type: ignore[no-untyped-call]  # pymodbus
            self._server = None


def _device(field: Field, slug: str) -> SimDevice:
    meter = field.meters[slug]
    ratios = {fc: field.ratio_words(slug, fc) for fc in (3, 4)}

    async def answer(
        fc: int,
        base: int,
        address: int,
        count: int,
        registers: list[int],
        _new: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        if fc not in (3, 4):
            return ExcCodes.ILLEGAL_FUNCTION
        if field.is_dead(slug):
            raise NoSuchIdException
        words = field.read(slug, (fc, address, count))
        for place, word in ratios[fc].items():
            if address <= place < address + count:
                words[place - address] = word
        registers[address - base : address - base + count] = words
        return None

    holding, inputs = (_space(meter.profile, fc, ratios[fc]) for fc in (3, 4))
    bits = [SimData(0, values=[False] * 16, datatype=DataType.BITS)]
    return SimDevice(
        meter.device.unit_id, simdata=(bits, list(bits), holding, inputs), action=answer
    )


def _space(profile: Profile, fc: int, ratios: Mapping[int, int]) -> list[SimData]:
    """The registers that exist: from the first to the last known one, without forbidden blocks."""
    used = {
        point.address + word
        for point in profile.points
        if point.fc == fc
        for word in range(point.words)
    } | set(ratios)
    if not used:
        return [SimData(0, datatype=DataType.INVALID)]
    closed = {
        address
        for block in profile.forbidden
        if block.fc == fc
        for address in range(block.start, block.end)
    }
    space: list[SimData] = []
    start: int | None = None
    for address in range(min(used), max(used) + 2):
        is_open = address not in closed and address <= max(used)
        if is_open and start is None:
            start = address
        elif not is_open and start is not None:
            space.append(SimData(start, count=address - start, datatype=DataType.REGISTERS))
            start = None
    return space
